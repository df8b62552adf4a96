"""Which of the runs that wait may begin, and who may put a further one into the queue."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from terrazul.server.compute import rules
from terrazul.server.compute import store as computes
from terrazul.server.compute.rules import Machine, Queued
from terrazul.server.queue import store
from terrazul.server.queue.line import Bounds, Line
from terrazul.server.queue.store import Place, Waiting
from terrazul.server.quota import store as quotas
from terrazul.server.quota.rules import Limits, QueueCount, check_waiting
from terrazul.wire.compute import NodeCounts

_NOWHERE = Place(0, 0)


class Admission:
    """Asks the quotas, whose ``defaults`` count where a workspace has none, and who has nodes.

    ``places`` is how many runs the server's machine executes at once. The calls are parts of a transaction.
    """

    def __init__(self, defaults: Limits, places: int) -> None:
        self._defaults = defaults
        self.places = places

    def line(self, connection: Connection) -> Line:
        """Those that may begin now, as long as the transaction lasts.

        While the server's machine has no place it is one for another machine.
        """
        return Line(connection, self._defaults, self.places)

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
        bounds = Bounds(connection, self._defaults)
        places = store.places_in_line(connection, waiting, bounds.held())
        line = self._line(connection, waiting, places)
        told = {each.run: bounds.why_it_waits(each.workspace, each.user) or line[each.run] for each in waiting}
        return {run: reason for run, reason in told.items() if reason}

    def _line(self, connection: Connection, waiting: Sequence[Waiting], places: dict[int, Place]) -> dict[int, str]:
        """What the runs wait for, apart from quotas."""
        keys = {each.compute_target for each in waiting if each.compute_target is not None}
        targets, counts = computes.list_among(connection, keys), computes.counts_of(connection, keys)
        machine = Machine(store.claimed_here(connection), self.places)
        told: dict[int, str] = {}
        for each in waiting:
            target, place = targets.get(each.compute_target or 0), places.get(each.run, _NOWHERE)
            told[each.run] = rules.why_it_waits(
                Queued(each.target, place.before, each.node_count, place.nodes_before),
                target.settings if target else None,
                counts.get(each.compute_target or 0, NodeCounts()),
                machine,
                " ".join(target.errors) if target else "",
            )
        return told
