"""The scaler: has the nodes made that runs wait for, and those removed that nobody needs."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.errors import ComputeTargetException
from terrazul.core.ids import new_guid
from terrazul.server.compute import store
from terrazul.server.compute.provider import NodeProvider
from terrazul.server.compute.rules import Demand, Scaling, plan, seconds_until_next_look, state_after
from terrazul.server.compute.service.targets import THING, ComputeTargets, Notify, Waiting
from terrazul.server.compute.store import NodeRow, TargetRow
from terrazul.server.loop import Loop
from terrazul.server.quota.service import Quotas
from terrazul.server.sql.database import Database
from terrazul.server.sql.witness import Witness, changed, removed, watched_by
from terrazul.server.workspace import store as workspaces
from terrazul.wire.compute import NodeState, ProvisioningState

_log = logging.getLogger(__name__)
_LONGEST_PAUSE = 10.0
_PAUSE = 1.0
_BY_ITSELF = "the scaler"
SCALER = "scaler"
"""What processes tell each other when the one that scales has something to do."""


class _View(NamedTuple):
    """A target as one look at the database shows it."""

    target: TargetRow
    nodes: list[NodeRow]
    waiting: Mapping[int, int]
    """How many runs wait, by how many nodes they need."""
    room: int | None
    quota: int

    @property
    def executes(self) -> bool:
        """Whether a run is executed on it."""
        return any(each.state is NodeState.RUNNING for each in self.nodes)

    @property
    def is_over(self) -> bool:
        """Whether it was made for a run that has ended."""
        return self.target.on_demand and not (self.waiting or self.executes or self.target.is_going)

    def plan(self, now: int) -> Scaling:
        """What is to be done about its nodes."""
        able = {nodes: runs for nodes, runs in self.waiting.items() if nodes <= self.target.settings.max_nodes}
        waiting = sum(nodes * runs for nodes, runs in able.items())
        demand = Demand(waiting, self.room, self.target.is_going, gangs=max(able, default=1) > 1)
        return plan(self.target.settings, [each.facts for each in self.nodes], demand, now)

    def errors(self, scaling: Scaling) -> list[str]:
        """Why nodes are missing that there should be."""
        found = [each.problem for each in self.nodes if each.problem]
        if scaling.hindered:
            found.append(f"The workspace may have {self.quota} compute nodes, and no more.")
        return list(dict.fromkeys(found))

    def state(self, scaling: Scaling) -> ProvisioningState:
        """Where it is in its life."""
        facts = [each.facts for each in self.nodes]
        return state_after(self.target.state, self.target.settings, facts, hindered=scaling.hindered)

    def is_settled(self, now: int) -> bool:
        """Whether nothing is to be done or told of it."""
        scaling = self.plan(now)
        same = (self.state(scaling), self.errors(scaling)) == (self.target.state, self.target.errors)
        moving = any(each.state in {NodeState.PREPARING, NodeState.LEAVING} for each in self.nodes)
        return same and not (scaling.add or scaling.leave or moving or self.target.is_going or self.is_over)


class Scaler:
    """One loop in one process, the one that leads. Each step can be the last: the next server goes on from the rows."""

    def __init__(
        self,
        database: Database,
        targets: ComputeTargets,
        provider: NodeProvider,
        quotas: Quotas,
        waiting: Waiting,
        witness_of: Callable[[str], Witness],
        notify: Notify,
        clock: Clock,
    ) -> None:
        self._database = database
        self._targets = targets
        self._provider = provider
        self._quotas = quotas
        self._waiting = waiting
        self._witness_of = witness_of
        self._notify = notify
        self._clock = clock
        self._loop = Loop("scaler", self._look, _PAUSE)

    def start(self) -> None:
        """Begin; nodes that an earlier server was making or removing are found again."""
        self._loop.start()

    async def stop(self) -> None:
        """End the loop. Nodes stay."""
        await self._loop.stop()

    def wake(self) -> None:
        """Look at once: a target or the state of a run has changed."""
        self._loop.wake()

    async def _look(self) -> float:
        views = await self._database.read(self._views)
        pauses = await asyncio.gather(*(self._look_after_safely(view) for view in views))
        return min([_LONGEST_PAUSE, *pauses])

    async def _look_after_safely(self, view: _View) -> float:
        try:
            return await self._look_after(view)
        except Exception:  # noqa: BLE001  # what is wrong with one target must not hold up the others
            _log.exception("Looking after the compute target %s met an error", view.target.name)
            return _PAUSE

    async def _look_after(self, view: _View) -> float:
        key, now = view.target.id, self._clock()
        if view.is_settled(now):
            facts = [each.facts for each in view.nodes]
            return seconds_until_next_look(view.target.settings, facts, now, _LONGEST_PAUSE)
        workspace = await self._database.read(partial(workspaces.get, key=view.target.workspace))
        with watched_by(self._witness_of(workspace.workspace.workspace_id)):
            nodes = await self._database.write(partial(self._decide, key=key))
            preparing = [each for each in nodes if each.state is NodeState.PREPARING]
            leaving = [each for each in nodes if each.state is NodeState.LEAVING]
            problems = await asyncio.gather(*(asyncio.to_thread(self._make, each) for each in preparing))
            await asyncio.gather(*(asyncio.to_thread(self._provider.remove, each.node_id) for each in leaving))
            settle = partial(self._settle, key=key, made=list(zip(preparing, problems, strict=True)), left=leaving)
            await self._database.write(settle)
        return 0.0 if preparing or leaving else _PAUSE

    def _make(self, node: NodeRow) -> str:
        """Make a node; returns why it could not be made."""
        try:
            self._provider.make(node.node_id)
        except ComputeTargetException as error:
            return error.message
        return ""

    def _views(self, connection: Connection) -> list[_View]:
        """All targets, with few questions however many there are."""
        rows = store.list_all(connection)
        if not rows:
            return []
        waiting, nodes = self._waiting(connection), store.nodes_by_target(connection)
        taken = Counter(row.workspace for row in rows for _ in nodes.get(row.id, []))
        quotas = {key: self._quota(connection, key) for key in {row.workspace for row in rows}}
        return [
            _view(row, nodes.get(row.id, []), waiting.get(row.id, {}), taken[row.workspace], quotas[row.workspace])
            for row in rows
        ]

    def _view(self, connection: Connection, row: TargetRow) -> _View:
        """One target as it is at this moment."""
        nodes, waiting = store.nodes_of(connection, row.id), self._waiting(connection).get(row.id, {})
        taken = store.count_nodes(connection, row.workspace)
        return _view(row, nodes, waiting, taken, self._quota(connection, row.workspace))

    def _quota(self, connection: Connection, workspace: int) -> int:
        return self._quotas.limits(connection, workspace).compute_nodes

    def _decide(self, connection: Connection, key: int) -> list[NodeRow]:
        """Enter what is to be done, by what is so at this moment; returns the nodes as they are then."""
        row = store.find_by_key(connection, key)
        if row is None:
            return []
        view = self._view(connection, row)
        if view.is_over:
            self._targets.let_go(connection, row, view.nodes, _BY_ITSELF)
            return []
        now = self._clock()
        scaling = view.plan(now)
        if scaling.add:
            store.add_nodes(connection, row, scaling.add, [new_guid() for _ in scaling.add], now)
        for node in scaling.leave:
            store.move(connection, node, None, NodeState.LEAVING, now)
        if scaling.reason:
            store.change(connection, key, {"resized_at": now})
            changed(connection, THING, row.name, reason=scaling.reason)
        self._tell_state(connection, view._replace(nodes=store.nodes_of(connection, key)), scaling)
        return store.nodes_of(connection, key)

    def _settle(
        self, connection: Connection, key: int, made: Sequence[tuple[NodeRow, str]], left: Sequence[NodeRow]
    ) -> None:
        """Enter what came of it."""
        now = self._clock()
        for node, problem in made:
            after = NodeState.UNUSABLE if problem else NodeState.IDLE
            store.move(connection, node.id, NodeState.PREPARING, after, now, problem)
        for node in left:
            store.remove_node(connection, node.id)
        row = store.find_by_key(connection, key)
        if row is None:
            return
        view = self._view(connection, row)
        if row.is_going and not view.nodes:
            store.delete(connection, key)
            removed(connection, THING, row.name)
        else:
            self._tell_state(connection, view, view.plan(now))
        self._notify(connection)

    def _tell_state(self, connection: Connection, view: _View, scaling: Scaling) -> None:
        state, errors = view.state(scaling), view.errors(scaling)
        if errors != view.target.errors:
            store.change(connection, view.target.id, {"errors": errors})
        if state is not view.target.state:
            values = {"state": state.value, "state_since": self._clock()}
            store.change(connection, view.target.id, values)


def _view(row: TargetRow, nodes: list[NodeRow], waiting: Mapping[int, int], taken: int, quota: int) -> _View:
    return _View(row, nodes, waiting, quota - taken if quota else None, quota)
