"""Saving and registering datasets, finding them, and what has become of the data behind them."""

from __future__ import annotations

import difflib

import msgspec
from sqlalchemy import Connection

from terrazul.core.clock import Clock, to_text
from terrazul.core.errors import AlreadyExists, DatasetWithoutData, InvalidInput, NotFound, TooLarge
from terrazul.core.ids import new_guid
from terrazul.data.plan.plan import Plan, is_web, read
from terrazul.data.plan.source import SqlQuery
from terrazul.server.blobs.service import Contents
from terrazul.server.dataset import rules, store
from terrazul.server.dataset.rules import DATASET, LOCATION, Content
from terrazul.server.dataset.store import DatasetRow
from terrazul.server.datastore.service.datastores import Datastores
from terrazul.server.datastore.service.files import DataFiles
from terrazul.server.lineage import store as lineage
from terrazul.server.sql.database import Database
from terrazul.server.sql.position import read_position, write_position
from terrazul.server.sql.witness import changed, made, removed
from terrazul.server.workspace.store import WorkspaceRow
from terrazul.wire.dataset import (
    ACTIVE,
    ContentComparison,
    ContentFile,
    ContentFilePage,
    DataLocation,
    Dataset,
    DatasetChange,
    DatasetPage,
    NewDataset,
)
from terrazul.wire.datastore import DataFile

_PAGE_LIMIT = 1000
_FILES_LIMIT = 10_000
_MOST_FILES = 1_000_000


