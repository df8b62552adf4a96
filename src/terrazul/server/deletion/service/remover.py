"""The remover: carries deletions out, collects bytes, and purges by age. What a restart interrupts goes on after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.ids import new_guid
from terrazul.server.changes import Changes
from terrazul.server.compute.service.kinds import Computes
from terrazul.server.deletion.service.collector import Collector
from terrazul.server.deletion.service.deletions import Deletions, waited_for
from terrazul.server.deletion.store import deletion as deletions
from terrazul.server.deletion.store.deletion import DeletionRow
from terrazul.server.deletion.store.removal import step
from terrazul.server.identity.rules import Principal
from terrazul.server.loop import Loop
from terrazul.server.sql.database import Database, tell
from terrazul.server.sql.witness import Witness, watched_by
from terrazul.server.workspace import store as workspaces
from terrazul.wire.deletion import DeletionState, NewDeletion, Selection

_LOOK_SECONDS = 60.0
_DAY_SECONDS = 86400
_HOUR_MICROSECONDS = 3600 * 1_000_000
_BY_AGE = Principal("purge by age")


class Remover:
    """One loop in one process, the one that leads."""

    def __init__(
        self,
        database: Database,
        collector: Collector,
        computes: Computes,
        changes: Changes,
        clock: Clock,
        purge_after_days: int,
        witness_of: Callable[[str], Witness],
    ) -> None:
        self._database = database
        self._collector = collector
        self._computes = computes
        self._changes = changes
        self._clock = clock
        self._purge_after_days = purge_after_days
        self._witness_of = witness_of
        self._looked_for_old_at = self._swept_at = clock()
        self._loop = Loop("remover", self._work, _LOOK_SECONDS)
        self._deletions: Deletions

    def start(self, deletions_: Deletions) -> None:
        """Begin; deletions that an earlier server began are found again."""
        self._deletions = deletions_
        self._loop.start()

    async def stop(self) -> None:
        """End the loop, after the transaction that it is in."""
        await self._loop.stop()

    def wake(self) -> None:
        """Look at once: a deletion was ordered."""
        self._loop.wake()

    async def _work(self) -> float:
        await self._purge_old()
        await self._sweep()
        for row in await self._database.read(deletions.pending):
            await self._carry_out(row)
        for workspace in await self._collector.workspaces():
            await self._collector.collect(workspace)
        await self._collector.remove_dead()
        return _LOOK_SECONDS

    async def _carry_out(self, row: DeletionRow) -> None:
        if row.state is DeletionState.REMOVING:
            while await self._database.write(lambda connection: step(connection, row, self._clock())):
                continue
            await self._come_to(row, DeletionState.COLLECTING)
        await self._collector.collect(row.workspace, row.key)
        place = await self._database.read(partial(deletions.place_of, key=row.key))
        if place is not None:  # else the workspace was deleted meanwhile
            await asyncio.to_thread(self._computes.clear, place.workspace_id)
            await self._database.write(partial(self._end, row=row, deletion_id=place.deletion_id))
            self._changes.notify(waited_for(row.workspace, place.deletion_id))

    async def _come_to(self, row: DeletionRow, state: DeletionState) -> None:
        await self._database.write(partial(deletions.come_to, key=row.key, state=state, now=self._clock()))

    def _end(self, connection: Connection, row: DeletionRow, deletion_id: str) -> None:
        deletions.come_to(connection, row.key, DeletionState.DONE, self._clock())
        tell(connection, waited_for(row.workspace, deletion_id))

    async def _purge_old(self) -> None:
        """Once an hour, and not in the first one: a client that was waiting for the server comes first."""
        now = self._clock()
        if not self._purge_after_days or now - self._looked_for_old_at < _HOUR_MICROSECONDS:
            return
        self._looked_for_old_at = now
        selection = Selection(deleted_for_seconds=self._purge_after_days * _DAY_SECONDS)
        for workspace in await self._database.read(lambda connection: workspaces.list_all(connection, None, None)):
            found = await self._deletions.preview(workspace.key, selection, _BY_AGE)
            if found.experiments or found.runs:
                with watched_by(self._witness_of(workspace.workspace.workspace_id)):
                    await self._deletions.order(workspace, NewDeletion(new_guid(), selection), _BY_AGE)

    async def _sweep(self) -> None:
        """Once a day, look for uploads that nobody finished."""
        now = self._clock()
        if now - self._swept_at < _DAY_SECONDS * 1_000_000:
            return
        self._swept_at = now
        for workspace in await self._database.read(lambda connection: workspaces.list_all(connection, None, None)):
            await self._collector.release_abandoned(workspace.key)
