"""A page of runs by the shortest way that is known.

A condition that few runs meet gives them at once, and these are sorted. Where there is none, runs are looked through in
the order wanted until the page is full. SQLite keeps no count of what its tables hold, so it is told which way to go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field, replace
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, func, select

from terrazul.core.dataclass import dataclass
from terrazul.server.experiment.store import experiment, keys_in
from terrazul.server.run.search.fields import attribute
from terrazul.server.run.search.order import (
    Mark,
    Sort,
    SortValue,
    compile_order,
    follows,
    follows_present,
    newest_first,
)
from terrazul.server.run.search.sql import SOURCES, column_of, compile_filter, flattened, holds, is_text
from terrazul.server.run.search.tree import And, Comparison, Entity, Node, Operator, OrderTerm
from terrazul.server.run.store.run import lies_in, run
from terrazul.server.sql.index_choice import one_of, unindexed

Condition = ColumnElement[bool]
FEW = 2000
"""So many runs are looked at one by one sooner than an order is walked through."""
_MOST_PROBES = 10
_BEFORE_ALL = -(2**63)
"""As the time and the key of a mark: what has its values is before it."""

_found = run.alias("found")
_STEPPED = {"state", "display_name"}
"""Attributes with an index that many runs may have with the same value."""
_SCANS = 2

_RANGES = {Operator.EQUAL, Operator.LESS, Operator.AT_MOST, Operator.GREATER, Operator.AT_LEAST, Operator.IN}
_ALSO_MISSING = {Operator.IS_NULL, Operator.IS_NOT_NULL}
"""Where the field has no number, as a metric whose last value is none."""
_POINTS = {Operator.EQUAL, Operator.IN}
_INDEXED = {
    "run_id": (_found.c.run_id, _POINTS),
    "display_name": (_found.c.display_name, _POINTS),
    "state": (_found.c.state, _POINTS),
    "created_at": (_found.c.created_at, _RANGES),
    "started_at": (_found.c.started_at, _RANGES),
    "ended_at": (_found.c.ended_at, _RANGES),
    "duration": (_found.c.duration, _RANGES),
}
_OPERATORS = {
    Entity.METRIC: _RANGES,
    Entity.PARAMETER: _POINTS,
    Entity.TAG: _POINTS,
    Entity.PROPERTY: _POINTS,
}
_SCANNED = set(Operator) - _RANGES - _ALSO_MISSING
"""For these all values of a field are looked through, which an index that holds them makes cheap."""


@dataclass(frozen=True)
class Scope:
    """Among which runs is searched; what is None does not restrict. ``root`` means the runs below one.

    ``folders`` are those of experiments in which the runs lie.
    """

    workspace: int
    experiments: tuple[int, ...] | None = None
    parent: int | None = None
    root: int | None = None
    top_level_only: bool = False
    deleted: bool | None = False
    archived: bool | None = None
    folders: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Search:
    """What is wanted."""

    scope: Scope
    filter: Node = field(default_factory=And)
    order: Sequence[OrderTerm] = ()


class Found(NamedTuple):
    """The keys of a page's runs, and the place where the next page begins; None where there is none."""

    keys: list[int]
    following: Mark | None


def find(connection: Connection, search: Search, limit: int, after: Mark | None, most: int = FEW) -> Found:
    """A page of runs in the order wanted; ``most`` is how many count as few."""
    sorts = compile_order(search.order)
    few = _few(connection, search, most)
    if few is not None:
        rows: Sequence[Sequence[Any]] = connection.execute(_among(search, sorts, few, after).limit(limit + 1)).all()
    else:
        rows = _Walk(connection, most).rows(search, sorts, limit + 1, after)
    page = rows[:limit]
    return Found([row[0] for row in page], _mark(page[-1]) if len(rows) > limit else None)


def count(connection: Connection, search: Search) -> int:
    """How many runs fit."""
    few = _few(connection, replace(search, order=()), FEW)
    conditions = [*_scope(search.scope), compile_filter(search.filter, search.scope.workspace)]
    query = select(func.count()).select_from(run).where(*conditions)
    query = query.where(run.c.id.in_(few) if few is not None else run.c.workspace == search.scope.workspace)
    return int(connection.execute(query).scalar_one())


def _mark(row: Sequence[Any]) -> Mark:
    return Mark(list(row[2:]), row[1], row[0])


def _columns(sorts: Sequence[Sort]) -> list[ColumnElement[Any]]:
    return [run.c.id, run.c.created_at, *(sort.shown for sort in sorts)]


def _scope(scope: Scope) -> list[Condition]:
    """The conditions of the scope, for which no index is looked up."""
    conditions: list[Condition] = [unindexed(run.c.workspace) == scope.workspace]
    if scope.experiments is not None:
        conditions.append(unindexed(run.c.experiment).in_(scope.experiments))
    if scope.parent is not None:
        conditions.append(unindexed(run.c.parent) == scope.parent)
    if scope.root is not None:
        conditions.append(and_(unindexed(run.c.root) == scope.root, run.c.id != scope.root))
    if scope.top_level_only:
        conditions.append(unindexed(run.c.parent).is_(None))
    if scope.deleted is not None:
        conditions.append(run.c.deleted_at.is_not(None) if scope.deleted else run.c.deleted_at.is_(None))
    if scope.archived is not None:
        conditions.append(run.c.archived_at.is_not(None) if scope.archived else run.c.archived_at.is_(None))
    if scope.folders is not None:
        conditions.append(lies_in(scope.workspace, scope.folders))
    return [*conditions, unindexed(run.c.deletion).is_(None)]


