"""Those who stand in line and may begin: what quotas and nodes allow while one transaction lasts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import Connection

from terrazul.server.blobs import store as contents
from terrazul.server.compute import store as computes
from terrazul.server.queue import store
from terrazul.server.queue.rules import Head, Held, Share, first_to_begin
from terrazul.server.quota import store as quotas
from terrazul.server.quota.rules import Limits, is_full, why_it_waits
from terrazul.wire.compute import REMOTE


class Bounds:
    """What holds runs back though there may be nodes: limits of workspaces, users and targets, by what is executed.

    ``defaults`` are the settings'; ``targets`` are those on which runs may begin.
    """

    def __init__(self, connection: Connection, defaults: Limits, targets: Iterable[int] = ()) -> None:
        self._defaults = defaults
        self._own = quotas.find_all(connection)
        self._limited = bool(self._own) or defaults != Limits()
        self._sizes = contents.sizes(connection) if self._limited else {}
        self._runs: Counter[int] = Counter()
        self._runs_of_users: Counter[tuple[int, str]] = Counter()
        self._runs_on_targets: Counter[tuple[int, str]] = Counter()
        self.shares: dict[tuple[int | None, str], Share] = {
            (target or None, user): Share(0, at) for (target, user), at in store.turns(connection).items()
        }
        """What users have of targets."""
        executed = store.executed(connection)
        for each in executed:
            self._count(each.workspace, each.user, each.compute_target, each.runs)
            self._add_nodes(each.compute_target, each.user, each.nodes)
        keys = {*targets, *(each.compute_target for each in executed if each.compute_target is not None)}
        self._most_on_targets = {
            key: target.scale.max_running_per_user for key, target in computes.list_among(connection, keys).items()
        }

    def took(self, head: Head, now: int) -> None:
        """A run begins."""
        self._count(head.workspace, head.user, head.compute_target, 1)
        self._add_nodes(head.compute_target, head.user, head.node_count)
        of = (head.compute_target, head.user)
        self.shares[of] = self.shares[of]._replace(turn=now)

    def why_it_waits(self, workspace: int, user: str, compute_target: int | None) -> str:
        """The sentence that says which limit holds a user's runs back; empty where none does."""
        if compute_target is not None and self._is_at_limit(compute_target, user):
            most = self._most_on_targets[compute_target]
            return f"As many runs of {user} are executed at once on this compute target as may: {most}."
        if not self._limited:
            return ""
        limits, size = self._limits_of(workspace), self._sizes.get(workspace, 0)
        return why_it_waits(limits, size, self._runs[workspace], user, self._runs_of_users[workspace, user])

    def held(self) -> Held:
        """All who are held back."""
        on_targets = frozenset(of for of in self._runs_on_targets if self._is_at_limit(*of))
        if not self._limited:
            return Held(on_targets=on_targets)
        workspaces = {key for key, runs in self._runs.items() if 0 < self._limits_of(key).concurrent_runs <= runs}
        workspaces |= {key for key, size in self._sizes.items() if is_full(self._limits_of(key), size)}
        users = {of for of, runs in self._runs_of_users.items() if 0 < self._limits_of(of[0]).running_per_user <= runs}
        users = {each for each in users if each[0] not in workspaces}
        return Held(frozenset(workspaces), frozenset(users), on_targets)

    def _add_nodes(self, compute_target: int | None, user: str, nodes: int) -> None:
        share = self.shares.get((compute_target, user), Share())
        self.shares[compute_target, user] = share._replace(nodes=share.nodes + nodes)

    def _is_at_limit(self, compute_target: int, user: str) -> bool:
        most = self._most_on_targets.get(compute_target, 0)
        return 0 < most <= self._runs_on_targets[compute_target, user]

    def _count(self, workspace: int, user: str, compute_target: int | None, runs: int) -> None:
        self._runs[workspace] += runs
        self._runs_of_users[workspace, user] += runs
        if compute_target is not None:
            self._runs_on_targets[compute_target, user] += runs

    def _limits_of(self, workspace: int) -> Limits:
        own = self._own.get(workspace)
        return self._defaults.overridden_by(own) if own else self._defaults


class Line:
    """The lines of all targets on which a node is free, and of the server's machine."""

    def __init__(self, connection: Connection, defaults: Limits, places: int) -> None:
        self._connection = connection
        self._places = places - store.claimed_here(connection)
        self._free = computes.free_nodes(connection)
        self._targets = computes.list_among(connection, self._free)
        self._bounds = Bounds(connection, defaults, self._free)
        self._heads = store.heads(connection, self._free)

    def first(self) -> Head | None:
        """Who is to begin next: the first for whom there are nodes and a place, and whom no quota holds back."""
        able = [head for head in self._heads if not self._is_held(head)]
        return first_to_begin(able, self._bounds.shares, self._free)

    def took(self, head: Head, now: int) -> None:
        """The run that was first has been claimed; the next one of its user moves up."""
        self._bounds.took(head, now)
        store.note_turn(self._connection, head.compute_target or 0, head.user, now)
        if not self._is_elsewhere(head):
            self._places -= 1
        if head.compute_target is not None:
            self._free[head.compute_target] -= head.node_count
        self._heads.remove(head)
        following = store.head_of(self._connection, head)
        if following is not None:
            self._heads.append(following)

    def _is_held(self, head: Head) -> bool:
        """Also one that needs more nodes than its target may ever have: it holds up nobody but its user.

        And one for which the server's machine has no place.
        """
        target = self._targets.get(head.compute_target or 0)
        too_large = target is not None and head.node_count > target.scale.max_nodes
        no_place = self._places <= 0 and not self._is_elsewhere(head)
        bounds = self._bounds
        return too_large or no_place or bool(bounds.why_it_waits(head.workspace, head.user, head.compute_target))

    def _is_elsewhere(self, head: Head) -> bool:
        """Whether another machine than the server's executes it."""
        target = self._targets.get(head.compute_target or 0)
        return target is not None and target.kind == REMOTE
