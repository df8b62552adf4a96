"""Holds: who asks where the folder of a held run lies, who releases it, and the loop that ends what is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection

from terrazul.core.clock import Clock, to_text
from terrazul.core.errors import NotFound
from terrazul.server.compute import store as nodes
from terrazul.server.compute.kind import members_of
from terrazul.server.compute.service.kinds import Computes
from terrazul.server.hold import store
from terrazul.server.hold.store import HoldRow
from terrazul.server.loop import Loop
from terrazul.server.run.store import run as runs
from terrazul.server.sql.database import Database
from terrazul.server.sql.witness import Witness, changed, watched_by
from terrazul.server.workspace import store as workspaces
from terrazul.wire.hold import Hold

HOLDS = "holds"
"""What processes tell each other when a run is held, or is so no longer."""
_SECOND = 1_000_000
_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
Notify = Callable[[Connection], None]
"""Has those look who wait for nodes, and this loop, once the transaction is on disk."""


class Holds:
    """The runs that are held; one loop in the process that leads."""

    def __init__(
        self,
        database: Database,
        computes: Computes,
        witness_of: Callable[[str], Witness],
        notify: Notify,
        clock: Clock,
    ) -> None:
        self._database = database
        self._computes = computes
        self._witness_of = witness_of
        self._notify = notify
        self._clock = clock
        self._loop = Loop("hold", self._look, _PAUSE)

    def start(self) -> None:
        """Begin; what an earlier server held, or was about to remove, is found again."""
        self._loop.start()

    async def stop(self) -> None:
        """End the loop. What is held stays so."""
        await self._loop.stop()

    def wake(self) -> None:
        """Look at once: a run is held, or is so no longer."""
        self._loop.wake()

    async def get(self, workspace: int, run_id: str) -> Hold:
        """Where what is kept of a run lies, of several nodes on the first, and until when. Raises ``NotFound``."""
        row = await self._database.read(partial(_existing, workspace=workspace, run_id=run_id))
        placement = members_of(row.placement)[0]
        kept = await asyncio.to_thread(self._computes.of(placement).kept, placement)
        return Hold(run_id, to_text(row.since), to_text(row.until), kept.machine, kept.folder)

    async def release(self, workspace: int, run_id: str) -> None:
        """Hold a run no longer. Raises ``NotFound``."""

        def work(connection: Connection) -> None:
            self._let_go(connection, _existing(connection, workspace, run_id))

        await self._database.write(work)

    def _let_go(self, connection: Connection, row: HoldRow) -> bool:
        now = self._clock()
        if not store.release(connection, row.run, now):
            return False
        nodes.release(connection, row.run, now)
        self._notify(connection)
        return True

    async def _look(self) -> float:
        rows = await self._database.read(store.all_rows)
        now = self._clock()
        for row in rows:
            if row.released_at is not None or row.until <= now:
                await self._end(row)
        due = [row.until - now for row in rows if row.released_at is None and row.until > now]
        return min([_LONGEST_PAUSE, *(each / _SECOND for each in due)])

    async def _end(self, row: HoldRow) -> None:
        """Free the nodes, then remove what was kept; whoever is killed in between is followed by another one."""
        workspace = await self._database.read(partial(workspaces.get, key=row.workspace))
        with watched_by(self._witness_of(workspace.workspace.workspace_id)):
            await self._database.write(partial(self._expire, row=row))
            for placement in members_of(row.placement):
                await asyncio.to_thread(self._computes.of(placement).clean, placement)
            await self._database.write(partial(store.remove, runs=[row.run]))

    def _expire(self, connection: Connection, row: HoldRow) -> None:
        if self._let_go(connection, row):
            found = runs.find_by_key(connection, row.run)
            if found is not None:
                changed(connection, "run", found.run_id, reason="It was held until now, and is so no longer.")


def _existing(connection: Connection, workspace: int, run_id: str) -> HoldRow:
    row = store.find(connection, runs.existing(connection, workspace, run_id).key)
    if row is None:
        raise NotFound(
            f"The run {run_id} is not held.",
            target=run_id,
            hint="A run is held after its script has failed where it was submitted with hold_on_failure_seconds "
            "(`--hold-on-failure 1h`), until that time is over or it is released.",
        )
    return row
