"""The dispatcher: claims waiting runs, has their runners started, and looks after those until they end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import field, replace
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.dataclass import dataclass
from terrazul.server.compute import store as nodes
from terrazul.server.compute.kind import RunnerStatus, members_of, whole
from terrazul.server.compute.service.kinds import Computes
from terrazul.server.loop import Loop
from terrazul.server.queue import store
from terrazul.server.queue.admission import Admission
from terrazul.server.queue.rules import LEASE_SECONDS, Care, Sign, Watch, care_for
from terrazul.server.queue.store import Entry
from terrazul.server.sql.database import Database
from terrazul.server.workspace.service import Hindrance
from terrazul.wire.compute import LOCAL
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


_UNREACHABLE = RunError(
    message="The machine of the run could not be reached for too long, so it is not known what became of the run.",
    code="SystemError",
    hint="Look at the compute target, which says what is wrong; submit the run again.",
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
    members: Mapping[int, Sign] = MappingProxyType({})
    """What the members of a run on several nodes have told of themselves, by their numbers."""

    def of_member(self, number: int, count: int) -> Sign:
        """What is known of one of the runners of a run."""
        heard = Sign(is_done=False, heartbeat_at=self.heartbeat_at or 0)
        return heard if count == 1 else self.members.get(number, Sign(is_done=False, heartbeat_at=0))


class Lifecycle(Protocol):
    """What the dispatcher asks of the runs, which lie above it. The calls are parts of a transaction."""

    def make_job(self, connection: Connection, run: int) -> Job:
        """The job of a run, with a fresh token."""

    def condition(self, connection: Connection, run: int) -> Condition:
        """Where the run is, and when its runner last gave a sign of life."""

    def end(self, connection: Connection, run: int, error: RunError) -> None:
        """Let a run fail whose runner will never report."""


class _Work(NamedTuple):
    job: Job
    placements: list[dict[str, Any]]


class _Seen(NamedTuple):
    """What there is to do."""

    claimed: list[tuple[Entry, Condition]]
    has_vain: bool
    """Whether runs wait for a compute target that is gone."""
    has_next: bool
    """Whether a run may begin."""


@dataclass
class _Memory:
    """What the dispatcher remembers of a runner between two looks; lost at a restart, which only repeats care."""

    cancel_told_at: int | None = None
    delivery_started_at: int | None = None
    unreachable_since: int | None = None
    last_sign: int = 0
    heard_at: float = field(default_factory=time.monotonic)
    """When the last sign of life was seen to be a new one, on a clock that stands still while the machine sleeps."""

    def is_silent(self, sign: Sign) -> bool:
        """Whether a member has said nothing new for longer than its lease."""
        if sign.heartbeat_at != self.last_sign:
            self.last_sign, self.heard_at = sign.heartbeat_at, time.monotonic()
        return time.monotonic() - self.heard_at > LEASE_SECONDS


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
        self._memory: dict[tuple[int, int], _Memory] = {}
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
        has_next = self._admission.line(connection).first() is not None
        return _Seen(claimed, has_vain, has_next)

    def _end_in_vain(self, connection: Connection) -> None:
        """Let runs fail whose compute target is gone."""
        for entry in store.waiting_in_vain(connection):
            self._lifecycle.end(connection, entry.run, _no_target(entry))

    async def _launch_waiting(self) -> None:
        for work in await self._database.write(self._claim):
            await self._launch_safely(work)

    async def _launch_safely(self, work: _Work) -> None:
        try:
            for number, placement in enumerate(work.placements):
                job = replace(work.job, member=number)
                await asyncio.to_thread(self._computes.of(placement).launch, job, placement)
        except Exception:  # noqa: BLE001  # as below; a run whose runner was not started is looked after like any other
            _log.exception("Launching a run met an error")

    def _claim(self, connection: Connection) -> list[_Work]:
        works: list[_Work] = []
        line = self._admission.line(connection)
        while (head := line.first()) is not None:
            entry = store.find(connection, head.run)
            if entry is None:
                break
            work = self._claim_one(connection, entry)
            if work is None:
                break
            works.append(work)
            line.took(head)
        return works

    def _claim_one(self, connection: Connection, entry: Entry) -> _Work | None:
        """Give a run its nodes, where its target has nodes, and its place; None where there are not enough nodes."""
        now, kind, ids = self._clock(), LOCAL, [""]
        job = self._lifecycle.make_job(connection, entry.run)
        if entry.compute_target is not None:
            kind = nodes.kind_of(connection, entry.compute_target)
            ids = nodes.occupy(connection, entry.compute_target, entry.run, entry.node_count, now)
        if not ids:
            return None
        places = [self._computes.get(kind).place(replace(job, member=number), node) for number, node in enumerate(ids)]
        placements = [self._computes.placed(kind, place) for place in places]
        store.claim(connection, entry.run, whole(placements), now)
        return _Work(job, placements)

    async def _look_after_claimed(self, claimed: list[tuple[Entry, Condition]]) -> None:
        keys = [(entry.run, number) for entry, _ in claimed for number in range(len(members_of(entry.placement or {})))]
        self._memory = {key: self._memory.get(key) or _Memory() for key in keys}
        for entry, condition in claimed:
            await self._look_after_safely(entry, condition)

    async def _look_after_safely(self, entry: Entry, condition: Condition) -> None:
        try:
            for number in range(len(members_of(entry.placement or {}))):
                await self._look_after(entry, number, condition)
        except Exception:  # noqa: BLE001  # what is wrong with one run must not hold up the others
            _log.exception("Looking after a run met an error")

    async def _look_after(self, entry: Entry, number: int, condition: Condition) -> None:
        """Do what is to be done about one runner of a run."""
        placements, memory = members_of(entry.placement or {}), self._memory[entry.run, number]
        placement, sign = placements[number], condition.of_member(number, len(placements))
        if sign.is_done:
            return
        kind = self._computes.of(placement)
        status = await asyncio.to_thread(kind.status, placement)
        cancel = condition.state is RunState.CANCEL_REQUESTED
        now = self._clock()
        reachable = status is not RunnerStatus.UNREACHABLE
        memory.unreachable_since = None if reachable else memory.unreachable_since or now
        if not reachable:  # what it was told may not have come there, and is said again
            memory.cancel_told_at = memory.delivery_started_at = None
        silent = len(placements) > 1 and status is RunnerStatus.ALIVE and memory.is_silent(sign)
        told, started = memory.cancel_told_at, memory.delivery_started_at
        care = care_for(
            Watch(status, cancel, told, started, sign.heartbeat_at, now, memory.unreachable_since, is_silent=silent)
        )
        if care in {Care.LAUNCH, Care.DELIVER}:
            job = await self._database.write(lambda connection: self._lifecycle.make_job(connection, entry.run))
            job = replace(job, member=number)
            if care is Care.DELIVER:
                memory.delivery_started_at = now
            await asyncio.to_thread(kind.launch if care is Care.LAUNCH else kind.deliver, job, placement)
        elif care is Care.CANCEL:
            memory.cancel_told_at = now
            await asyncio.to_thread(kind.cancel, placement)
        elif care is Care.KILL:
            if silent:
                _log.warning("The runner of a run's node %d was silent for %d s, and is ended", number, LEASE_SECONDS)
            await asyncio.to_thread(kind.kill, placement)
        elif care is Care.GIVE_UP:
            for each in placements:
                await asyncio.to_thread(self._computes.of(each).kill, each)
            error = _GONE if reachable else _UNREACHABLE
            await self._database.write(lambda connection: self._lifecycle.end(connection, entry.run, error))
