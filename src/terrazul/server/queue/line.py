"""Those who stand in line and may begin: what quotas and nodes allow while one transaction lasts."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection

from terrazul.server.blobs import store as contents
from terrazul.server.compute import store as computes
from terrazul.server.queue import store
from terrazul.server.queue.rules import Head, Held, first_to_begin
from terrazul.server.quota import store as quotas
from terrazul.server.quota.rules import Limits, is_full, why_it_waits
from terrazul.wire.compute import REMOTE


class Bounds:
    """What holds runs back though there may be nodes: quotas, by what is executed. ``defaults`` are the settings'."""

    def __init__(self, connection: Connection, defaults: Limits) -> None:
        self._defaults = defaults
        self._own = quotas.find_all(connection)
        self._limited = bool(self._own) or defaults != Limits()
        self._sizes = contents.sizes(connection) if self._limited else {}
        self._runs: Counter[int] = Counter()
        self._runs_of_users: Counter[tuple[int, str]] = Counter()
        self.nodes: Counter[tuple[int | None, str]] = Counter()
        """The nodes that users have on targets."""
        for each in store.executed(connection):
            self._count(each.workspace, each.user, each.runs)
            self.nodes[each.compute_target, each.user] += each.nodes

    def took(self, head: Head) -> None:
        """A run begins."""
        self._count(head.workspace, head.user, 1)
        self.nodes[head.compute_target, head.user] += head.node_count

    def why_it_waits(self, workspace: int, user: str) -> str:
        """The sentence that says which limit holds a user's runs back; empty where none does."""
        if not self._limited:
            return ""
        limits, size = self._limits_of(workspace), self._sizes.get(workspace, 0)
        return why_it_waits(limits, size, self._runs[workspace], user, self._runs_of_users[workspace, user])

    def held(self) -> Held:
        """All who are held back."""
        if not self._limited:
            return Held()
        workspaces = {key for key, runs in self._runs.items() if 0 < self._limits_of(key).concurrent_runs <= runs}
        workspaces |= {key for key, size in self._sizes.items() if is_full(self._limits_of(key), size)}
        users = {of for of, runs in self._runs_of_users.items() if 0 < self._limits_of(of[0]).running_per_user <= runs}
        return Held(frozenset(workspaces), frozenset(each for each in users if each[0] not in workspaces))

    def _count(self, workspace: int, user: str, runs: int) -> None:
        self._runs[workspace] += runs
        self._runs_of_users[workspace, user] += runs

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
        self._bounds = Bounds(connection, defaults)
        self._heads = store.heads(connection, self._free)

    def first(self) -> Head | None:
        """Who is to begin next: the first for whom there are nodes and a place, and whom no quota holds back."""
        able = [head for head in self._heads if not self._is_held(head)]
        return first_to_begin(able, self._bounds.nodes, self._free)

    def took(self, head: Head) -> None:
        """The run that was first has been claimed; the next one of its user moves up."""
        self._bounds.took(head)
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
        return too_large or no_place or bool(self._bounds.why_it_waits(head.workspace, head.user))

    def _is_elsewhere(self, head: Head) -> bool:
        """Whether another machine than the server's executes it."""
        target = self._targets.get(head.compute_target or 0)
        return target is not None and target.kind == REMOTE
