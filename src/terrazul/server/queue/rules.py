"""Which run begins next, and what is done about a claimed one, given what became of its runner. Pure."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from terrazul.server.compute.kind import RunnerStatus

CANCEL_PATIENCE = 20_000_000
"""Microseconds after which a runner that was told to cancel, and has not, is ended by force."""
DELIVERY_PATIENCE = 60_000_000
"""Microseconds without a sign of life after which a delivery that was started is given up."""


UNREACHABLE_PATIENCE = 24 * 3600 * 1_000_000
"""Microseconds without a sign of life after which a run on a machine that cannot be reached is given up."""
LEASE_SECONDS = 90.0
"""So long a member of a run on several nodes may be silent while the server hears; then its runner is ended."""


class Sign(NamedTuple):
    """What a member of a run on several nodes has told of itself."""

    is_done: bool
    """Whether the server has everything of it, so that its runner may be gone."""
    heartbeat_at: int


class Head(NamedTuple):
    """The first of the runs that a user has waiting for one compute target, in one workspace."""

    run: int
    workspace: int
    user: str
    compute_target: int | None
    """None for the server's machine."""
    node_count: int
    priority: int
    queued_at: int


class Executed(NamedTuple):
    """What is executed for a user of a workspace on a compute target."""

    workspace: int
    user: str
    compute_target: int | None
    runs: int
    nodes: int


class Held(NamedTuple):
    """Whose runs do not begin, whatever is free: all of these workspaces, and of these users in workspaces."""

    workspaces: frozenset[int] = frozenset()
    users: frozenset[tuple[int, str]] = frozenset()


Rank = tuple[int, int, int, int]


def rank_of(head: Head, nodes: int) -> Rank:
    """What the line of a target is ordered by: priority, then the nodes that the user has on the target, then time."""
    return (-head.priority, nodes, head.queued_at, head.run)


def first_to_begin(
    heads: Iterable[Head], nodes: Mapping[tuple[int | None, str], int], free: Mapping[int, int]
) -> Head | None:
    """Of the first of each target's line, the first for which there are nodes.

    So who is first waits until enough nodes are free, nobody overtakes meanwhile, and no target holds up another one.
    ``nodes`` are those that users have on targets; ``free`` those that are idle.
    """
    first: dict[int | None, tuple[Rank, Head]] = {}
    for head in heads:
        ranked = (rank_of(head, nodes.get((head.compute_target, head.user), 0)), head)
        first[head.compute_target] = min(first.get(head.compute_target, ranked), ranked)
    able = [
        (rank, head)
        for rank, head in first.values()
        if head.compute_target is None or head.node_count <= free.get(head.compute_target, 0)
    ]
    return min(able)[1] if able else None


class Care(str, enum.Enum):
    """What the dispatcher does next for a claimed run."""

    NOTHING = "nothing"
    LAUNCH = "launch"
    CANCEL = "cancel"
    KILL = "kill"
    DELIVER = "deliver"
    GIVE_UP = "give up"


class Watch(NamedTuple):
    """What is known of a runner of a claimed run; the times are None where the thing has not happened."""

    status: RunnerStatus
    cancel_requested: bool
    cancel_told_at: int | None
    delivery_started_at: int | None
    heartbeat_at: int | None
    now: int
    unreachable_since: int | None = None
    """Since when nobody can tell what has become of the runner."""
    is_silent: bool = False
    """Whether it has given no sign of life for longer than its lease; only a run on several nodes has one."""


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
    if watch.is_silent or not watch.cancel_requested:
        return Care.KILL if watch.is_silent else Care.NOTHING
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
