"""What one can do with workspaces."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from terrazul.core.clock import Clock, to_text
from terrazul.core.errors import AlreadyExists, Conflict, InvalidInput, WorkspaceNotFound
from terrazul.core.ids import check_workspace_name, new_guid
from terrazul.server.blobs.service import Contents
from terrazul.server.sql.database import Database
from terrazul.server.sql.witness import removed
from terrazul.server.workspace import store
from terrazul.server.workspace.store import WorkspaceRow
from terrazul.wire.workspace import NewWorkspace, Workspace, WorkspaceChange, WorkspaceScope

_PART_LIMIT = 256
_KNOWN_MICROSECONDS = 1_000_000
"""After so long a workspace is looked up anew: another process may have changed or removed it."""


class Hindrance(NamedTuple):
    """Why a workspace cannot be removed yet, as the rest of a sentence, and what to do about it."""

    what: str
    hint: str


class _Known(NamedTuple):
    row: WorkspaceRow
    looked_up_at: int


Look = Callable[[Connection, int], "Hindrance | None"]
"""Looks for what a higher concept still does in the workspace of a key."""
Welcome = Callable[[Connection, int, str], None]
"""Gives who makes the workspace of a key the rights to it."""
Clear = Callable[[str], None]
"""Removes what a workspace (by its id) has on the disk besides its contents."""


ObjectsOf = Callable[[Connection, int], Sequence[str]]
"""The objects of a workspace, by its key, that hold no contents."""


class Workspaces:
    """The workspaces of one installation."""

    def __init__(
        self,
        database: Database,
        contents: Contents,
        clock: Clock,
        hindrances: Sequence[Look],
        welcome: Welcome,
        clear: Clear,
        objects_of: ObjectsOf,
        *,
        shared: bool,
    ) -> None:
        self._database = database
        self._contents = contents
        self._clock = clock
        self._hindrances = hindrances
        self._welcome = welcome
        self._clear = clear
        self._objects_of = objects_of
        self._shared = shared
        self._known: dict[str, _Known] = {}
        self._oldest = ""

    async def create(self, new: NewWorkspace, user: str) -> Workspace:
        """Make a workspace. Raises ``AlreadyExists`` where there is one of that name, unless ``exist_ok``."""
        return await self._database.write(partial(self._create, new=new, user=user))

    async def resolve(self, scope: WorkspaceScope, user: str, sees: Callable[[str], bool], *, makes: bool) -> Workspace:
        """The workspace of a ``config.json``; the embedded server makes one that it does not know.

        Where the caller does not see it, there is none. Raises ``WorkspaceNotFound`` then, on a shared server, and for
        whom none is made.
        """
        found = await self._database.read(partial(store.find_by_scope, scope=scope))
        if found and sees(found.workspace.workspace_id):
            return found.workspace
        if self._shared or not makes or found:
            raise WorkspaceNotFound(
                f"There is no workspace {scope.name!r} in resource group {scope.resource_group!r} of subscription "
                f"{scope.subscription_id!r}.",
                target=scope.name,
                hint="List what there is with `terrazul workspace list`, or make it with `terrazul workspace create`.",
            )
        new = NewWorkspace(scope.subscription_id, scope.resource_group, scope.name, exist_ok=True)
        return await self.create(new, user)

    async def get(self, workspace_id: str) -> WorkspaceRow:
        """The workspace of an id. Raises ``WorkspaceNotFound``."""
        row = self._recall(workspace_id)
        if row is None:
            row = await self._database.read(partial(store.find, workspace_id=workspace_id))
            if row is None:
                raise WorkspaceNotFound(
                    f"There is no workspace with the id {workspace_id[:80]!r}.", target=workspace_id[:80]
                )
            self._remember(row)
        return row

    async def list_all(self, subscription_id: str | None, resource_group: str | None) -> list[Workspace]:
        """All workspaces, by name."""
        rows = await self._database.read(
            partial(store.list_all, subscription_id=subscription_id, resource_group=resource_group)
        )
        return [row.workspace for row in rows]

    async def oldest(self) -> Workspace | None:
        """The workspace that was made first of those that there are; None where there is none."""
        row = self._recall(self._oldest)
        if row is None:
            row = await self._database.read(store.find_oldest)
            if row is None:
                return None
            self._oldest = row.workspace.workspace_id
            self._remember(row)
        return row.workspace

    async def change(self, workspace_id: str, change: WorkspaceChange) -> Workspace:
        """Change what describes a workspace."""
        row = await self.get(workspace_id)
        values = {name: value for name, value in vars(change).items() if value is not None}
        if values:
            await self._database.write(partial(store.change, key=row.key, values=values))
            row = row._replace(workspace=replace(row.workspace, **values))
            self._remember(row)
        return row.workspace

    async def delete(self, workspace_id: str) -> None:
        """Remove a workspace and everything in it, for good. Raises ``Conflict`` while something is at work in it."""
        row = await self.get(workspace_id)

        def work(connection: Connection) -> None:
            for hindrance in filter(None, (look(connection, row.key) for look in self._hindrances)):
                raise Conflict(
                    f"In the workspace {row.workspace.name!r} {hindrance.what}.",
                    target=row.workspace.name,
                    hint=hindrance.hint,
                )
            self._contents.bury_all(connection, row.key, self._objects_of(connection, row.key))
            store.delete(connection, row.key)
            removed(connection, "workspace", workspace_id.lower())

        await self._database.write(work)
        self._known.pop(workspace_id, None)
        await self._contents.delete_all(row.key)
        await asyncio.to_thread(self._clear, row.workspace.workspace_id)

    def _recall(self, workspace_id: str) -> WorkspaceRow | None:
        known = self._known.get(workspace_id)
        if known is None or not 0 <= self._clock() - known.looked_up_at < _KNOWN_MICROSECONDS:
            return None
        return known.row

    def _remember(self, row: WorkspaceRow) -> None:
        self._known[row.workspace.workspace_id] = _Known(row, self._clock())

    def _create(self, connection: Connection, new: NewWorkspace, user: str) -> Workspace:
        check_workspace_name(new.name)
        for part in (new.subscription_id, new.resource_group):
            if not part.strip() or len(part) > _PART_LIMIT or "/" in part:
                raise InvalidInput(
                    f"{part[:80]!r} cannot be a subscription id or resource group.",
                    target=part[:80],
                    hint=f"Use 1 to {_PART_LIMIT} characters without '/'.",
                )
        found = store.find_by_scope(connection, WorkspaceScope(new.subscription_id, new.resource_group, new.name))
        if found and not new.exist_ok:
            raise AlreadyExists(
                f"The workspace {found.workspace.name!r} exists already.",
                target=found.workspace.name,
                hint="Pass exist_ok=True to use it.",
            )
        if found:
            return found.workspace
        now = self._clock()
        made = Workspace(
            workspace_id=new_guid(),
            subscription_id=new.subscription_id,
            resource_group=new.resource_group,
            name=new.name,
            location=new.location or "local",
            friendly_name=new.friendly_name or new.name,
            description=new.description,
            tags=new.tags,
            created_at=to_text(now),
            created_by=user,
        )
        row = store.add(connection, made, now)
        self._welcome(connection, row.key, user)
        return row.workspace
