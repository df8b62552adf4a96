"""Registering, finding, testing and unregistering datastores."""

from __future__ import annotations

import asyncio
import json
from typing import NamedTuple

from sqlalchemy import Connection

from terrazul.core.clock import Clock, to_text
from terrazul.core.errors import AlreadyExists, Conflict, DatastoreUnreachable, InvalidInput, NotFound
from terrazul.server.datastore import rules, store
from terrazul.server.datastore.folder import FolderFiles
from terrazul.server.datastore.kind import Files, Kind, Tables
from terrazul.server.datastore.service.built_in import BuiltIn
from terrazul.server.datastore.service.opening import OWNER, Opening, all_kinds, kind_of, place_of_credential
from terrazul.server.datastore.store import DatastoreRow
from terrazul.server.lineage import store as lineage
from terrazul.server.sql.database import Database
from terrazul.server.sql.witness import changed, made, removed
from terrazul.server.vault import store as sealed
from terrazul.server.vault.service.vault import Vault
from terrazul.server.workspace.store import WorkspaceRow
from terrazul.wire.datastore import ConnectionStep, ConnectionTest, Datastore, DatastoreKind, NewDatastore

_TEST_SECONDS = 40.0
_TOLD_USERS = 3


class By(NamedTuple):
    """Who registers."""

    name: str
    owns_machine: bool
    """Whether any folder of the server's machine may be registered, where the server is not shared."""


