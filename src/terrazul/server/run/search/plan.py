"""A page of runs by the shortest way that is known.

A condition that few runs meet gives them at once, and these are sorted. Where there is none, runs are looked through in
the order wanted until the page is full. SQLite keeps no count of what its tables hold, so it is told which way to go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, and_, func, select

from terrazul.server.experiment.store import experiment
from terrazul.server.run.search.order import (
    Mark,
    Sort,
    compile_order,
    follows,
    follows_present,
    newest_first,
)
from terrazul.server.run.search.sql import SOURCES, column_of, compile_filter, flattened, holds
from terrazul.server.run.search.tree import And, Comparison, Entity, Node, Operator, OrderTerm
from terrazul.server.run.store.run import run
from terrazul.server.sql.index_choice import unindexed

Condition = ColumnElement[bool]
FEW = 2000
"""So many runs are looked at one by one sooner than an order is walked through."""
_MOST_PROBES = 10

_found = run.alias("found")
_RANGES = {Operator.EQUAL, Operator.LESS, Operator.AT_MOST, Operator.GREATER, Operator.AT_LEAST, Operator.IN}
_ALSO_MISSING = {Operator.IS_NULL, Operator.IS_NOT_NULL}
"""Where the field has no number, as a metric whose last value is none."""
_POINTS = {Operator.EQUAL, Operator.IN}
_INDEXED = {
    "run_id": (_found.c.run_id, _POINTS),
    "state": (_found.c.state, _POINTS),
    "created_at": (_found.c.created_at, _RANGES),
    "started_at": (_found.c.started_at, _RANGES),
}
_OPERATORS = {
    Entity.METRIC: _RANGES,
    Entity.PARAMETER: _POINTS,
    Entity.TAG: _POINTS,
    Entity.PROPERTY: _POINTS,
}


@dataclass(frozen=True)
class Scope:
    """Among which runs is searched; what is None does not restrict. ``root`` means the runs below one."""

    workspace: int
    experiments: tuple[int, ...] | None = None
    parent: int | None = None
    root: int | None = None
    top_level_only: bool = False
    deleted: bool | None = False
    archived: bool | None = None


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
        rows = connection.execute(_among(search, sorts, few, after).limit(limit + 1)).all()
    else:
        rows = _walk(connection, search, sorts, limit + 1, after)
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
    return [run.c.id, run.c.created_at, *(sort.value for sort in sorts)]


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
    return [*conditions, unindexed(run.c.deletion).is_(None)]


def _few(connection: Connection, search: Search, most: int) -> Select[tuple[int]] | None:
    """The keys of runs among which all are that fit, where an index tells few of them."""
    best, least = None, most + 1
    for candidates in islice(_candidates(search), _MOST_PROBES):
        probe = candidates.limit(least).subquery()
        number = int(connection.execute(select(func.count()).select_from(probe)).scalar_one())
        if number < least:
            best, least = candidates, number
        if not least:
            break
    return best


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
    walked = search.order[0].field if search.order else None  # the walk through its index ends where the range ends
    comparisons = [part for part in flattened(search.filter) if isinstance(part, Comparison) and part.field != walked]
    return found + [each for part in comparisons if (each := _of_comparison(part, scope.workspace)) is not None]


def _of_comparison(comparison: Comparison, workspace: int) -> Select[tuple[int]] | None:
    wanted, operator, values = comparison.field, comparison.operator, comparison.values
    if wanted.entity is Entity.ATTRIBUTE:
        column, operators = _INDEXED.get(wanted.key, (None, _POINTS))
        if column is not None and operator in operators:
            return select(_found.c.id).where(_found.c.workspace == workspace, holds(column, wanted, operator, values))
        return _of_experiment(comparison, workspace)
    if operator not in _OPERATORS.get(wanted.entity, ()):
        return None
    table, key, value = SOURCES[wanted.entity]
    return select(table.c.run).where(
        table.c.workspace == workspace, key == wanted.key, holds(value, wanted, operator, values)
    )


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


def _walk(connection: Connection, search: Search, sorts: list[Sort], limit: int, after: Mark | None) -> list[Row[Any]]:
    """The runs in the order of an index: first those that have the value of the first term, then the others."""
    if not sorts:
        return list(connection.execute(_newest(search, sorts, after).limit(limit)))
    rows: list[Row[Any]] = []
    if after is None or after.values[0] is not None:
        rows += connection.execute(_present(search, sorts, after).limit(limit))
        after = None
    if len(rows) < limit and _may_be_missing(search, sorts[0]):
        query = _newest(search, sorts, after).where(sorts[0].value.is_(None))
        rows += connection.execute(query.limit(limit - len(rows)))
    return rows


def _may_be_missing(search: Search, sort: Sort) -> bool:
    """False where every run that fits has a value for the term."""
    field_of_term = sort.term.field
    column = column_of(field_of_term)
    if column is not None and not getattr(column, "nullable", True):
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
    elif first.term.field.entity is Entity.ATTRIBUTE:
        source = run.join(first.join.table, first.join.to_run)
        conditions = [run.c.workspace == workspace]
    else:
        source = first.join.table.join(run, first.join.to_run)
        conditions = [first.join.workspace == workspace, first.join.own]
    query = (
        select(*_columns(sorts))
        .select_from(_joined(source, others))
        .where(*conditions, first.value.is_not(None), *_scope(search.scope))
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
