"""The keeper: sees to it that every web service has a supervisor, and that a deleted one leaves nothing."""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.dataclass import dataclass
from terrazul.server.endpoint.kind import EndpointKind
from terrazul.server.endpoint.rules import HOPELESS_LAUNCHES, Care, Watch, care_for
from terrazul.server.endpoint.service.supervision import Supervision
from terrazul.server.endpoint.store import webservice as services
from terrazul.server.endpoint.store.webservice import ServiceRow
from terrazul.server.loop import Loop
from terrazul.server.sql.database import Database
from terrazul.wire.endpoint import ServiceError, ServiceJob

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0
KEEPER = "keeper"
"""What processes tell each other when the one that keeps has something to do."""
_GLANCE_SECONDS = 0.05
_TOLD_LINES = 50


@dataclass
class _Memory:
    """What the keeper remembers of a web service between two looks; lost at a restart, which only repeats care."""

    stop_told_at: int | None = None
    silent_looks: int = 0
    heard_at: int | None = None
    launches: int = 0
    launched_at: int | None = None

    def look_at(self, row: ServiceRow) -> None:
        """Take in what has been heard since the last look."""
        if row.reported_at == self.heard_at:
            self.silent_looks += 1
            return
        if self.heard_at is not None or self.launched_at is not None:
            self.launches = 0
        self.heard_at, self.silent_looks = row.reported_at, 0


class Keeper:
    """One loop in one process, the one that leads."""

    def __init__(self, database: Database, kind: EndpointKind, supervision: Supervision, clock: Clock) -> None:
        self._database = database
        self._kind = kind
        self._supervision = supervision
        self._clock = clock
        self._loop = Loop("keeper", self._look, _LOOK_SECONDS)
        self._memory: dict[int, _Memory] = {}

    def start(self) -> None:
        """Begin; web services of an earlier server are found again."""
        self._loop.start()

    async def stop(self) -> None:
        """End the loop. Supervisors go on."""
        await self._loop.stop()

    def wake(self) -> None:
        """Look at once: a web service was deployed, or is to be deleted."""
        self._loop.wake()

    async def _look(self) -> float:
        rows = await self._database.read(services.list_all)
        self._memory = {row.key: self._memory.get(row.key, _Memory()) for row in rows}
        for row in rows:
            await self._look_after_safely(row, self._memory[row.key])
        return _GLANCE_SECONDS if any(row.deleting for row in rows) else _LOOK_SECONDS

    async def _look_after_safely(self, row: ServiceRow, memory: _Memory) -> None:
        try:
            await self._look_after(row, memory)
        except Exception:  # noqa: BLE001  # what is wrong with one web service must not hold up the others
            _log.exception("Looking after the web service %s met an error", row.name)

    async def _look_after(self, row: ServiceRow, memory: _Memory) -> None:
        placement = row.placement or {}
        memory.look_at(row)
        now = self._clock()
        watch = Watch(
            alive=await asyncio.to_thread(self._kind.is_alive, placement),
            deleting=row.deleting,
            stop_told_at=memory.stop_told_at,
            silent_looks=memory.silent_looks,
            launches=memory.launches,
            launched_at=memory.launched_at,
            now=now,
        )
        care = care_for(watch)
        if care is Care.LAUNCH:
            await self._launch(row, memory)
        elif care is Care.STOP:
            memory.stop_told_at = now
            await asyncio.to_thread(self._kind.stop, placement)
        elif care is Care.KILL:
            memory.silent_looks = 0
            await asyncio.to_thread(self._kind.kill, placement)
        elif care is Care.REMOVE:
            await asyncio.to_thread(self._remove_files, row)
            await self._database.write(lambda connection: self._supervision.forget(connection, row))

    async def _launch(self, row: ServiceRow, memory: _Memory) -> None:
        def work(connection: Connection) -> ServiceJob | None:
            current = services.find_by_key(connection, row.key)
            if current is None or current.deleting:
                return None
            return self._supervision.make_job(connection, current)

        job = await self._database.write(work)
        if job is None:
            return
        if memory.launches >= HOPELESS_LAUNCHES:
            await self._lament(row, memory.launches)
        memory.launches += 1
        memory.launched_at = self._clock()
        memory.silent_looks = 0
        await asyncio.to_thread(self._kind.launch, job, row.placement or {})

    async def _lament(self, row: ServiceRow, launches: int) -> None:
        error = ServiceError(
            "SystemError",
            f"The supervisor of the web service has ended {launches} times before it could report.",
            await asyncio.to_thread(self._kind.log, row.placement or {}, _TOLD_LINES),
            "Its log tells why; it is started again and again.",
        )
        await self._database.write(lambda connection: self._supervision.lament(connection, row.key, error))

    def _remove_files(self, row: ServiceRow) -> None:
        self._kind.kill(row.placement or {})
        self._kind.remove(row.placement or {})
