"""The datastores that come with each workspace: folders of the server's own, which count for the quota."""

from __future__ import annotations

import asyncio
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection

from terrazul.core.clock import from_text
from terrazul.server.datastore import rules, store
from terrazul.server.datastore.folder import FolderFiles
from terrazul.server.datastore.kind import NO_CREDENTIAL
from terrazul.server.datastore.store import DatastoreRow
from terrazul.server.sql.database import Database
from terrazul.server.workspace.store import WorkspaceRow

CheckRoom = Callable[[Connection, int, int], None]
"""Raises ``QuotaExceeded`` where a workspace has no room for so many bytes more, part of the caller's transaction."""


class BuiltIn:
    """Those of all workspaces: ``folder/<workspace id>/<name>``. There is no row of them."""

    def __init__(self, database: Database, folder: Path, check_room: CheckRoom) -> None:
        self._database = database
        self._folder = folder
        self._check_room = check_room
        self._putting: defaultdict[tuple[int, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    def rows(self, workspace: WorkspaceRow) -> list[DatastoreRow]:
        """As if they had been registered with the workspace."""
        about = workspace.workspace
        made_at = from_text(about.created_at)
        kind = rules.LOCAL_FOLDER
        return [
            DatastoreRow(key, key, kind, {}, NO_CREDENTIAL, made_at, about.created_by, made_at)
            for key in rules.BUILT_IN
        ]

    def open(self, workspace: WorkspaceRow, key: str, *, bounded: bool) -> FolderFiles:
        """The files of one; what is ``bounded`` raises ``QuotaExceeded`` where there is no room for more."""

        async def reserve(change: int) -> None:
            await self._database.write(lambda connection: self._count(connection, workspace.key, change, bounded))

        root = self._folder / workspace.workspace.workspace_id / key
        return FolderFiles(root, None, self._putting[workspace.key, key], reserve)

    async def check_room(self, workspace: WorkspaceRow, announced: int) -> None:
        """Raise ``QuotaExceeded`` early, before bytes are sent for which there is no room."""
        if announced > 0:
            await self._database.read(lambda connection: self._check_room(connection, workspace.key, announced))

    def clear(self, workspace_id: str) -> None:
        """Remove the folders of a workspace."""
        shutil.rmtree(self._folder / workspace_id, ignore_errors=True)

    def _count(self, connection: Connection, workspace: int, change: int, bounded: bool) -> None:
        if change > 0 and bounded:
            self._check_room(connection, workspace, change)
        store.count(connection, workspace, change)
