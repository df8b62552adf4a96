"""Runs as MLflow knows them: made and ended by their client, searched, deleted softly."""

from __future__ import annotations

import uuid
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.errors import Conflict, NotFound
from terrazul.server.identity.rules import Principal
from terrazul.server.mlflow import store
from terrazul.server.mlflow.pages import read_mark, write_mark
from terrazul.server.mlflow.service.experiments import active_experiment, find_experiment, locate, page_size, view_of
from terrazul.server.mlflow.service.tags import active_run, set_tags
from terrazul.server.mlflow.store import MetricValue, RunFacts, WholeRun
from terrazul.server.queue.service import Dispatcher
from terrazul.server.run.search.fields import attribute
from terrazul.server.run.search.grammar import parse, parse_order
from terrazul.server.run.search.order import read_mark as read_order_mark
from terrazul.server.run.search.order import write_mark as write_order_mark
from terrazul.server.run.search.plan import Scope, Search, find
from terrazul.server.run.search.tree import And, Comparison, Node, Operator
from terrazul.server.run.service.lifecycle import Notify, RunLifecycle
from terrazul.server.run.service.reach import find_within_reach, is_hidden
from terrazul.server.run.service.recording import begin_run
from terrazul.server.run.service.search import in_time
from terrazul.server.run.store import run as runs
from terrazul.server.run.store.run import RunRow
from terrazul.server.sql.database import Database
from terrazul.wire.mlflow.error import missing
from terrazul.wire.mlflow.message import CreateRun, History, Pair, RunChoice, UpdateRun
from terrazul.wire.mlflow.message import Search as SearchMessage
from terrazul.wire.mlflow.names import new_run_name
from terrazul.wire.mlflow.rules import PARENT, RUN_NAME, USER, check_tag, divide, invalid, run_id_of, state_of, time_of
from terrazul.wire.run import RunState
from terrazul.wire.write import NewRun

PAGE = 1000
LARGEST_PAGE = 50_000
HISTORY_PAGE = 25_000
_RUNS_AT_ONCE = 100


class RunPage(NamedTuple):
    """A page of runs, and the mark of the next one (empty at the end)."""

    runs: list[WholeRun]
    next_page: str