class Datasets:
    """The datasets of all workspaces."""

    def __init__(
        self, database: Database, content: Contents, datastores: Datastores, data_files: DataFiles, clock: Clock
    ) -> None:
        self._database = database
        self._contents = content
        self._datastores = datastores
        self._data_files = data_files
        self._clock = clock

    async def save(self, workspace: WorkspaceRow, new: NewDataset, user: str) -> Dataset:
        """Keep a definition, and register it where it has a name; sent twice, it counts once.

        A name keeps its version while definition and content are the same. Raises ``AlreadyExists`` where the name
        stands for another definition and no new version is wanted, ``DatasetWithoutData`` where there is nothing
        behind a location, ``InvalidInput`` and ``DatasetValidationError`` for a definition that cannot be carried out.
        """
        plan = rules.check_new(new)
        digest = rules.digest_of(new.definition)
        for store_name in dict.fromkeys(location.datastore for location in plan.locations if location.datastore):
            await self._datastores.get(workspace, store_name)
        content = await self._look(workspace, plan, new)
        listing = "" if content is None else await self._keep(workspace, content)

        def work(connection: Connection) -> Dataset:
            row = self._enter(connection, workspace.key, new, digest, content, user)
            lineage.add(connection, workspace.key, rules.edges_of(row.dataset_id, plan))
            if content is not None and row.files_digest != content.digest:
                store.set_content(connection, workspace.key, row.key, content, listing, self._clock())
            return store.load(connection, [row.key])[0]

        return await self._database.write(work)

    async def get(self, workspace: WorkspaceRow, dataset_id: str) -> Dataset:
        """The dataset of an id. Raises ``NotFound``."""

        def work(connection: Connection) -> Dataset:
            return store.load(connection, [existing(connection, workspace.key, dataset_id).key])[0]

        return await self._database.read(work)

    async def get_version(self, workspace: WorkspaceRow, name: str, version: int | None) -> Dataset:
        """A version of a name, or the newest one. Raises ``NotFound``."""
        rules.check_version(name, version)

        def work(connection: Connection) -> Dataset:
            return store.load(connection, [_version(connection, workspace.key, name, version).key])[0]

        return await self._database.read(work)

    async def versions(self, workspace: WorkspaceRow, name: str) -> list[Dataset]:
        """All versions of a name, the newest first. Raises ``NotFound``."""

        def work(connection: Connection) -> list[Dataset]:
            _version(connection, workspace.key, name, None)
            return store.load(connection, [row.key for row in store.versions_of(connection, workspace.key, name)])

        return await self._database.read(work)

    async def list_all(self, workspace: WorkspaceRow, limit: int, page: str | None, *, archived: bool) -> DatasetPage:
        """A page of the registered datasets, each in its newest version, the youngest first."""
        if not 1 <= limit <= _PAGE_LIMIT:
            raise InvalidInput(f"A page holds 1 to {_PAGE_LIMIT} datasets, not {limit}.", target="limit")
        after = read_position(page)

        def work(connection: Connection) -> DatasetPage:
            found, following = store.newest(connection, workspace.key, limit, after, archived=archived)
            return DatasetPage(found, write_position(following))

        return await self._database.read(work)

    async def change(self, workspace: WorkspaceRow, dataset_id: str, change: DatasetChange) -> Dataset:
        """Change what describes a version. Raises ``NotFound``, also for a dataset that is to take its place."""
        rules.check_change(change, dataset_id)

        def work(connection: Connection) -> Dataset:
            row = existing(connection, workspace.key, dataset_id)
            if change.deprecated_by:
                existing(connection, workspace.key, change.deprecated_by)
            self._change(connection, workspace.key, row.key, change)
            return store.load(connection, [row.key])[0]

        return await self._database.write(work)

    async def unregister(self, workspace: WorkspaceRow, name: str, version: int | None) -> None:
        """Take the name from a version, or from all; their numbers are not given again.

        What runs or models tell of stays under its id, and everything else goes. No data is touched. Raises
        ``NotFound``.
        """
        rules.check_version(name, version)

        def work(connection: Connection) -> None:
            first = _version(connection, workspace.key, name, version)
            for row in [first] if version is not None else store.versions_of(connection, workspace.key, name):
                if _is_told_of(connection, workspace.key, row.dataset_id):
                    store.change(connection, row.key, {"registered_dataset": None, "version": None})
                    changed(connection, DATASET, row.dataset_id)
                else:
                    lineage.remove_user(connection, workspace.key, DATASET, row.dataset_id)
                    store.delete(connection, workspace.key, row.key, self._clock())
                    removed(connection, DATASET, row.dataset_id)

        await self._database.write(work)

    async def files(self, workspace: WorkspaceRow, dataset_id: str, page: str | None) -> ContentFilePage:
        """The files behind a version when it was registered. Raises ``NotFound`` where nobody has looked."""
        start = _read_place(page)
        files = await self._kept(workspace, dataset_id)
        more = start + _FILES_LIMIT < len(files)
        return ContentFilePage(files[start : start + _FILES_LIMIT], str(start + _FILES_LIMIT) if more else None)

    async def compare(self, workspace: WorkspaceRow, dataset_id: str) -> ContentComparison:
        """What has become of the files behind a version since it was registered.

        Files at web addresses are taken as they were: the server does not call them. Raises ``NotFound`` where nobody
        has looked at them then.
        """
        before = await self._kept(workspace, dataset_id)
        found = await self.get(workspace, dataset_id)
        plan = read(found.definition)
        listed: list[tuple[str, DataFile]] = [("", rules.as_listed(each)) for each in before if not each.datastore]
        listed += await self._list(workspace, plan, must_be=False)
        return rules.compare(before, rules.content_of(listed), to_text(self._clock()))

    async def digest_now(self, workspace: WorkspaceRow, dataset_id: str) -> str | None:
        """What tells the files behind a dataset, as they are now, from others; None where the server cannot look."""
        plan = read((await self.get(workspace, dataset_id)).definition)
        if isinstance(plan.source, SqlQuery) or any(map(is_web, plan.locations)):
            return None
        return rules.content_of(await self._list(workspace, plan, must_be=False)).digest

    async def compare_versions(self, workspace: WorkspaceRow, before: str, after: str) -> ContentComparison:
        """How the files behind one dataset differ from those behind another one, as they were when each was registered.

        Raises ``NotFound`` where nobody has looked at those of one.
        """
        old, new = await self._kept(workspace, before), await self._kept(workspace, after)
        return rules.compare_kept(old, new, to_text(self._clock()))

    async def _look(self, workspace: WorkspaceRow, plan: Plan, new: NewDataset) -> Content | None:
        """What lies behind a dataset that is to be registered; None where nobody has to look."""
        if not new.name or new.skip_validation or isinstance(plan.source, SqlQuery):
            return None
        listed = await self._list(workspace, plan, must_be=True)
        return rules.content_of([*listed, *(("", file) for file in new.files)])

    async def _list(self, workspace: WorkspaceRow, plan: Plan, *, must_be: bool) -> list[tuple[str, DataFile]]:
        found: list[tuple[str, DataFile]] = []
        for location in plan.locations:
            if is_web(location):
                continue
            files = await self._files_at(workspace, location)
            if must_be and not files:
                raise DatasetWithoutData(
                    f"There is no file {location.path!r} on the datastore {location.datastore!r}.",
                    target=location.path,
                    hint="Look what there is with `terrazul datastore browse`.",
                )
            found += [(location.datastore, file) for file in files]
        return found

    async def _files_at(self, workspace: WorkspaceRow, location: DataLocation) -> list[DataFile]:
        """All files of one location. Raises ``TooLarge`` for more than a version can tell of."""
        found: list[DataFile] = []
        page: str | None = None
        while True:
            part = await self._data_files.find(workspace, location.datastore, location.path, page)
            found += part.files
            page = part.next_page
            if len(found) > _MOST_FILES:
                raise TooLarge(
                    f"{location.path!r} on the datastore {location.datastore!r} means more than {_MOST_FILES} files.",
                    target=location.path,
                    hint="Register it in parts, or with skip_validation=True, so that nobody looks at its files.",
                )
            if page is None:
                return found

    async def _keep(self, workspace: WorkspaceRow, content: Content) -> str:
        return await self._contents.put(workspace.key, msgspec.json.encode(rules.plain(content)))

    async def _kept(self, workspace: WorkspaceRow, dataset_id: str) -> list[ContentFile]:
        row = await self._database.read(lambda connection: existing(connection, workspace.key, dataset_id))
        if row.listing is None:
            raise NotFound(
                "Nobody has looked at the files behind this dataset.",
                target=dataset_id,
                hint="That is done when a dataset of files is registered, unless skip_validation was said.",
            )
        held = await self._contents.find(workspace.key, [row.listing])
        kept = msgspec.json.decode(await self._contents.read_whole(held[row.listing]))
        return rules.files_from_plain(kept)

    def _enter(
        self, connection: Connection, workspace: int, new: NewDataset, digest: str, content: Content | None, user: str
    ) -> DatasetRow:
        if not new.name:
            there = store.find_definition(connection, workspace, digest, free=False)
            return there or self._add(connection, workspace, new, digest, user)
        latest = store.find_version(connection, workspace, new.name, None)
        same = store.find_same(connection, workspace, new.name, digest)
        if latest and not new.create_new_version:
            if same is None:
                raise AlreadyExists(
                    f"There is a dataset {new.name!r} with another definition.",
                    target=new.name,
                    hint="Pass create_new_version=True to register this one as its next version.",
                )
            return self._described(connection, workspace, same, new)
        if same and latest and same.key == latest.key and _has_content(same, content):
            return self._described(connection, workspace, same, new)
        return self._register(connection, workspace, new, digest, user)

    def _register(self, connection: Connection, workspace: int, new: NewDataset, digest: str, user: str) -> DatasetRow:
        """Give the next version of a name to a saved definition that has none, or to a new one."""
        row = store.find_definition(connection, workspace, digest, free=True)
        row = row or self._add(connection, workspace, new, digest, user)
        key, version = store.next_version(connection, workspace, new.name)
        values = {"registered_dataset": key, "version": version, "description": new.description, "state": ACTIVE}
        store.change(connection, row.key, {**values, "modified_at": self._clock()})
        store.tag.remove_all(connection, row.key)
        store.tag.add(connection, workspace, row.key, new.tags)
        made(connection, DATASET, f"{new.name}:{version}")
        return row

    def _described(self, connection: Connection, workspace: int, row: DatasetRow, new: NewDataset) -> DatasetRow:
        """The version that is there already, with what the registration says of it."""
        store.tag.set(connection, workspace, row.key, new.tags)
        if new.description:
            store.change(connection, row.key, {"description": new.description, "modified_at": self._clock()})
        return row

    def _add(self, connection: Connection, workspace: int, new: NewDataset, digest: str, user: str) -> DatasetRow:
        now, dataset_id = self._clock(), new_guid()
        values = {
            "dataset_id": dataset_id,
            "digest": digest,
            "definition": msgspec.to_builtins(new.definition),
            "description": "",
            "state": ACTIVE,
            "deprecated_by": "",
            "created_at": now,
            "created_by": user,
            "modified_at": now,
        }
        key = store.add(connection, workspace, values)
        if not new.name:
            made(connection, DATASET, dataset_id)
        return DatasetRow(key, dataset_id, digest, None, None, None)

    def _change(self, connection: Connection, workspace: int, key: int, change: DatasetChange) -> None:
        if change.replace_tags is not None:
            store.tag.remove_all(connection, key)
            store.tag.add(connection, workspace, key, change.replace_tags)
        store.tag.remove(connection, key, change.remove_tags)
        store.tag.set(connection, workspace, key, change.set_tags)
        values = {
            name: getattr(change, name)
            for name in ("description", "state", "deprecated_by")
            if getattr(change, name) is not None
        }
        if change.state is not None:
            values.setdefault("deprecated_by", "")
        store.change(connection, key, {**values, "modified_at": self._clock()})


