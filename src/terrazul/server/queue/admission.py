"""Which of the runs that wait may begin, and who may put a further one into the queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from terrazul.server.blobs import store as contents
from terrazul.server.compute import rules
from terrazul.server.compute import store as computes
from terrazul.server.compute.rules import Machine, Queued
from terrazul.server.queue import store
from terrazul.server.queue.store import Entry, Waiting
from terrazul.server.quota import store as quotas
from terrazul.server.quota.rules import Limits, QueueCount, check_waiting, is_full, why_it_waits
from terrazul.wire.compute import NodeCounts
from terrazul.wire.quota import QuotaLimits


class _Load(NamedTuple):
    """How many runs are executed: in each workspace, and of each user there."""

    workspaces: dict[int, int]
    users: dict[tuple[int, str], int]


class Admission:
    """Asks the quotas, whose ``defaults`` count where a workspace has none, and who has nodes.

    ``places`` is how many runs the server's machine executes at once. The calls are parts of a transaction.
    """

    def __init__(self, defaults: Limits, places: int) -> None:
        self._defaults = defaults
        self.places = places

    def next(self, connection: Connection) -> Entry | None:
        """The run that is to begin next: the first whose target has a free node and that no quota holds back.

        While the server's machine has no place it is one for another machine.
        """
        has_place = store.claimed_here(connection) < self.places
        own, targets = quotas.find_all(connection), computes.with_free_nodes(connection, elsewhere=not has_place)
        if not own and self._defaults == Limits():
            return store.first_waiting(connection, targets, here=has_place)
        load, limits_of = _load(connection), self._limits_in(own)
        workspaces = {key for key, running in load.workspaces.items() if 0 < limits_of(key).concurrent_runs <= running}
        workspaces |= {key for key, stored in contents.sizes(connection).items() if is_full(limits_of(key), stored)}
        users = {of for of, running in load.users.items() if 0 < limits_of(of[0]).running_per_user <= running}
        users = {each for each in users if each[0] not in workspaces}
        return store.first_waiting(connection, targets, workspaces, users, here=has_place)

    def check_submission(self, connection: Connection, workspace: int, user: str) -> None:
        """Raise ``QuotaExceeded`` where so many runs of a user wait that no further one may."""
        limits = self._defaults.overridden_by(quotas.find(connection, workspace))
        if limits.waiting_per_user:
            waiting = store.count_by_user(connection, workspace).get(user, QueueCount()).waiting
            check_waiting(limits, user, waiting)

    def reasons(self, connection: Connection, runs: Sequence[int]) -> dict[int, str]:
        """Why runs wait, for those that a quota holds back, and those for which there is no node or place."""
        waiting = store.waiting_among(connection, runs)
        if not waiting:
            return {}
        load, limits_of = _load(connection), self._limits_in(quotas.find_all(connection))
        sizes = contents.sizes(connection)
        line = self._line(connection, waiting)
        told = {
            each.run: why_it_waits(
                limits_of(each.workspace),
                sizes.get(each.workspace, 0),
                load.workspaces.get(each.workspace, 0),
                each.user,
                load.users.get((each.workspace, each.user), 0),
            )
            or line[each.run]
            for each in waiting
        }
        return {run: reason for run, reason in told.items() if reason}

    def _line(self, connection: Connection, waiting: Sequence[Waiting]) -> dict[int, str]:
        """What the runs wait for, apart from quotas."""
        keys = {each.compute_target for each in waiting if each.compute_target is not None}
        targets, counts = computes.list_among(connection, keys), computes.counts_of(connection, keys)
        before = store.places_in_line(connection, (each.compute_target for each in waiting))
        machine = Machine(store.claimed_here(connection), self.places)
        told: dict[int, str] = {}
        for each in waiting:
            target = targets.get(each.compute_target or 0)
            told[each.run] = rules.why_it_waits(
                Queued(each.target, before[each.run]),
                target.settings if target else None,
                counts.get(each.compute_target or 0, NodeCounts()),
                machine,
                " ".join(target.errors) if target else "",
            )
        return told

    def _limits_in(self, own: Mapping[int, QuotaLimits]) -> Callable[[int], Limits]:
        return lambda key: self._defaults.overridden_by(own[key]) if key in own else self._defaults


def _load(connection: Connection) -> _Load:
    load = _Load({}, {})
    for workspace, user, running in store.claimed_by_user(connection):
        load.workspaces[workspace] = load.workspaces.get(workspace, 0) + running
        load.users[workspace, user] = running
    return load
