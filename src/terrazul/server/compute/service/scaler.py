"""The scaler: has the nodes made that runs wait for, and those removed that nobody needs."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.errors import ComputeTargetException
from terrazul.server.compute import store
from terrazul.server.compute.provider import NodeProvider
from terrazul.server.compute.rules import Demand, Scaling, plan, seconds_until_next_look, state_after
from terrazul.server.compute.service.targets import THING, ComputeTargets, Notify, Waiting
from terrazul.server.compute.store import NodeRow, TargetRow
from terrazul.server.loop import Loop
from terrazul.server.quota.service import Quotas
from terrazul.server.sql.database import Database
from terrazul.server.sql.witness import Witness, changed, watched_by
from terrazul.server.workspace import store as workspaces
from terrazul.wire.compute import NodeState, ProvisioningState

T = TypeVar("T")
_log = logging.getLogger(__name__)
_LONGEST_PAUSE = 10.0
_PAUSE = 1.0
_MOST_THREADS = 64
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
    lost: dict[NodeRow, str]
    """Nodes that are out of reach, and why."""

    @property
    def executes(self) -> bool:
        """Whether a run is executed on it."""
        return any(each.state is NodeState.RUNNING for each in self.nodes)

    @property
    def is_over(self) -> bool:
        """Whether it was made for a run that has ended."""
        return self.target.on_demand and not (self.waiting or self.executes or self.target.is_going)

    @property
    def to_make_again(self) -> list[NodeRow]:
        """Those that are out of reach and execute nothing."""
        return [node for node in self.lost if node.state is NodeState.IDLE]

    def plan(self, now: int) -> Scaling:
        """What is to be done about its nodes."""
        able = {nodes: runs for nodes, runs in self.waiting.items() if nodes <= self.target.scale.max_nodes}
        waiting = sum(nodes * runs for nodes, runs in able.items())
        demand = Demand(waiting, self.room, self.target.is_going, gangs=max(able, default=1) > 1)
        return plan(self.target.scale, [each.facts for each in self.nodes], demand, now)

    def errors(self, scaling: Scaling) -> list[str]:
        """Why nodes are missing that there should be."""
        found = [each.problem for each in self.nodes if each.problem]
        found += [why for node, why in self.lost.items() if node.state is NodeState.RUNNING]
        if scaling.hindered:
            found.append(f"The workspace may have {self.quota} compute nodes, and no more.")
        return list(dict.fromkeys(found))

    def state(self, scaling: Scaling) -> ProvisioningState:
        """Where it is in its life."""
        facts = [each.facts for each in self.nodes]
        return state_after(self.target.state, self.target.scale, facts, hindered=scaling.hindered)

    def is_settled(self, now: int) -> bool:
        """Whether nothing is to be done or told of it."""
        scaling = self.plan(now)
        same = (self.state(scaling), self.errors(scaling)) == (self.target.state, self.target.errors)
        moving = any(each.state in {NodeState.PREPARING, NodeState.LEAVING} for each in self.nodes)
        doing = scaling.add or scaling.leave or moving or self.to_make_again
        return same and not (doing or self.target.is_going or self.is_over)


class Scaler:
    """One loop in one process, the one that leads. Each step can be the last: the next server goes on from the rows."""

    def __init__(
        self,
        database: Database,
        targets: ComputeTargets,
        providers: Mapping[str, NodeProvider],
        quotas: Quotas,
        waiting: Waiting,
        witness_of: Callable[[str], Witness],
        notify: Notify,
        clock: Clock,
    ) -> None:
        self._database = database
        self._targets = targets
        self._providers = providers
        self._quotas = quotas
        self._waiting = waiting
        self._witness_of = witness_of
        self._notify = notify
        self._clock = clock
        self._loop = Loop("scaler", self._look, _PAUSE)
        self._threads = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="nodes")
        self._at_work: dict[int, asyncio.Task[float]] = {}

    def start(self) -> None:
        """Begin; nodes that an earlier server was making or removing are found again."""
        self._loop.start()

    async def stop(self) -> None:
        """End the loop. Nodes stay."""
        await self._loop.stop()
        for task in self._at_work.values():
            task.cancel()
        await asyncio.gather(*self._at_work.values(), return_exceptions=True)

    def wake(self) -> None:
        """Look at once: a target or the state of a run has changed."""
        self._loop.wake()

    async def _look(self) -> float:
        """Look after all targets beside each other; one that takes long is left at it, and holds up no other."""
        views = await self._database.read(self._views)
        for provider in self._providers.values():
            provider.keep_only([view.target.id for view in views])
        self._at_work = {key: task for key, task in self._at_work.items() if not task.done()}
        fresh = [view for view in views if view.target.id not in self._at_work]
        begun = [asyncio.ensure_future(self._look_after_safely(view)) for view in fresh]
        self._at_work.update({view.target.id: task for view, task in zip(fresh, begun, strict=True)})
        if not begun:
            return _PAUSE if self._at_work else _LONGEST_PAUSE
        done, left = await asyncio.wait(begun, timeout=_PAUSE)
        for task in left:
            task.add_done_callback(lambda _: self.wake())
        return min([_LONGEST_PAUSE, *(task.result() for task in done)])

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
            return seconds_until_next_look(view.target.scale, facts, now, _LONGEST_PAUSE)
        workspace = await self._database.read(partial(workspaces.get, key=view.target.workspace))
        with watched_by(self._witness_of(workspace.workspace.workspace_id)):
            nodes = await self._database.write(partial(self._decide, key=key))
            preparing = [each for each in nodes if each.state is NodeState.PREPARING]
            leaving = [each for each in nodes if each.state is NodeState.LEAVING]
            provider = self._providers[view.target.kind]
            problems = await asyncio.gather(*(self._in_thread(_make, provider, each) for each in preparing))
            await asyncio.gather(*(self._in_thread(provider.remove, each.node_id) for each in leaving))
            if view.target.is_going and len(leaving) == len(nodes):
                await self._in_thread(provider.let_go, key)
            settle = partial(self._settle, key=key, made=list(zip(preparing, problems, strict=True)), left=leaving)
            await self._database.write(settle)
        return 0.0 if preparing or leaving else _PAUSE

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        """Among the threads of the nodes, since it may take long: those of others stay free."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *arguments))

    def _views(self, connection: Connection) -> list[_View]:
        """All targets, with few questions however many there are."""
        rows = store.list_all(connection)
        if not rows:
            return []
        waiting, nodes = self._waiting(connection), store.nodes_by_target(connection)
        taken = Counter(row.workspace for row in rows for _ in nodes.get(row.id, []))
        quotas = {key: self._quota(connection, key) for key in {row.workspace for row in rows}}
        return [
            self._view_of(
                row, nodes.get(row.id, []), waiting.get(row.id, {}), taken[row.workspace], quotas[row.workspace]
            )
            for row in rows
        ]

    def _view(self, connection: Connection, row: TargetRow) -> _View:
        """One target as it is at this moment."""
        nodes, waiting = store.nodes_of(connection, row.id), self._waiting(connection).get(row.id, {})
        taken = store.count_nodes(connection, row.workspace)
        return self._view_of(row, nodes, waiting, taken, self._quota(connection, row.workspace))

    def _view_of(
        self, row: TargetRow, nodes: list[NodeRow], waiting: Mapping[int, int], taken: int, quota: int
    ) -> _View:
        provider = self._providers[row.kind]
        made = [each for each in nodes if each.state in {NodeState.IDLE, NodeState.RUNNING}]
        lost = {each: why for each in made if (why := provider.why_lost(each.node_id))}
        return _View(row, nodes, waiting, quota - taken if quota else None, quota, lost)

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
        for node in view.to_make_again:
            store.move(connection, node.id, NodeState.IDLE, NodeState.PREPARING, now)
        view = self._view(connection, row) if view.to_make_again else view
        scaling = view.plan(now)
        if scaling.add:
            ids = [self._providers[row.kind].node_id(key) for _ in scaling.add]
            store.add_nodes(connection, row, scaling.add, ids, now)
        for leaving in scaling.leave:
            store.move(connection, leaving, None, NodeState.LEAVING, now)
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
            self._targets.remove(connection, row)
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


def _make(provider: NodeProvider, node: NodeRow) -> str:
    """Make a node; returns why it could not be made."""
    try:
        provider.make(node.node_id)
    except ComputeTargetException as error:
        return f"{error.message} {error.hint or ''}".strip()
    return ""
