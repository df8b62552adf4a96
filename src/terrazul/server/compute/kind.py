"""What a kind of compute does for the queue. All kinds pass ``terrazul.testing.compute``."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any, Protocol

from terrazul.wire.job import Job

Placement = dict[str, Any]
"""Where a runner is, in the kind's own words; kept in the database, so that a restarted server finds the runner."""

_MEMBERS = "members"


def whole(placements: Sequence[Placement]) -> Placement:
    """Where all runners of a run are, as one placement: of several nodes, the list of theirs."""
    return placements[0] if len(placements) == 1 else {_MEMBERS: list(placements)}


def members_of(placement: Placement) -> list[Placement]:
    """Where the runner of each node of a run is, by the whole; most runs have one."""
    members: list[Placement] | None = placement.get(_MEMBERS)
    return [placement] if members is None else members


class RunnerStatus(str, enum.Enum):
    """What has become of a runner."""

    ABSENT = "absent"
    """It was never started."""
    ALIVE = "alive"
    GONE = "gone"
    """It was started and is no more."""
    UNREACHABLE = "unreachable"
    """Nobody can tell at this moment: there is no connection to the machine that it is on."""


class ComputeKind(Protocol):
    """Starts runners, looks after them, and ends them. Calls may block for a moment."""

    def place(self, job: Job, node: str) -> Placement:
        """Decide where a job will run: on the node of this id, where the kind has nodes. Starts nothing."""

    def launch(self, job: Job, placement: Placement) -> None:
        """Start the runner of a job. Launching what is alive already does nothing."""

    def status(self, placement: Placement) -> RunnerStatus:
        """What has become of the runner."""

    def cancel(self, placement: Placement) -> None:
        """Tell the runner to end its run now. It reports the end itself."""

    def kill(self, placement: Placement) -> None:
        """End the runner and everything it started, by force."""

    def forget(self, workspace_id: str, run_ids: Sequence[str]) -> None:
        """Put what is left of runs that have ended aside, so that their ids can be used again. It takes no time."""

    def clear(self, workspace_id: str) -> None:
        """Remove what was put aside."""

    def deliver(self, job: Job, placement: Placement) -> None:
        """Start a process that sends what a runner that is gone had recorded, and ends the run."""