def _is_told_of(connection: Connection, workspace: int, dataset_id: str) -> bool:
    """Whether something uses a dataset, or it was made by a run."""
    uses = lineage.used_by(connection, workspace, DATASET, dataset_id)
    made_by = [each for each in uses if each.role != LOCATION]
    return bool(made_by or lineage.users_of(connection, workspace, DATASET, dataset_id))


def _has_content(row: DatasetRow, content: Content | None) -> bool:
    return content is None or row.files_digest is None or row.files_digest == content.digest


def existing(connection: Connection, workspace: int, dataset_id: str) -> DatasetRow:
    """The dataset of an id. Raises ``NotFound``."""
    row = store.find(connection, workspace, dataset_id)
    if row is None:
        raise NotFound(
            f"There is no dataset of the id {dataset_id[:80]!r} in this workspace.",
            target=dataset_id[:80],
            hint="`terrazul dataset list` shows what is registered.",
        )
    return row


def _version(connection: Connection, workspace: int, name: str, version: int | None) -> DatasetRow:
    """A version of a name, or the newest one. Raises ``NotFound`` with what comes near."""
    row = store.find_version(connection, workspace, name, version)
    if row is not None:
        return row
    versions = store.load(connection, [each.key for each in store.versions_of(connection, workspace, name)])
    if versions:
        raise NotFound(
            f"The dataset {name[:80]!r} has no version {version}.",
            target=name[:80],
            hint=f"Its versions are {', '.join(str(each.version) for each in versions[:20])}.",
        )
    near = difflib.get_close_matches(name, store.names_of(connection, workspace), n=1)
    raise NotFound(
        f"There is no dataset {name[:80]!r} in this workspace.",
        target=name[:80],
        hint=f"Did you mean {near[0]!r}?" if near else "`terrazul dataset list` lists what there is.",
    )


def _read_place(page: str | None) -> int:
    if page is None:
        return 0
    if not page.isascii() or not page.isdigit() or len(page) > 12:  # noqa: PLR2004  # more files than any datastore has
        raise InvalidInput("The page mark is not valid.", target="page", hint="Pass next_page of the answer before.")
    return int(page)