def _few(connection: Connection, search: Search, most: int) -> Select[tuple[int]] | None:
    """The keys of runs among which all are that fit, where an index tells few of them."""
    best, least = None, most + 1
    for candidates in islice(_candidates(search), _MOST_PROBES):
        number = _number(connection, candidates, least)
        if number < least:
            best, least = candidates, number
        if not least:
            break
    if best is not None:
        return best
    scans = islice(_scans(search), _SCANS)
    return next((each for each in scans if _number(connection, each, most + 1) <= most), None)


def _number(connection: Connection, candidates: Select[Any], most: int) -> int:
    """How many there are; not more than ``most`` are counted."""
    probe = candidates.limit(most).subquery()
    return int(connection.execute(select(func.count()).select_from(probe)).scalar_one())


def _candidates(search: Search) -> list[Select[tuple[int]]]:
    """For each condition that an index answers, the runs that meet it."""
    scope = search.scope
    of_runs = select(_found.c.id)
    found = [
        of_runs.where(column == value)
        for column, value in ((_found.c.parent, scope.parent), (_found.c.root, scope.root))
        if value is not None
    ]
    if scope.experiments is not None:
        found.append(of_runs.where(_found.c.experiment.in_(scope.experiments)))
    if scope.folders is not None:
        found.append(of_runs.where(_found.c.experiment.in_(keys_in(scope.workspace, scope.folders))))
    walked = search.order[0].field if search.order else None  # the walk through its index ends where the range ends
    comparisons = [part for part in _comparisons(search) if part.field != walked]
    return found + [each for part in comparisons if (each := _of_comparison(part, scope.workspace)) is not None]


def _scans(search: Search) -> Iterator[Select[tuple[int]]]:
    """For each condition that an index answers by looking at all values of a field, the runs that meet it."""
    workspace = search.scope.workspace
    for part in _comparisons(search):
        if part.operator in _SCANNED and part.field.entity in _OPERATORS:
            yield _of_source(part, workspace)
        elif part.operator in _SCANNED and part.field == attribute("display_name"):
            yield select(_found.c.id).where(
                _found.c.workspace == workspace, holds(_found.c.display_name, part.field, part.operator, part.values)
            )


def _comparisons(search: Search) -> Iterator[Comparison]:
    """The comparisons that all must hold."""
    return (part for part in flattened(search.filter) if isinstance(part, Comparison))


def _of_comparison(comparison: Comparison, workspace: int) -> Select[tuple[int]] | None:
    wanted, operator, values = comparison.field, comparison.operator, comparison.values
    if wanted.entity is Entity.ATTRIBUTE:
        column, operators = _INDEXED.get(wanted.key, (None, _POINTS))
        if column is not None and operator in operators:
            return select(_found.c.id).where(_found.c.workspace == workspace, holds(column, wanted, operator, values))
        return _of_experiment(comparison, workspace)
    return _of_source(comparison, workspace) if operator in _OPERATORS.get(wanted.entity, ()) else None


def _of_source(comparison: Comparison, workspace: int) -> Select[tuple[int]]:
    table, key, value = SOURCES[comparison.field.entity]
    compared = holds(value, comparison.field, comparison.operator, comparison.values)
    return select(table.c.run).where(table.c.workspace == workspace, key == comparison.field.key, compared)


def _of_experiment(comparison: Comparison, workspace: int) -> Select[tuple[int]] | None:
    if comparison.field.key != "experiment" or comparison.operator not in _POINTS:
        return None
    named = holds(experiment.c.name, comparison.field, comparison.operator, comparison.values)
    keys = select(experiment.c.id).where(experiment.c.workspace == workspace, named)
    return select(_found.c.id).where(_found.c.experiment.in_(keys))


def _joined(source: FromClause, sorts: Sequence[Sort]) -> FromClause:
    for sort in sorts:
        if sort.join is not None:
            source = source.outerjoin(sort.join.table, and_(sort.join.to_run, sort.join.own))
    return source


def _among(search: Search, sorts: list[Sort], few: Select[tuple[int]], after: Mark | None) -> Select[Any]:
    """The runs among few, all sorted."""
    scope = search.scope
    query = (
        select(*_columns(sorts))
        .select_from(_joined(run, sorts))
        .where(run.c.id.in_(few), *_scope(scope), compile_filter(search.filter, scope.workspace))
        .order_by(*(each for sort in sorts for each in sort.order()), *newest_first())
    )
    return query if after is None else query.where(follows(sorts, after.values, after))