class MlflowRuns:
    """The runs of all workspaces."""

    def __init__(
        self, database: Database, lifecycle: RunLifecycle, dispatcher: Dispatcher, clock: Clock, notify: Notify
    ) -> None:
        self._database = database
        self._lifecycle = lifecycle
        self._dispatcher = dispatcher
        self._clock = clock
        self._notify = notify

    async def create(self, workspace: int, new: CreateRun, principal: Principal) -> WholeRun:
        """Begin a run. With the tag of a parent it is a child of that; inside a submitted run it is a child anyhow."""
        for tag in new.tags:
            check_tag(tag)
        if new.start_time is not None:
            time_of(new.start_time, "start_time")
        return await self._database.write(partial(self._create, workspace=workspace, new=new, principal=principal))

    async def get(self, workspace: int, run_id: str, principal: Principal) -> WholeRun:
        """A run, also a deleted one. Raises ``NotFound``."""

        def work(connection: Connection) -> WholeRun:
            row = find_run(connection, workspace, run_id, principal)
            return store.load(connection, [row.key])[0]

        return await self._database.read(work)

    async def update(self, workspace: int, change: UpdateRun, principal: Principal) -> RunFacts:
        """Change a run's name and state.

        What a runner executes is ended by the runner: there only KILLED counts, as a request to cancel, and only from
        outside of the run.
        """
        run_id = run_id_of(change.run_id, change.run_uuid)
        wanted = state_of(change.status) if change.status else None
        ended = self._clock() if change.end_time is None else time_of(change.end_time, "end_time")

        def work(connection: Connection) -> tuple[RunFacts, bool]:
            row = active_run(find_run(connection, workspace, run_id, principal))
            if change.run_name:
                set_tags(connection, row, {RUN_NAME: change.run_name})
            if wanted is not None:
                self._come_to(connection, row, wanted, ended, principal)
            self._notify(connection, row.key)
            return store.facts_of(connection, [row.key])[0], row.interactive

        changed, interactive = await self._database.write(work)
        if not interactive:
            self._dispatcher.wake()
        return changed

    async def set_tag(self, workspace: int, asked: RunChoice, principal: Principal) -> None:
        """Set a tag of a run."""
        run_id = run_id_of(asked.run_id, asked.run_uuid)
        if not asked.key:
            raise missing("key")
        if asked.value is None:
            raise missing("value")
        check_tag(Pair(asked.key, asked.value))
        tags = {asked.key: asked.value}

        def work(connection: Connection) -> None:
            row = active_run(find_run(connection, workspace, run_id, principal))
            set_tags(connection, row, tags)
            self._notify(connection, row.key)

        await self._database.write(work)

    async def delete_tag(self, workspace: int, asked: RunChoice, principal: Principal) -> None:
        """Remove a tag of a run. Raises ``NotFound`` where it has none of that name."""
        run_id = run_id_of(asked.run_id, asked.run_uuid)

        def work(connection: Connection) -> None:
            row = active_run(find_run(connection, workspace, run_id, principal))
            if asked.key not in runs.tags_of(connection, row.key):
                raise NotFound(f"No tag with name: {asked.key} in run with id {run_id}", target=asked.key)
            runs.remove_tags(connection, row, [asked.key])
            self._notify(connection, row.key)

        await self._database.write(work)

    async def delete(self, workspace: int, run_id: str, principal: Principal) -> None:
        """Delete a run softly. Raises ``Conflict`` while something executes it."""

        def work(connection: Connection) -> None:
            row = find_run(connection, workspace, run_id, principal)
            if not row.interactive and not row.state.terminal:
                raise Conflict(f"The run {run_id} is being executed.", target=run_id, hint="Cancel it first.")
            if not row.deleted:
                runs.change(connection, row.key, {"deleted_at": self._clock()})
            self._notify(connection, row.key)

        await self._database.write(work)

    async def restore(self, workspace: int, run_id: str, principal: Principal) -> None:
        """Bring a deleted run back."""

        def work(connection: Connection) -> None:
            row = find_run(connection, workspace, run_id, principal)
            runs.change(connection, row.key, {"deleted_at": None})
            self._notify(connection, row.key)

        await self._database.write(work)

    async def search(self, workspace: int, asked: SearchMessage, principal: Principal) -> RunPage:
        """A page of the runs of some experiments."""
        limit = page_size(asked.max_results, PAGE, LARGEST_PAGE)
        deleted = view_of(asked.run_view_type, "run_view_type")
        wanted, order = parse(asked.filter), parse_order(asked.order_by)
        after = read_order_mark(order, asked.page_token or None)

        def work(connection: Connection) -> RunPage:
            named = [locate(connection, workspace, each, principal) for each in asked.experiment_ids]
            experiments = tuple(each.key for each in named if each is not None)
            if not experiments:
                return RunPage([], "")
            folders = None if principal.run_id or principal.reach is None else principal.reach.folders
            scope = Scope(workspace, experiments, deleted=deleted, folders=folders)
            condition = And((wanted, _visible(connection, workspace, principal)))
            found = find(connection, Search(scope, condition, order), limit, after)
            following = write_order_mark(order, found.following) if found.following else ""
            return RunPage(store.load(connection, found.keys), following)

        return await self._database.read(lambda connection: in_time(connection, work))

    async def history(self, workspace: int, asked: History, principal: Principal) -> tuple[list[MetricValue], str]:
        """The values of a metric, in the order in which they were written, and the mark of the next page."""
        run_id = run_id_of(asked.run_id, asked.run_uuid)
        if not asked.metric_key:
            raise missing("metric_key")
        limit = None if asked.max_results is None else page_size(asked.max_results, HISTORY_PAGE, HISTORY_PAGE)
        after = read_mark(asked.page_token, int)[0] or 0 if asked.page_token else 0

        def work(connection: Connection) -> tuple[list[MetricValue], str]:
            row = find_run(connection, workspace, run_id, principal)
            values, following = store.history(connection, row.key, asked.metric_key, after, limit)
            return values, "" if following is None else write_mark(following)

        return await self._database.read(work)

    async def histories(self, workspace: int, asked: History, principal: Principal) -> list[tuple[str, MetricValue]]:
        """The values of a metric in several runs, by run; those between two steps where these are given."""
        if not asked.run_ids:
            raise missing("run_ids")
        if len(asked.run_ids) > _RUNS_AT_ONCE:
            raise invalid("run_ids", len(asked.run_ids), f"Ask for at most {_RUNS_AT_ONCE} runs at once.")
        if not asked.metric_key:
            raise missing("metric_key")
        limit = page_size(asked.max_results, HISTORY_PAGE, HISTORY_PAGE)

        def work(connection: Connection) -> list[tuple[str, MetricValue]]:
            found: list[tuple[str, MetricValue]] = []
            for run_id in asked.run_ids:
                row = find_run(connection, workspace, run_id_of(run_id), principal)
                values, _ = store.history(connection, row.key, asked.metric_key, 0, None)
                found += [(run_id, each) for each in values if _is_between(each.step, asked)]
            return sorted(found, key=lambda pair: (pair[0], pair[1].time))[:limit]

        return await self._database.read(work)

    def _create(self, connection: Connection, workspace: int, new: CreateRun, principal: Principal) -> WholeRun:
        experiment = active_experiment(find_experiment(connection, workspace, new.experiment_id or "0", principal))
        about = divide({each.key: each.value for each in new.tags})
        run_id = uuid.uuid4().hex
        now = self._clock()
        parent = self._parent(connection, workspace, about.parent, principal)
        tags = dict(about.tags)
        if about.parent and parent is None:
            tags[PARENT] = about.parent  # a run that is not here: kept as it was said
        if new.user_id:
            tags.setdefault(USER, new.user_id)
        begun = NewRun(
            run_id,
            experiment.experiment.name,
            now if new.start_time is None else time_of(new.start_time, "start_time"),
            parent_run_id=parent.run_id if parent else None,
            display_name=new.run_name or about.run_name or new_run_name(),
            description=about.note or "",
            tags=tags,
        )
        row = begin_run(connection, workspace, begun, parent, experiment.key, principal.name)
        return store.load_begun(connection, row.key)

    def _parent(self, connection: Connection, workspace: int, named: str | None, principal: Principal) -> RunRow | None:
        there = runs.find(connection, workspace, named) if named else None
        if there is not None and not principal.run_id and is_hidden(connection, there, principal.reach):
            there = None
        if named and (principal.run_id or there):
            return find_within_reach(connection, workspace, named, principal)
        return runs.existing(connection, workspace, principal.run_id) if principal.run_id else None

    def _come_to(self, connection: Connection, row: RunRow, wanted: RunState, time: int, principal: Principal) -> None:
        if row.interactive:
            if wanted is not RunState.NOT_STARTED:
                self._lifecycle.come_to(connection, row, wanted, time, None, reopens=True)
        elif wanted is RunState.CANCELED and principal.run_id is None:
            self._lifecycle.request_cancel(connection, row)


def _visible(connection: Connection, workspace: int, principal: Principal) -> Node:
    """What restricts a search to what the caller may see."""
    if principal.run_id is None:
        return And()
    own = runs.existing(connection, workspace, principal.run_id)
    below = [own.run_id, *(each.run_id for each in runs.descendants(connection, own.key))]
    return Comparison(attribute("run_id"), Operator.IN, tuple(below))


def find_run(connection: Connection, workspace: int, run_id: str, principal: Principal) -> RunRow:
    """The run of an id. Raises ``NotFound`` in the protocol's words, or ``Forbidden``."""
    row = runs.find(connection, workspace, run_id)
    reach = principal.reach
    if row is None or (principal.run_id is None and is_hidden(connection, row, reach)):
        raise NotFound(f"Run with id={run_id} not found", target=run_id)
    if principal.run_id is None and reach is None:
        return row
    return find_within_reach(connection, workspace, run_id, principal)


def _is_between(step: int, asked: History) -> bool:
    return (asked.start_step is None or step >= asked.start_step) and (asked.end_step is None or step <= asked.end_step)
