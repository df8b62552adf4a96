"""Finding runs by what they have recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from sqlalchemy import Connection

from terrazul.core.clock import to_text
from terrazul.core.dataclass import dataclass
from terrazul.core.errors import InvalidInput
from terrazul.server.experiment import store as experiments
from terrazul.server.hold import store as holds
from terrazul.server.identity.rules import Principal
from terrazul.server.queue.admission import Admission
from terrazul.server.run.search.fields import attribute
from terrazul.server.run.search.grammar import parse, parse_order
from terrazul.server.run.search.order import read_mark, write_mark
from terrazul.server.run.search.plan import Scope, Search, count, find
from terrazul.server.run.search.tree import And, Comparison, Entity, Field, Kind, Node, Operator
from terrazul.server.run.service.reach import is_hidden
from terrazul.server.run.store import metric as metrics
from terrazul.server.run.store import run as runs
from terrazul.server.sql.database import Database
from terrazul.server.sql.time_limit import TimeIsOver, time_limit
from terrazul.wire.run import Run, RunInclusion, RunPage, RunSearch, RunSelection, RunState

T = TypeVar("T")
_PAGE_LIMIT = 1000
_NAME_LIMIT = 1000
_FILTER_LIMIT = 100
_SECONDS = 10
_ARCHIVED = {RunSelection.ACTIVE: False, RunSelection.ARCHIVED: True}
Pair = tuple[str, str | None]
"""A key, and the value that it must have if it is not None."""


@dataclass(frozen=True)
class Wanted:
    """v1's filters: what runs must be and have."""

    type: str | None = None
    target: str | None = None
    states: Sequence[str] = ()
    tags: Sequence[Pair] = ()
    properties: Sequence[Pair] = ()

    def as_filter(self) -> Node:
        """The same as the tree of a filter. Raises ``InvalidInput`` where they are too many."""
        if len(self.tags) + len(self.properties) + len(self.states) > _FILTER_LIMIT:
            raise InvalidInput(
                f"A search has at most {_FILTER_LIMIT} filters.", target="filters", hint="Ask for less at once."
            )
        words = (("type", [self.type]), ("target", [self.target]), ("state", self.states))
        attributes = [
            Comparison(attribute(key), Operator.IN, tuple(value for value in values if value is not None))
            for key, values in words
            if any(value is not None for value in values)
        ]
        texts = [
            _has(entity, pair) for entity, pairs in ((Entity.TAG, self.tags), (Entity.PROPERTY, self.properties))
            for pair in pairs
        ]  # fmt: skip
        return And((*attributes, *texts))


def _has(entity: Entity, pair: Pair) -> Comparison:
    key, value = pair
    wanted = Field(entity, key, Kind.TEXT)
    return Comparison(wanted, Operator.IS_NOT_NULL) if value is None else Comparison(wanted, Operator.EQUAL, (value,))


class RunSearching:
    """The search over the runs of all workspaces."""

    def __init__(self, database: Database, admission: Admission) -> None:
        self._database = database
        self._admission = admission

    async def search(
        self, workspace: int, wanted: RunSearch, principal: Principal, also: Wanted | None = None
    ) -> RunPage:
        """A page of the runs that a caller may see; ``also`` restricts them further.

        Raises ``InvalidInput`` for a filter, an order, a page or a limit that is none, and for a search that takes too
        long; ``NotFound`` for a parent or a root that there is not.
        """
        if not 1 <= wanted.limit <= _PAGE_LIMIT:
            raise InvalidInput(f"A page holds 1 to {_PAGE_LIMIT} runs, not {wanted.limit}.", target="limit")
        if len(wanted.experiment_names or []) > _NAME_LIMIT:
            raise InvalidInput(f"A search names at most {_NAME_LIMIT} experiments.", target="experiment_names")
        order = parse_order(wanted.order_by)
        after = read_mark(order, wanted.page)
        condition = And((also.as_filter() if also else And(), parse(wanted.filter)))

        def work(connection: Connection) -> RunPage:
            search = Search(_scope(connection, workspace, wanted, principal), condition, order)
            found = find(connection, search, wanted.limit, after)
            loaded = runs.load(connection, found.keys)
            loaded = with_waits(connection, self._admission, found.keys, loaded)
            if RunInclusion.METRICS in wanted.include:
                loaded = _with_metrics(connection, found.keys, loaded)
            total = count(connection, search) if RunInclusion.TOTAL in wanted.include else None
            return RunPage(loaded, total, write_mark(order, found.following) if found.following else None)

        return await self._database.read(lambda connection: in_time(connection, work))


def in_time(connection: Connection, work: Callable[[Connection], T]) -> T:
    """What the work finds. Raises ``InvalidInput`` where that takes too long."""
    try:
        with time_limit(connection, _SECONDS):
            return work(connection)
    except TimeIsOver:
        raise InvalidInput(
            f"The search took longer than {_SECONDS} seconds and was broken off.",
            target="filter",
            hint="Name an experiment, or compare with = where you can.",
        ) from None


def _scope(connection: Connection, workspace: int, wanted: RunSearch, principal: Principal) -> Scope:
    names, parent = wanted.experiment_names, wanted.parent_run_id
    root = principal.run_id if principal.is_run else wanted.root_run_id
    reach = None if principal.is_run else principal.reach

    def key_of(run_id: str) -> int:
        row = runs.existing(connection, workspace, run_id)
        if is_hidden(connection, row, reach):
            raise runs.no_run(run_id)
        return row.key

    return Scope(
        workspace,
        experiments=None if names is None else tuple(experiments.keys_of(connection, workspace, names)),
        parent=key_of(parent) if parent else None,
        root=key_of(root) if root else None,
        top_level_only=not (wanted.include_children or parent or root),
        deleted=wanted.view is RunSelection.DELETED,
        archived=_ARCHIVED.get(wanted.view),
        folders=None if reach is None else reach.folders,
    )


def with_waits(connection: Connection, admission: Admission, keys: list[int], loaded: list[Run]) -> list[Run]:
    """The runs of these keys: those that wait with their place in line and the reason, those held with until when."""
    failed = [key for key, run in zip(keys, loaded, strict=True) if run.state is RunState.FAILED]
    until = holds.until_of(connection, failed)
    loaded = [
        replace(run, held_until=to_text(until[key])) if key in until else run
        for key, run in zip(keys, loaded, strict=True)
    ]
    queued = [key for key, run in zip(keys, loaded, strict=True) if run.state is RunState.QUEUED]
    waits = admission.waits(connection, queued)
    return [
        replace(run, queue_reason=waits[key].reason, queue_position=waits[key].position) if key in waits else run
        for key, run in zip(keys, loaded, strict=True)
    ]


def _with_metrics(connection: Connection, keys: list[int], loaded: list[Run]) -> list[Run]:
    found = metrics.summaries(connection, keys)
    return [replace(run, metrics=found[key]) for key, run in zip(keys, loaded, strict=True)]
