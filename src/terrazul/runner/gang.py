"""The gang: the members of a run on several nodes, as one of them knows them. A run on one node is a gang of one.

Members hear of each other by the answers to their heartbeats. The first failure ends them all.
"""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from typing import Callable, Sequence
from urllib.parse import urlsplit

from terrazul.core import clock
from terrazul.core.errors import TerrazulError
from terrazul.node.connection import Backoff
from terrazul.node.stop import Stop, Stopped, StopReason
from terrazul.wire.heartbeat import MemberState, RunMember
from terrazul.wire.job import Job
from terrazul.wire.run import RunError

_LOOPBACK = "127.0.0.1"
_PAUSE_FOR_EACH = 0.1
"""Each member looks so seldom that all together ask ten times a second."""
_LONGEST_PAUSE = 2.0
_SHORTEST_PAUSE = 0.05


class Gang:
    """One member's view of all; its own part in it is told with each heartbeat."""

    def __init__(self, job: Job, stop: Stop) -> None:
        self.size = job.node_count
        self.pause = min(_LONGEST_PAUSE, _PAUSE_FOR_EACH * self.size)
        """How long to wait between two looks at what the others tell, where nothing else ends the waiting."""
        self._stop = stop
        self._own = RunMember(job.member)
        self._others: dict[int, RunMember] = {}
        self._heard = threading.Condition()
        self._ends_with_others = True
        self._held: list[socket.socket] = []
        self._address = _address_towards(job.server_url) if self.size > 1 else _LOOPBACK
        self.beat: Callable[[], bool] = lambda: False
        """Tells the server of this member at once; false where it did not listen. To be set by who has a pulse."""

    @property
    def own(self) -> RunMember | None:
        """What the next heartbeat tells; nothing in a gang of one."""
        with self._heard:
            return self._own if self.size > 1 else None

    @property
    def members(self) -> list[RunMember]:
        """What is known of all that have told of themselves, by number."""
        with self._heard:
            known = {**self._others, self._own.number: self._own}
        return [known[number] for number in sorted(known)]

    def hear(self, members: Sequence[RunMember]) -> None:
        """Take in what a heartbeat was answered; where another member has failed, this one is to stop."""
        with self._heard:
            self._others = {each.number: each for each in members if each.number != self._own.number}
            failed = any(each.error for each in self._others.values())
            ends = failed and self._ends_with_others
            self._heard.notify_all()
        if ends:
            self._stop.order(StopReason.MEMBER)

    def meet(self, count: int) -> None:
        """Wait until all members are ready to start; this one has so many processes. Raises ``Stopped``."""
        self._held = [_bound(self._address) for _ in range(1 + count)]
        ports = [each.getsockname()[1] for each in self._held]
        self._tell(state=MemberState.READY, address=self._address, ports=ports)
        self._wait_until(lambda: self._all_at(MemberState.READY))

    def begin(self, *, starts_all: bool) -> None:
        """Let the members start; only the head says so, and whether it starts the processes of all."""
        self._tell(state=MemberState.RUNNING, starts_all=starts_all)

    def wait_for_head(self) -> RunMember:
        """The head, once it lets the members start. Raises ``Stopped``."""
        self._wait_until(lambda: self.members[0].state.place >= MemberState.RUNNING.place)
        self._tell(state=MemberState.RUNNING)
        return self.members[0]

    def let_go_of_ports(self) -> None:
        """Free the ports for the processes that are to listen there."""
        for each in self._held:
            each.close()
        self._held = []

    def end(self, error: RunError | None = None, failed_at: int | None = None, *, is_lost: bool = False) -> None:
        """Tell that the processes of this member are over, and why they failed."""
        if error is not None and failed_at is None:
            failed_at = clock.now()
        self._tell(state=MemberState.ENDED, error=error, failed_at=failed_at, is_lost=is_lost)

    @property
    def all_ended(self) -> bool:
        """Whether the processes of all members are over."""
        return self._all_at(MemberState.ENDED)

    def listen(self, seconds: float) -> None:
        """Tell of oneself, and hear of the others, at least once in so many seconds."""
        if self.size > 1 and not self._beat_safely():
            self._stop.wait(seconds)
        with self._heard:
            self._heard.wait(seconds)

    def leave(self) -> None:
        """Do not stop any more where another one fails: what is left to do is done in any case."""
        with self._heard:
            self._ends_with_others = False

    def wait_for_others(self) -> None:
        """Wait until the server has everything of all others. Raises ``Stopped`` where the run is no longer ours."""
        pause = _SHORTEST_PAUSE
        while not all(each.state is MemberState.DONE for each in self.members if each.number != self._own.number) or (
            len(self.members) < self.size
        ):
            if self._stop.reason is StopReason.FENCED:
                raise Stopped
            self._beat_safely()
            with self._heard:
                self._heard.wait(pause)
            pause = min(self.pause, pause * 2)

    def be_done(self) -> None:
        """Tell, until it is heard or the run is over, that the server has everything of this member."""
        if self.size == 1:
            return
        with self._heard:
            self._own = replace(self._own, state=MemberState.DONE)
        backoff = Backoff()
        while self._stop.reason is not StopReason.FENCED and not self._beat_safely():
            threading.Event().wait(backoff.next_pause())

    @property
    def first_error(self) -> RunError | None:
        """Why the run fails: by what came first, where no runner was killed, of which the rest may be a consequence."""
        failed = [each for each in self.members if each.error is not None]
        failed.sort(key=lambda each: (not each.is_lost, each.failed_at or 0))
        return failed[0].error if failed else None

    def _tell(self, **changes: object) -> None:
        with self._heard:
            self._own = replace(self._own, **changes)  # type: ignore[arg-type]  # the fields of a member
        if self.size > 1:
            self._beat_safely()

    def _beat_safely(self) -> bool:
        try:
            return self.beat()
        except TerrazulError:
            return False

    def _all_at(self, state: MemberState) -> bool:
        members = self.members
        return len(members) == self.size and all(each.state.place >= state.place for each in members)

    def _wait_until(self, reached: Callable[[], bool]) -> None:
        pause = _SHORTEST_PAUSE
        while not reached():
            self._stop.check()
            self.listen(pause)
            pause = min(self.pause, pause * 2)
        self._stop.check()


def _address_towards(url: str) -> str:
    """This machine's own address on the way to the server, by which others on that way reach it."""
    parts = urlsplit(url)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
            way.connect((parts.hostname or _LOOPBACK, parts.port or 80))
            return str(way.getsockname()[0])
    except OSError:
        return _LOOPBACK


def _bound(address: str) -> socket.socket:
    """A socket that keeps a port free until it is closed."""
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    held.bind((address, 0))
    return held