class Datastores:
    """The datastores of all workspaces."""

    def __init__(self, database: Database, vault: Vault, opening: Opening, built_in: BuiltIn, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._opening = opening
        self._built_in = built_in
        self._clock = clock

    def kinds(self) -> list[DatastoreKind]:
        """What can be registered, and with which fields."""
        return [
            DatastoreKind(
                kind.name,
                kind.description,
                {name: field.about for name, field in kind.settings.items()},
                {name: field.about for name, field in kind.credential.items()},
                kind.holds_files,
            )
            for kind in all_kinds().values()
        ]

    async def list_all(self, workspace: WorkspaceRow) -> list[Datastore]:
        """All of a workspace, those that come with it first."""

        def work(connection: Connection) -> list[Datastore]:
            chosen = store.default_of(connection, workspace.key) or rules.BUILT_IN[0]
            rows = [*self._built_in.rows(workspace), *store.list_all(connection, workspace.key)]
            return [_told(row, chosen) for row in rows]

        return await self._database.read(work)

    async def get(self, workspace: WorkspaceRow, name: str) -> Datastore:
        """The datastore of a name. Raises ``NotFound``."""
        row, chosen = await self._find(workspace, name)
        return _told(row, chosen)

    async def register(self, workspace: WorkspaceRow, new: NewDatastore, by: By) -> Datastore:
        """Register a datastore, once it was reached unless ``skip_validation`` says otherwise.

        Registering the same again changes nothing. Raises ``InvalidInput``, ``DatastoreUnreachable`` with the step that
        failed, ``AlreadyExists`` where another one has the name and ``overwrite`` is not given, ``VaultClosed``.
        """
        key = rules.key_of(new.name)
        rules.check_not_built_in(key, "registered anew")
        kind = kind_of(new.kind)
        rules.check_new(new, kind.settings, kind.credential)
        credential = {name: value for name, value in (new.credential or {}).items() if value}
        credential_type = kind.check(new.settings, credential)
        there = await self._database.read(lambda connection: store.find(connection, workspace.key, key))
        if there is not None and not new.overwrite:
            return await self._repeated(workspace, there, new, credential)
        opened = await self._opening.open_new(new.kind, new.settings, credential, anywhere=by.owns_machine)
        if not new.skip_validation:
            _demand_reached(new.name, await _tried(opened, create=new.create_if_not_exists))

        def work(connection: Connection) -> DatastoreRow:
            known = store.find(connection, workspace.key, key)
            if known is not None and not new.overwrite:
                raise _taken(known)
            now = self._clock()
            begun = (now, by.name) if known is None else (known.created_at, known.created_by)
            later = now if known is None else max(now, known.modified_at + 1)
            row = DatastoreRow(key, new.name, new.kind, dict(new.settings), credential_type, *begun, later)
            store.put(connection, workspace.key, row)
            self._keep(connection, workspace.key, key, credential, by.name)
            (made if known is None else changed)(connection, OWNER, key)
            return row

        row = await self._database.write(work)
        _, chosen = await self._find(workspace, new.name)
        return _told(row, chosen)

    async def set_default(self, workspace: WorkspaceRow, name: str) -> Datastore:
        """Make a datastore the default. Raises ``NotFound``, ``InvalidInput`` for one that holds tables."""
        row, _ = await self._find(workspace, name)
        if not _kind_of(row).holds_files:
            raise InvalidInput(f"{row.name} holds tables; the default datastore holds files.", target=row.name)
        chosen = None if row.key == rules.BUILT_IN[0] else row.key
        await self._database.write(lambda connection: store.set_default(connection, workspace.key, chosen))
        return _told(row, row.key)

    async def unregister(self, workspace: WorkspaceRow, name: str) -> None:
        """Forget a datastore and its credential; the data stays where it is. It needs no master key.

        Raises ``NotFound``, ``Conflict`` for one that comes with the workspace, or that something uses.
        """
        key = rules.key_of(name)
        rules.check_not_built_in(key, "unregistered")

        def work(connection: Connection) -> None:
            if store.find(connection, workspace.key, key) is None:
                raise _no_such(name)
            users = lineage.users_of(connection, workspace.key, OWNER, key)
            if users:
                named = ", ".join(f"the {each.user_type} {each.user_id}" for each in users[:_TOLD_USERS])
                more = f" and {len(users) - _TOLD_USERS} more" if len(users) > _TOLD_USERS else ""
                raise Conflict(
                    f"The datastore {name!r} is used by {named}{more}.",
                    target=name,
                    hint="Unregister these first, or register the datastore anew with overwrite.",
                )
            store.delete(connection, workspace.key, key)
            sealed.delete(connection, place_of_credential(workspace.key, key))
            if store.default_of(connection, workspace.key) == key:
                store.set_default(connection, workspace.key, None)
            removed(connection, OWNER, key)

        await self._database.write(work)

    async def test(self, workspace: WorkspaceRow, name: str) -> ConnectionTest:
        """How far one gets. Raises ``NotFound``, ``VaultClosed``."""
        row, _ = await self._find(workspace, name)
        try:
            opened = await self._open(workspace, name, bounded=False)
            return await _tried(opened, create=row.key in rules.BUILT_IN)
        except InvalidInput as problem:
            return ConnectionTest(False, [ConnectionStep("open", False, str(problem).replace("\n", " "))])

    async def files(self, workspace: WorkspaceRow, name: str, *, bounded: bool = False) -> Files:
        """The files of a datastore; what is ``bounded`` writes as far as the quota goes.

        Raises ``NotFound``, ``InvalidInput`` for one that holds tables, ``VaultClosed``.
        """
        row, _ = await self._find(workspace, name)
        if not _kind_of(row).holds_files:
            raise InvalidInput(
                f"The datastore {row.name} is of the kind {row.kind}, which holds tables and no files.",
                target=row.name,
                hint="Read it by a query: Dataset.Tabular.from_sql_query.",
            )
        opened: Files = await self._open(workspace, name, bounded=bounded)  # type: ignore[assignment]  # as it says
        return opened

    async def tables(self, workspace: WorkspaceRow, name: str) -> Tables:
        """The tables of a datastore. Raises as ``files``, for one that holds files."""
        row, _ = await self._find(workspace, name)
        if _kind_of(row).holds_files:
            raise InvalidInput(
                f"The datastore {row.name} is of the kind {row.kind}, which holds files and no tables.",
                target=row.name,
                hint="Read its files: Dataset.Tabular.from_delimited_files and the like.",
            )
        opened: Tables = await self._open(workspace, name, bounded=False)  # type: ignore[assignment]  # as it says
        return opened

    async def _open(self, workspace: WorkspaceRow, name: str, *, bounded: bool) -> Files | Tables:
        row, _ = await self._find(workspace, name)
        if row.key in rules.BUILT_IN:
            folder: FolderFiles = self._built_in.open(workspace, row.key, bounded=bounded)
            return folder
        return await self._opening.open(workspace.key, row)

    async def _find(self, workspace: WorkspaceRow, name: str) -> tuple[DatastoreRow, str]:
        """The row of a name, and the key of the default."""
        key = rules.key_of(name)

        def work(connection: Connection) -> tuple[DatastoreRow | None, str]:
            chosen = store.default_of(connection, workspace.key) or rules.BUILT_IN[0]
            built_in = next((row for row in self._built_in.rows(workspace) if row.key == key), None)
            return built_in or store.find(connection, workspace.key, key), chosen

        row, chosen = await self._database.read(work)
        if row is None:
            raise _no_such(name)
        return row, chosen

    async def _repeated(
        self, workspace: WorkspaceRow, there: DatastoreRow, new: NewDatastore, credential: dict[str, str]
    ) -> Datastore:
        same = (there.kind, there.settings) == (new.kind, dict(new.settings))
        if not same or await self._opening.credential_of(workspace.key, there.key) != credential:
            raise _taken(there)
        return await self.get(workspace, there.name)

    def _keep(self, connection: Connection, workspace: int, key: str, credential: dict[str, str], user: str) -> None:
        place = place_of_credential(workspace, key)
        if credential:
            self._vault.seal(connection, place, json.dumps(credential), user)
        else:
            sealed.delete(connection, place)


async def _tried(opened: Files | Tables, *, create: bool) -> ConnectionTest:
    steps: list[ConnectionStep] = []

    async def go() -> None:
        async for name, problem in opened.steps(create=create):
            steps.append(ConnectionStep(name, not problem, problem))

    try:
        await asyncio.wait_for(go(), _TEST_SECONDS)
    except asyncio.TimeoutError:
        steps.append(ConnectionStep("answer", False, f"no answer came within {_TEST_SECONDS:g} s."))
    return ConnectionTest(all(step.is_done for step in steps), steps)


def _demand_reached(name: str, test: ConnectionTest) -> None:
    for step in test.steps:
        if not step.is_done:
            raise DatastoreUnreachable(
                f"The datastore {name!r} was not registered: the step '{step.name}' failed: {step.message}",
                target=name,
                hint="With skip_validation it is registered without having been reached.",
            )


def _told(row: DatastoreRow, chosen: str) -> Datastore:
    return Datastore(
        row.name,
        row.kind,
        row.settings,
        row.credential_type,
        is_default=row.key == chosen,
        is_built_in=row.key in rules.BUILT_IN,
        created_at=to_text(row.created_at),
        created_by=row.created_by,
        modified_at=to_text(row.modified_at),
    )


def _kind_of(row: DatastoreRow) -> Kind:
    return kind_of(rules.LOCAL_FOLDER if row.key in rules.BUILT_IN else row.kind)


def _no_such(name: str) -> NotFound:
    return NotFound(
        f"There is no datastore {name[:80]!r} in this workspace.",
        target=name[:80],
        hint="`terrazul datastore list` shows what there is.",
    )


def _taken(row: DatastoreRow) -> AlreadyExists:
    return AlreadyExists(
        f"There is a datastore {row.name!r} already, of the kind {row.kind}, and it is another one.",
        target=row.name,
        hint="Pass overwrite=True to have it replaced, or choose another name.",
    )
