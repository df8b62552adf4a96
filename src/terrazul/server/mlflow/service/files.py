"""Files as MLflow's clients send and fetch them: those of runs, and those of logged models."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.errors import Forbidden, NotFound
from terrazul.core.paths import check_relative_path
from terrazul.server.blobs import store as contents
from terrazul.server.blobs.parts import Parts
from terrazul.server.blobs.service import Contents
from terrazul.server.blobs.storage import SignedPlace
from terrazul.server.blobs.store import Content
from terrazul.server.identity.rules import Action, Principal
from terrazul.server.mlflow import store, view
from terrazul.server.mlflow.service.models import find_model
from terrazul.server.mlflow.service.runs import find_run
from terrazul.server.mlflow.service.tags import active_run
from terrazul.server.model.service import Models
from terrazul.server.run.service.files import Files
from terrazul.server.run.service.lifecycle import Notify
from terrazul.server.run.store import artifact as artifacts
from terrazul.server.run.store import logged_model
from terrazul.server.sql.database import Database
from terrazul.wire.artifact import Artifact
from terrazul.wire.mlflow.answer import artifact_uri
from terrazul.wire.mlflow.rules import invalid

_OF_RUN = re.compile(r"[0-9]+/([^/]+)/artifacts(?:/(.*))?\Z", re.DOTALL)
_OF_VERSION = re.compile(r"registry/([^/]+)/([0-9]{1,9})(?:/(.*))?\Z", re.DOTALL)
_OF_MODEL = re.compile(r"[0-9]+/models/([^/]+)/artifacts(?:/(.*))?\Z", re.DOTALL)
_SMALL = 1 << 20


class Place(NamedTuple):
    """What an address of a file names: a run, a logged model or a version (``name:version``), and a path in it.

    The path is empty for its root.
    """

    run_id: str
    model_id: str
    path: str
    version: str = ""


def place_of(address: str) -> Place:
    """The place that an address names.

    It is ``<experiment>/<run>/artifacts/<path>``, ``<experiment>/models/<model>/artifacts/<path>`` or
    ``registry/<name>/<version>/<path>``. Raises ``InvalidParameter`` for anything else.
    """
    address = address.strip("/")
    of_version = _OF_VERSION.match(address)
    if of_version:
        path = of_version.group(3) or ""
        return Place("", "", path and check_relative_path(path), f"{of_version.group(1)}:{of_version.group(2)}")
    of_model, of_run = _OF_MODEL.match(address), _OF_RUN.match(address)
    match = of_model or of_run
    if match is None:
        raise invalid("path", address, "Files lie below <experiment id>/<run id>/artifacts.")
    path = match.group(2) or ""
    return Place(
        "" if of_model else match.group(1), match.group(1) if of_model else "", path and check_relative_path(path)
    )


class MlflowFiles:
    """The files of runs and logged models of all workspaces."""

    def __init__(
        self,
        database: Database,
        content: Contents,
        parts: Parts,
        files: Files,
        registry: Models,
        clock: Clock,
        notify: Notify,
    ) -> None:
        self._database = database
        self._contents = content
        self._parts = parts
        self._files = files
        self._models = registry
        self._clock = clock
        self._notify = notify

    async def check(self, workspace: int, place: Place, principal: Principal) -> None:
        """Raise ``NotFound`` or ``Forbidden`` where the caller may not touch what a place names."""
        await self._database.read(partial(_check, workspace=workspace, place=place, principal=principal))

    async def list_all(self, workspace: int, place: Place, principal: Principal) -> list[Artifact]:
        """The files at and below a place."""
        if place.version:
            _check_registry(place, principal)
            model = await self._models.get(workspace, place.version)
            return [Artifact(each.path, each.size, each.digest, model.created_at) for each in model.files]
        await self.check(workspace, place, principal)
        if place.run_id:
            return await self._files.list_own(workspace, place.run_id, place.path)

        def work(connection: Connection) -> list[Artifact]:
            row = find_model(connection, workspace, place.model_id, principal)
            return logged_model.files_of(connection, row.key, place.path)

        return await self._database.read(work)

    async def root_of(self, workspace: int, place: Place, principal: Principal) -> str:
        """Where the files of what a place names are, as MLflow writes it."""

        def work(connection: Connection) -> str:
            if place.model_id:
                return view.model_uri(find_model(connection, workspace, place.model_id, principal))
            row = find_run(connection, workspace, place.run_id, principal)
            facts = store.facts_of(connection, [row.key])[0]
            return artifact_uri(facts.artifact_location, facts.experiment_number, facts.run_id)

        return await self._database.read(work)

    async def find(self, workspace: int, place: Place, principal: Principal) -> Content | None:
        """Where the bytes of a file lie; None for a log that still grows. Raises ``NotFound``."""
        if place.version:
            _check_registry(place, principal)
            return await self._models.open_file(workspace, place.version, place.path)
        await self.check(workspace, place, principal)
        if place.run_id:
            return await self._files.find(workspace, place.run_id, place.path)

        def work(connection: Connection) -> Content:
            row = find_model(connection, workspace, place.model_id, principal)
            found = logged_model.find_file(connection, row.key, place.path)
            if found is None:
                raise NotFound(
                    f"The logged model {row.model_id} has no file {place.path[:200]!r}.", target=place.path[:200]
                )
            return contents.find(connection, workspace, [found.digest])[found.digest]

        return await self._database.read(work)

    async def receive(
        self, workspace: int, place: Place, stream: AsyncIterator[bytes], principal: Principal, announced: int | None
    ) -> None:
        """Take in a file, in the place of an earlier one; when this returns, it is on disk.

        One that is announced to be small is refused when it has come, which saves looking twice.
        """
        _check_own(place)
        if announced is None or announced >= _SMALL:
            await self.check(workspace, place, principal)
        name = partial(self._name, workspace, place, principal)
        await self._contents.receive_unnamed(workspace, stream, bounded=not principal.is_run, name=name)

    async def receive_small(self, workspace: int, place: Place, data: bytes, principal: Principal) -> None:
        """As ``receive``, of bytes that are here."""
        _check_own(place)
        name = partial(self._name, workspace, place, principal)
        await self._contents.receive_small(workspace, data, bounded=not principal.is_run, name=name)

    async def check_upload(self, workspace: int, place: Place, principal: Principal) -> None:
        """Raise what ``receive`` raises before it takes anything."""
        _check_own(place)
        await self.check(workspace, place, principal)

    async def receive_part(self, workspace: int, stream: AsyncIterator[bytes], principal: Principal) -> str:
        """Take in a part of a file, which names nothing yet; returns its digest. What is never joined goes in a day."""
        digest = (await self._contents.receive_unnamed(workspace, stream, bounded=not principal.is_run)).digest
        await self._contents.note_sent(workspace, _sender(principal), [digest])
        return digest

    async def offer_parts(self, workspace: int, upload: str, number: int, principal: Principal) -> list[SignedPlace]:
        """Where the client may put the parts of a file by itself; nowhere if the storage takes none."""
        return await self._parts.offer_numbered(workspace, upload, number, _sender(principal))

    async def join(
        self, workspace: int, place: Place, upload: str, parts: Mapping[int, str], principal: Principal
    ) -> None:
        """Make a file of its parts, in the place of an earlier one; they are told by numbers and digests, in order.

        The digests are those of ``receive_part``; of parts that were put to the storage they are its own names.
        Raises ``NotFound`` where one has not come.
        """
        await self.check_upload(workspace, place, principal)
        name = partial(self._name, workspace, place, principal)
        bounded, sender = not principal.is_run, _sender(principal)
        joined = await self._parts.join_numbered(
            workspace, upload, list(parts), bounded=bounded, name=name, sender=sender
        )
        if joined is None:
            digests = list(parts.values())
            await self._parts.join_unnamed(workspace, digests, bounded=bounded, name=name, sender=sender)

    def _name(
        self, workspace: int, place: Place, principal: Principal, connection: Connection, content: Content
    ) -> None:
        """Let a content be the file of a place, part of the caller's transaction."""
        now = self._clock()
        if place.run_id:
            run = active_run(find_run(connection, workspace, place.run_id, principal))
            artifacts.put(connection, workspace, run.key, place.path, content.digest, content.size, now)
            self._notify(connection, run.key)
            return
        model = find_model(connection, workspace, place.model_id, principal)
        logged_model.put_file(connection, model, place.path, content.digest, content.size, now)

    async def delete(self, workspace: int, place: Place, principal: Principal) -> None:
        """Remove a file, or all below a folder. Raises ``NotFound`` where there is none."""
        _check_own(place)

        def work(connection: Connection) -> None:
            now = self._clock()
            if place.run_id:
                run = active_run(find_run(connection, workspace, place.run_id, principal))
                removed = artifacts.remove(connection, workspace, run.key, place.path, now)
            else:
                model = find_model(connection, workspace, place.model_id, principal)
                removed = logged_model.remove_files(connection, model, place.path, now)
            if not removed:
                raise NotFound(f"There is no file {place.path[:200]!r}.", target=place.path[:200])

        await self._database.write(work)


def _check_registry(place: Place, principal: Principal) -> None:
    """Raise ``Forbidden`` where the caller, bound to folders, may not read models: the registry is the workspace's."""
    if principal.reach is not None and Action.MODEL_READ not in principal.reach.everywhere:
        raise Forbidden(
            f"{principal.name} may read the files of runs in some folders, and no registered models.",
            target=place.version,
            hint="Ask an owner for a role in the workspace.",
        )


def _check_own(place: Place) -> None:
    """Raise ``InvalidParameter`` where a client cannot change what a place names."""
    if not place.path:
        raise invalid("path", place.path, "Name a file or a folder.")
    if place.version:
        raise invalid("path", place.path, "The files of a registered model do not change.")


def _sender(principal: Principal) -> int | None:
    """Who is to have sent what they name; None for who may name all that is held."""
    return None if principal.reach is None else principal.reach.sender


def _check(connection: Connection, workspace: int, place: Place, principal: Principal) -> None:
    if place.run_id:
        find_run(connection, workspace, place.run_id, principal)
    else:
        find_model(connection, workspace, place.model_id, principal)
