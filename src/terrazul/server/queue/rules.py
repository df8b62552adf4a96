"""What is to be done about a claimed run, given what became of its runner. Pure."""

from __future__ import annotations

import enum
from typing import NamedTuple

from terrazul.server.compute.kind import RunnerStatus

CANCEL_PATIENCE = 20_000_000
"""Microseconds after which a runner that was told to cancel, and has not, is ended by force."""
DELIVERY_PATIENCE = 60_000_000
"""Microseconds without a sign of life after which a delivery that was started is given up."""


UNREACHABLE_PATIENCE = 24 * 3600 * 1_000_000
"""Microseconds without a sign of life after which a run on a machine that cannot be reached is given up."""


class Care(str, enum.Enum):
    """What the dispatcher does next for a claimed run."""

    NOTHING = "nothing"
    LAUNCH = "launch"
    CANCEL = "cancel"
    KILL = "kill"
    DELIVER = "deliver"
    GIVE_UP = "give up"


class Watch(NamedTuple):
    """What is known of a claimed run; the times are None where the thing has not happened."""

    status: RunnerStatus
    cancel_requested: bool
    cancel_told_at: int | None
    delivery_started_at: int | None
    heartbeat_at: int | None
    now: int
    unreachable_since: int | None = None
    """Since when nobody can tell what has become of the runner."""


def care_for(watch: Watch) -> Care:
    """The next thing to do."""
    if watch.status is RunnerStatus.UNREACHABLE:
        return _care_for_unreachable(watch)
    if watch.status is RunnerStatus.ABSENT:
        return Care.LAUNCH
    if watch.status is RunnerStatus.GONE:
        return Care.DELIVER if watch.delivery_started_at is None else Care.GIVE_UP
    return _care_for_living(watch)


def _care_for_living(watch: Watch) -> Care:
    if watch.delivery_started_at is not None:
        last_sign = max(watch.delivery_started_at, watch.heartbeat_at or 0)
        overdue = watch.now - last_sign > DELIVERY_PATIENCE
        return Care.GIVE_UP if overdue else Care.NOTHING
    if not watch.cancel_requested:
        return Care.NOTHING
    if watch.cancel_told_at is None:
        return Care.CANCEL
    return Care.KILL if watch.now - watch.cancel_told_at > CANCEL_PATIENCE else Care.NOTHING


def _care_for_unreachable(watch: Watch) -> Care:
    """A run goes on without a connection; one that is to be canceled does not wait for the machine to come back.

    Its token is of no use from then on, by which its runner, should it be there, learns that the run is over.
    """
    if watch.unreachable_since is None:
        return Care.NOTHING
    last_sign = max(watch.unreachable_since, watch.heartbeat_at or 0)
    patience = CANCEL_PATIENCE if watch.cancel_requested else UNREACHABLE_PATIENCE
    return Care.GIVE_UP if watch.now - last_sign > patience else Care.NOTHING
