"""Heartbeats of runners, by which the members of a run on several nodes also tell each other of themselves."""

from __future__ import annotations

import enum
from dataclasses import field
from typing import List, Optional

from terrazul.core.dataclass import dataclass
from terrazul.wire.run import RunError


class MemberState(str, enum.Enum):
    """How far a member has come; it only goes forward."""

    PREPARING = "preparing"
    READY = "ready"
    """Its processes could start; its address is known."""
    RUNNING = "running"
    ENDED = "ended"
    """Its workers are over, or never started."""
    DONE = "done"
    """The server has everything of it."""

    @property
    def place(self) -> int:
        """Its place in the order."""
        return list(MemberState).index(self)


@dataclass(frozen=True)
class RunMember:
    """A member as it tells of itself."""

    number: int
    """From 0, which is the head: it alone brings the run to its states."""
    state: MemberState = MemberState.PREPARING
    address: str = ""
    ports: List[int] = field(default_factory=list)
    """Free ones there: the first for whoever is to be found at the head, then one for each process of the node."""
    starts_all: bool = False
    """Whether it starts the processes of all nodes, so that the others start none."""
    error: Optional[RunError] = None
    """Why it has failed; the first one told stays."""
    failed_at: Optional[int] = None
    """When that was, in microseconds."""
    is_lost: bool = False
    """Whether its runner was killed, so that failures of others may be a consequence of it."""


@dataclass(frozen=True)
class Heartbeat:
    """A runner is alive."""

    attempt: int
    phase: str = ""
    member: Optional[RunMember] = None
    """What it is, in a run on several nodes."""


@dataclass(frozen=True)
class HeartbeatAnswer:
    """What the runner must know at once."""

    cancel: bool
    """True when the run is to end: cancel the script."""
    fenced: bool = False
    """True when another attempt has taken over (or the run has ended): stop, and write nothing more."""
    members: List[RunMember] = field(default_factory=list)
    """All that have told of themselves, where the heartbeat is a member's."""