class _Walk:
    """Going through runs in the order of an index; ``most`` is how many with the same value count as few."""

    def __init__(self, connection: Connection, most: int) -> None:
        self._connection = connection
        self._most = most

    def rows(self, search: Search, sorts: list[Sort], limit: int, after: Mark | None) -> list[Sequence[Any]]:
        """Rows as ``_columns`` says: first those that have the value of the first term, then the others."""
        if not sorts:
            return list(self._connection.execute(_newest(search, sorts, after).limit(limit)))
        rows: list[Sequence[Any]] = []
        if after is None or after.values[0] is not None:
            rows += self._present(search, sorts, limit, after)
            after = None
        if len(rows) < limit and _may_be_missing(search, sorts[0]):
            query = _newest(search, sorts, after).where(sorts[0].is_missing())
            rows += self._connection.execute(query.limit(limit - len(rows)))
        return rows

    def _present(self, search: Search, sorts: list[Sort], limit: int, after: Mark | None) -> list[Sequence[Any]]:
        """Where many runs have the value that comes next, these are a search of their own by the other terms."""
        first = sorts[0]
        rows: list[Sequence[Any]] = []
        value = self._next_value(search, first, after)
        if value is not None and self._is_common(search, first, value):
            equal = Comparison(first.term.field, Operator.EQUAL, (value,))
            same = replace(search, filter=And((search.filter, equal)), order=search.order[1:])
            within = after and after.values[0] == value
            mark = Mark(after.values[1:], after.created_at, after.key) if after and within else None
            found = self.rows(same, sorts[1:], limit, mark)
            rows += [(row[0], row[1], value, *row[2:]) for row in found]
            after = Mark([value, *(None for _ in sorts[1:])], _BEFORE_ALL, _BEFORE_ALL)
        if len(rows) < limit:
            rows += self._connection.execute(_present(search, sorts, after).limit(limit - len(rows)))
        return rows

    def _next_value(self, search: Search, sort: Sort, after: Mark | None) -> SortValue:
        """The value with which the runs begin that follow; None where there is none, or no index that tells it."""
        values = _values_of(search, sort)
        if values is None:
            return None
        query = values.where(sort.is_present()).order_by(*sort.order_of_present()).limit(1)
        if after is not None:
            query = query.where(sort.is_not_before(after.values[0]))
        found: SortValue = self._connection.execute(query).scalar()
        return found

    def _is_common(self, search: Search, sort: Sort, value: SortValue) -> bool:
        values = _values_of(search, sort)
        if values is None:
            return False
        same: Condition = sort.value == value
        if is_text(sort.term.field) and isinstance(value, str):
            same = one_of(sort.value, [value])
        return _number(self._connection, values.where(same), self._most + 1) > self._most


def _values_of(search: Search, sort: Sort) -> Select[Any] | None:
    """The values of a term in an index; None where there is none, or equal values are no rule."""
    workspace = search.scope.workspace
    if sort.join is not None and sort.term.field.entity in SOURCES:
        return select(sort.value).where(sort.join.workspace == workspace, sort.join.own)
    if sort.term.field.entity is Entity.ATTRIBUTE and sort.term.field.key in _STEPPED:
        return select(sort.value).where(run.c.workspace == workspace)
    return None


def _may_be_missing(search: Search, sort: Sort) -> bool:
    """False where every run that fits has a value for the term."""
    field_of_term = sort.term.field
    column = column_of(field_of_term)
    if column is not None and not getattr(column, "nullable", True) and not sort.empty_is_missing:
        return False
    return not any(
        isinstance(part, Comparison) and part.field == field_of_term and part.operator not in _ALSO_MISSING
        for part in flattened(search.filter)
    )


def _present(search: Search, sorts: list[Sort], after: Mark | None) -> Select[Any]:
    """Runs that have the value of the first term, in its order."""
    first, *others = sorts
    workspace = search.scope.workspace
    if first.join is None:
        source: FromClause = run
        conditions = [run.c.workspace == workspace]
    else:
        source = first.join.table.join(run, first.join.to_run)
        conditions = [first.join.workspace == workspace, first.join.own]
    query = (
        select(*_columns(sorts))
        .select_from(_joined(source, others))
        .where(*conditions, first.is_present(), *_scope(search.scope))
        .where(compile_filter(search.filter, workspace, {first.term.field: first.value}))
        .order_by(*first.order_of_present(), *(each for sort in others for each in sort.order()), *newest_first())
    )
    return query if after is None else query.where(follows_present(sorts, after))


def _newest(search: Search, sorts: list[Sort], after: Mark | None) -> Select[Any]:
    """Runs in the order of the terms but the first, which they all lack; the newest first where there are none."""
    scope = search.scope
    others = sorts[1:]
    query = (
        select(*_columns(sorts))
        .select_from(_joined(run, sorts))
        .where(*_scope(scope), compile_filter(search.filter, scope.workspace))
        .order_by(*(each for sort in others for each in sort.order()), *newest_first())
    )
    if scope.experiments is not None and len(scope.experiments) == 1:
        query = query.where(run.c.experiment == scope.experiments[0])
    else:
        query = query.where(run.c.workspace == scope.workspace)
    return query if after is None else query.where(follows(others, after.values[1:], after))
