"""Registering models, finding them, changing and deleting them."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.errors import AlreadyExists, DamagedContent, InvalidInput, ModelNotFound, NotFound
from terrazul.server.blobs import store as contents
from terrazul.server.blobs.service import Contents
from terrazul.server.blobs.store import Content
from terrazul.server.identity.rules import Principal
from terrazul.server.lineage import store as lineage
from terrazul.server.lineage.rules import MODEL, RUN
from terrazul.server.model import event, mlmodel, rules, store
from terrazul.server.model.rules import Kept, ModelId
from terrazul.server.model.store import Filter, ModelRow
from terrazul.server.run.rules import new_properties
from terrazul.server.run.service.reach import find_within_reach
from terrazul.server.run.store import artifact as artifacts
from terrazul.server.run.store import run as runs
from terrazul.server.sql.database import Database
from terrazul.server.sql.position import read_position, write_position
from terrazul.server.sql.witness import made, removed
from terrazul.server.webhook.service.outbox import Outbox
from terrazul.wire.lineage import Edge
from terrazul.wire.model import Model, ModelChange, ModelFile, ModelPage, NewModel
from terrazul.wire.run import Run

_PAGE_LIMIT = 1000
_FILTER_LIMIT = 100


class _Origin(NamedTuple):
    """What a registration is made of, as it was found."""

    files: list[ModelFile]
    run: Run | None
    held: dict[str, Content]


class Models:
    """The models of all workspaces; ``forget`` removes what a concept above keeps of a version that goes."""

    def __init__(
        self,
        database: Database,
        content: Contents,
        outbox: Outbox,
        clock: Clock,
        forget: Callable[[Connection, int, int], None],
    ) -> None:
        self._database = database
        self._forget = forget
        self._contents = content
        self._outbox = outbox
        self._clock = clock

    async def register(
        self, workspace: int, new: NewModel, principal: Principal, *, source: str = "", kept: Kept | None = None
    ) -> Model:
        """Make the next version of a name; sent twice, it counts once. No byte is copied.

        ``source`` is where the files come from, as webhooks are told; the registry itself unless it is given.
        With ``kept`` it is that version, which counts once by its number, and no webhook is told of it: one that is
        there with the same files is the answer. Raises ``AlreadyExists`` where it has others, ``Conflict`` where the
        name has passed the number.

        Raises ``ModelPathNotFound`` for a path that the run has no file at, ``InvalidInput`` for files whose
        bytes are not held and for an ``MLmodel`` that cannot be read, ``Forbidden`` for a run out of reach.
        """
        rules.check_new(new)
        if kept is not None:
            rules.check_kept(kept)
        run_id = new.run_id or principal.run_id

        def look(connection: Connection) -> Model | _Origin:
            there = (
                self._repeated(connection, workspace, new)
                if kept is None
                else _kept_already(connection, workspace, new, kept)
            )
            return there or _find_origin(connection, workspace, new, run_id, principal)

        origin = await self._database.read(look)
        if isinstance(origin, Model):
            return origin
        mlflow = await self._read_mlmodel(origin)

        def work(connection: Connection) -> Model:
            # looked at again, since the run or a content may have been deleted meanwhile
            found = look(connection)
            if isinstance(found, Model):
                return found
            return self._add(connection, workspace, new, found, mlflow, principal, source, kept)

        return await self._database.write(work)

    async def search(self, workspace: int, wanted: Filter, limit: int, page: str | None) -> ModelPage:
        """A page of models, newest first."""
        if not 1 <= limit <= _PAGE_LIMIT:
            raise InvalidInput(f"A page holds 1 to {_PAGE_LIMIT} models, not {limit}.", target="limit")
        if len(wanted.tags) + len(wanted.properties) > _FILTER_LIMIT:
            raise InvalidInput(
                f"A search has at most {_FILTER_LIMIT} filters.", target="filters", hint="Ask for less at once."
            )
        after = read_position(page)

        def work(connection: Connection) -> ModelPage:
            found, following = store.search(connection, workspace, wanted, limit, after)
            return ModelPage(found, write_position(following))

        return await self._database.read(work)

    async def get(self, workspace: int, model_id: str) -> Model:
        """A version of a model, or the newest one of a name, with its files. Raises ``ModelNotFound``."""
        wanted = rules.read_model_id(model_id)
        return await self._database.read(lambda connection: _load(connection, workspace, wanted))

    async def change(self, workspace: int, model_id: str, change: ModelChange) -> Model:
        """Change what describes a version. Raises ``AlreadyExists`` for a property that has another value."""
        wanted = rules.read_model_id(model_id)
        rules.check_one_version(wanted)
        rules.check_datasets(change.add_datasets)
        rules.check_resources(change.resource_configuration)

        def work(connection: Connection) -> Model:
            row = _existing(connection, workspace, wanted)
            self._change(connection, workspace, row, change)
            return _load(connection, workspace, wanted)

        return await self._database.write(work)

    async def delete(self, workspace: int, model_id: str) -> None:
        """Remove a version for good; it is not given again. Raises ``ModelInUse`` where something uses it."""
        wanted = rules.read_model_id(model_id)
        rules.check_one_version(wanted)

        def work(connection: Connection) -> None:
            row = _existing(connection, workspace, wanted)
            rules.check_unused(row.id, lineage.users_of(connection, workspace, MODEL, row.id))
            lineage.remove_user(connection, workspace, MODEL, row.id)
            self._forget(connection, row.registered_model, row.version)
            store.delete(connection, workspace, row.key, self._clock())
            removed(connection, "model", row.id)

        await self._database.write(work)

    async def open_file(self, workspace: int, model_id: str, path: str) -> Content:
        """Where the bytes of a file lie, once they have been checked.

        Raises ``NotFound`` for a path that is not the model's, ``DamagedContent`` where the bytes are others than those
        that were registered.
        """
        model = await self.get(workspace, model_id)
        for file in model.files:
            if file.path == path:
                held = await self._contents.find(workspace, [file.digest])
                return await self._checked(held[file.digest], f"the file {path!r} of the model {model.id}")
        raise NotFound(
            f"The model {model.id} has no file {path[:200]!r}.",
            target=path[:200],
            hint=f"Its files are {', '.join(repr(file.path) for file in model.files[:20])}.",
        )

    async def lineage(self, workspace: int, model_id: str) -> list[Edge]:
        """What a model was made with, the data that its run read included, then what uses it."""
        wanted = rules.read_model_id(model_id)

        def work(connection: Connection) -> list[Edge]:
            row = _existing(connection, workspace, wanted)
            made_with = lineage.used_by(connection, workspace, MODEL, row.id)
            origins = [each.used_id for each in made_with if each.used_type == RUN]
            made_with += [read for run_id in origins for read in lineage.used_by(connection, workspace, RUN, run_id)]
            return made_with + lineage.users_of(connection, workspace, MODEL, row.id)

        return await self._database.read(work)

    async def is_from_run(self, workspace: int, model_id: str, run_id: str) -> bool:
        """True where the model comes from the run, or from one below it."""
        wanted = rules.read_model_id(model_id)

        def work(connection: Connection) -> bool:
            row = _existing(connection, workspace, wanted)
            origin = runs.find(connection, workspace, row.run_id) if row.run_id else None
            own = runs.find(connection, workspace, run_id)
            return bool(origin and own and runs.is_within(connection, origin.key, own.key))

        return await self._database.read(work)

    def _repeated(self, connection: Connection, workspace: int, new: NewModel) -> Model | None:
        """The model that this registration has made already."""
        row = store.find_registration(connection, workspace, new.registration_id)
        if row is None:
            return None
        if row.name != new.name:
            raise AlreadyExists(
                f"The registration {new.registration_id!r} made the model {row.id}.",
                target=new.registration_id,
                hint="Make a new id for each registration.",
            )
        return _load(connection, workspace, ModelId(row.name, row.version))

    async def _read_mlmodel(self, origin: _Origin) -> dict[str, object] | None:
        file = mlmodel.find(origin.files)
        if file is None:
            return None
        content = await self._checked(origin.held[file.digest], f"the file {file.path!r}")
        return await asyncio.to_thread(mlmodel.read, file, await self._contents.read_whole(content))

    async def _checked(self, content: Content, what: str) -> Content:
        if not await self._contents.is_intact(content):
            raise DamagedContent(
                f"The stored bytes of {what} are not those that were sent, so they are not handed out.",
                target=content.digest,
                hint="Restore blobs/ of the server's home from a backup, or register the model again from its source.",
            )
        return content

    def _add(
        self,
        connection: Connection,
        workspace: int,
        new: NewModel,
        origin: _Origin,
        mlflow: dict[str, object] | None,
        principal: Principal,
        source: str,
        kept: Kept | None,
    ) -> Model:
        now, run = self._clock() if kept is None else kept.created_at, origin.run
        parent_id = ""
        if new.parent_id:
            parent_id = _existing(connection, workspace, rules.read_model_id(new.parent_id)).id
        wanted_version = None if kept is None else kept.version
        name, version, is_new_name = store.next_version(
            connection, workspace, new.name, now, principal.name, wanted_version
        )
        wanted = new.resource_configuration
        values: dict[str, Any] = {
            "registered_model": name,
            "version": version,
            "registration_id": new.registration_id,
            "description": new.description,
            "framework": new.framework,
            "framework_version": new.framework_version,
            "mlflow": mlflow,
            "sample_input_dataset_id": new.sample_input_dataset_id,
            "sample_output_dataset_id": new.sample_output_dataset_id,
            "resource_configuration": None if wanted is None else msgspec.to_builtins(wanted),
            "datasets": msgspec.to_builtins(new.datasets),
            "run_id": run.run_id if run else None,
            "experiment_name": run.experiment_name if run else "",
            "snapshot_id": run.snapshot_id if run else None,
            "parent_id": parent_id,
            "file_count": len(origin.files),
            "size": sum(file.size for file in origin.files),
            "created_at": now,
            "created_by": principal.name,
            "modified_at": now if kept is None else kept.modified_at,
        }
        key = store.add(connection, workspace, values, origin.files)
        store.tag.add(connection, workspace, key, new.tags)
        store.property_.add(connection, workspace, key, new.properties)
        model_id = ModelId(new.name, version)
        made(connection, "model", str(model_id))
        edges = rules.edges_of(str(model_id), values["run_id"], values["snapshot_id"], parent_id, new.datasets)
        lineage.add(connection, workspace, edges)
        model = _load(connection, workspace, model_id)
        if kept is None:
            self._outbox.add(connection, workspace, event.of_registration(model, source, is_new_name=is_new_name))
        return model

    def _change(self, connection: Connection, workspace: int, row: ModelRow, change: ModelChange) -> None:
        tags = store.tag.of(connection, [row.key]).get(row.key, {})
        there = store.property_.of(connection, [row.key]).get(row.key, {})
        added = new_properties(there, change.add_properties, f"the model {row.id}")
        store.property_.add(connection, workspace, row.key, added)
        if change.replace_tags is not None:
            store.tag.remove_all(connection, row.key)
            store.tag.add(connection, workspace, row.key, change.replace_tags)
        store.tag.remove(connection, row.key, change.remove_tags)
        store.tag.set(connection, workspace, row.key, change.set_tags)
        texts = ("description", "sample_input_dataset_id", "sample_output_dataset_id")
        values: dict[str, Any] = {name: getattr(change, name) for name in texts if getattr(change, name) is not None}
        if change.resource_configuration is not None:
            values["resource_configuration"] = msgspec.to_builtins(change.resource_configuration)
        if change.add_datasets:
            known = store.load(connection, workspace, [row.key])[0].datasets
            fresh = [each for each in dict.fromkeys(change.add_datasets) if each not in known]
            values["datasets"] = msgspec.to_builtins([*known, *fresh])
            lineage.add(connection, workspace, rules.edges_to_datasets(row.id, fresh))
        store.change(connection, row.key, {**values, "modified_at": self._clock()})
        told = event.of_change(ModelId(row.name, row.version), tags, added, change)
        self._outbox.add(connection, workspace, told)


def _find_origin(
    connection: Connection, workspace: int, new: NewModel, run_id: str | None, principal: Principal
) -> _Origin:
    """The files of a registration, all of them held, and the run that they come from. Raises as ``register``."""
    run = None
    files = new.files
    if run_id is not None:
        row = find_within_reach(connection, workspace, run_id, principal)
        run = runs.load(connection, [row.key])[0]
        if not files:
            found = artifacts.list_all(connection, row.key, "")
            files = rules.files_of_run(run_id, new.artifact_path or new.name, found)
    if not files:
        raise InvalidInput(
            f"The model {new.name!r} has no files.",
            target="files",
            hint="Pass files, or run_id with artifact_path.",
        )
    held = contents.find(connection, workspace, {file.digest for file in files})
    _check_held(files, held)
    return _Origin(files, run, held)


def _kept_already(connection: Connection, workspace: int, new: NewModel, kept: Kept) -> Model | None:
    """The version, where it is there. Raises ``AlreadyExists`` where its files are others."""
    row = store.find(connection, workspace, new.name, kept.version)
    if row is None:
        return None
    if store.files_of(connection, row.key) != sorted(new.files, key=lambda file: file.path):
        raise AlreadyExists(
            f"The model {row.id} is here already, with other files.",
            target=row.id,
            hint="Delete the one that is here with all its versions, or import into another workspace.",
        )
    return _load(connection, workspace, ModelId(row.name, row.version))


def _check_held(files: Sequence[ModelFile], held: dict[str, Content]) -> None:
    for file in files:
        if file.digest not in held or held[file.digest].size != file.size:
            raise InvalidInput(
                f"The bytes of {file.path!r} have not arrived.", target=file.path, hint="Send the content first."
            )


def _existing(connection: Connection, workspace: int, wanted: ModelId) -> ModelRow:
    """The model of an id. Raises ``ModelNotFound`` with what comes near."""
    row = store.find(connection, workspace, wanted.name, wanted.version)
    if row is not None:
        return row
    versions = store.versions_of(connection, workspace, wanted.name)
    if versions:
        raise ModelNotFound(
            f"The model {wanted.name!r} has no version {wanted.version}.",
            target=str(wanted),
            hint=f"Its versions are {', '.join(map(str, versions[-20:]))}.",
        )
    near = difflib.get_close_matches(wanted.name, store.names_of(connection, workspace), n=1)
    raise ModelNotFound(
        f"There is no model {wanted.name!r} in this workspace.",
        target=str(wanted),
        hint=f"Did you mean {near[0]!r}?" if near else "`terrazul model list` lists what there is.",
    )


def load_model(connection: Connection, workspace: int, model_id: str) -> Model:
    """A model with its files, for the transaction of a concept above. Raises ``ModelNotFound``."""
    return _load(connection, workspace, rules.read_model_id(model_id))


def _load(connection: Connection, workspace: int, wanted: ModelId) -> Model:
    row = _existing(connection, workspace, wanted)
    model = store.load(connection, workspace, [row.key])[0]
    return replace(model, files=store.files_of(connection, row.key))
