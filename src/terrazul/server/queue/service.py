"""The dispatcher: claims waiting runs, has their runners started, and looks after those until they end."""

from __future__ import annotations

import asyncio
import logging
from typing import NamedTuple, Protocol

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.dataclass import dataclass
from terrazul.server.compute import store as nodes
from terrazul.server.compute.service.kinds import Computes
from terrazul.server.loop import Loop
from terrazul.server.queue import store
from terrazul.server.queue.admission import Admission
from terrazul.server.queue.rules import Care, Watch, care_for
from terrazul.server.queue.store import Entry
from terrazul.server.sql.database import Database
from terrazul.server.workspace.service import Hindrance
from terrazul.wire.compute import CLUSTER, LOCAL
from terrazul.wire.job import Job
from terrazul.wire.run import RunError, RunState

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0
QUEUE = "queue"
"""What processes tell each other when the state of a run changes."""
_GONE = RunError(
    message="The runner ended without a report, and what it had recorded could not be delivered.",
    code="SystemError",
    hint="Look at runner.log in the run's folder; submit the run again.",
)


def _no_target(entry: Entry) -> RunError:
    return RunError(
        message=f"The compute target {entry.target!r} was deleted while the run waited for it.",
        code="UserError",
        hint="Submit the run again to another compute target.",
    )


class Condition(NamedTuple):
    """What the dispatcher must know of a run; the time is in microseconds, None where there was no sign yet."""

    state: RunState
    heartbeat_at: int | None


class Lifecycle(Protocol):
    """What the dispatcher asks of the runs, which lie above it. The calls are parts of a transaction."""

    def make_job(self, connection: Connection, run: int) -> Job:
        """The job of a run, with a fresh token."""

    def condition(self, connection: Connection, run: int) -> Condition:
        """Where the run is, and when its runner last gave a sign of life."""

    def end(self, connection: Connection, run: int, error: RunError) -> None:
        """Let a run fail whose runner will never report."""


class _Work(NamedTuple):
    entry: Entry
    job: Job
    placement: dict[str, object]


class _Seen(NamedTuple):
    """What there is to do."""

    claimed: list[tuple[Entry, Condition]]
    has_vain: bool
    """Whether runs wait for a compute target that is gone."""
    has_next: bool
    """Whether a run may begin."""


@dataclass
class _Memory:
    """What the dispatcher remembers of a claimed run between two looks; lost at a restart, which only repeats care."""

    cancel_told_at: int | None = None
    delivery_started_at: int | None = None


def active_runs(connection: Connection, workspace: int) -> Hindrance | None:
    """The runs that wait or are being executed, if any, as what keeps their workspace from being removed."""
    active = store.count_active_runs(connection, workspace)
    if not active:
        return None
    what = "1 run waits or is" if active == 1 else f"{active} runs wait or are"
    return Hindrance(f"{what} being executed", "Cancel them or wait for their end.")


class Dispatcher:
    """One loop in one process, the one that leads."""

    def __init__(self, database: Database, admission: Admission, computes: Computes, clock: Clock) -> None:
        self._database = database
        self._admission = admission
        self._computes = computes
        self._clock = clock
        self._loop = Loop("dispatcher", self._look, _LOOK_SECONDS)
        self._memory: dict[int, _Memory] = {}
        self._lifecycle: Lifecycle

    def start(self, lifecycle: Lifecycle) -> None:
        """Begin; runs that an earlier server claimed are found again."""
        self._lifecycle = lifecycle
        self._loop.start()

    async def stop(self) -> None:
        """End the loop. Runners go on."""
        await self._loop.stop()

    def wake(self) -> None:
        """Look at once: a run was queued, ended or is to be canceled."""
        self._loop.wake()

    async def _look(self) -> float:
        seen = await self._database.read(self._see)  # at once: an idle server does nothing else
        await self._look_after_claimed(seen.claimed)
        if seen.has_vain:
            await self._database.write(self._end_in_vain)
        if seen.has_next:
            await self._launch_waiting()
        return _LOOK_SECONDS

    def _see(self, connection: Connection) -> _Seen:
        claimed = [(entry, self._lifecycle.condition(connection, entry.run)) for entry in store.claimed(connection)]
        has_vain = bool(store.waiting_in_vain(connection))
        has_next = len(claimed) < self._admission.places and self._admission.line(connection).first() is not None
        return _Seen(claimed, has_vain, has_next)

    def _end_in_vain(self, connection: Connection) -> None:
        """Let runs fail whose compute target is gone."""
        for entry in store.waiting_in_vain(connection):
            self._lifecycle.end(connection, entry.run, _no_target(entry))

    async def _launch_waiting(self) -> None:
        for work in await self._database.write(self._claim):
            await asyncio.to_thread(self._computes.of(work.placement).launch, work.job, work.placement)

    def _claim(self, connection: Connection) -> list[_Work]:
        works: list[_Work] = []
        line = self._admission.line(connection)
        for _ in range(store.length(connection).claimed, self._admission.places):
            head = line.first()
            entry = store.find(connection, head.run) if head else None
            if head is None or entry is None:
                break
            works.append(self._claim_one(connection, entry))
            line.took(head)
        return works

    def _claim_one(self, connection: Connection, entry: Entry) -> _Work:
        """Give a run its node, where its target has nodes, and its place."""
        now, kind, node = self._clock(), LOCAL, ""
        if entry.compute_target is not None:
            kind, node = CLUSTER, nodes.occupy(connection, entry.compute_target, entry.run, now) or ""
        job = self._lifecycle.make_job(connection, entry.run)
        placement = self._computes.placed(kind, self._computes.get(kind).place(job, node))
        store.claim(connection, entry.run, placement, now)
        return _Work(entry, job, placement)

    async def _look_after_claimed(self, claimed: list[tuple[Entry, Condition]]) -> None:
        self._memory = {entry.run: self._memory.get(entry.run, _Memory()) for entry, _ in claimed}
        for entry, condition in claimed:
            await self._look_after_safely(entry, condition, self._memory[entry.run])

    async def _look_after_safely(self, entry: Entry, condition: Condition, memory: _Memory) -> None:
        try:
            await self._look_after(entry, condition, memory)
        except Exception:  # noqa: BLE001  # what is wrong with one run must not hold up the others
            _log.exception("Looking after a run met an error")

    async def _look_after(self, entry: Entry, condition: Condition, memory: _Memory) -> None:
        placement = entry.placement or {}
        kind = self._computes.of(placement)
        status = await asyncio.to_thread(kind.status, placement)
        cancel = condition.state is RunState.CANCEL_REQUESTED
        now = self._clock()
        care = care_for(
            Watch(status, cancel, memory.cancel_told_at, memory.delivery_started_at, condition.heartbeat_at, now)
        )
        if care in {Care.LAUNCH, Care.DELIVER}:
            job = await self._database.write(lambda connection: self._lifecycle.make_job(connection, entry.run))
            if care is Care.DELIVER:
                memory.delivery_started_at = now
            await asyncio.to_thread(kind.launch if care is Care.LAUNCH else kind.deliver, job, placement)
        elif care is Care.CANCEL:
            memory.cancel_told_at = now
            await asyncio.to_thread(kind.cancel, placement)
        elif care is Care.KILL:
            await asyncio.to_thread(kind.kill, placement)
        elif care is Care.GIVE_UP:
            await asyncio.to_thread(kind.kill, placement)
            await self._database.write(lambda connection: self._lifecycle.end(connection, entry.run, _GONE))
