"""A filter's tree as a condition on the table of runs.

A comparison is true or false, never unknown: it holds for no run that lacks the field, so NOT holds for all of these.
What users wrote travels as bound parameters only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Table, and_, exists, false, func, not_, or_, select, true
from sqlalchemy.sql.elements import ColumnClause

from terrazul.server.experiment.store import experiment
from terrazul.server.run.search.state import states_of
from terrazul.server.run.search.tree import And, Comparison, Entity, Field, Kind, Node, Not, Operator, Span, Value
from terrazul.server.run.store.inputs import dataset_input
from terrazul.server.run.store.metric import metric
from terrazul.server.run.store.run import parameter, property_, run, tag
from terrazul.server.sql.index_choice import one_of, unindexed
from terrazul.server.sql.pattern import like

Column = ColumnElement[Any]
Condition = ColumnElement[bool]
Known = Mapping[Field, Column]
"""Fields that the statement has joined already, under the columns that hold them and are not missing."""

_SECOND = 1_000_000


class Source(NamedTuple):
    """The table in which a field's values stand, a row for each run and key."""

    table: Table
    key: ColumnClause[str]
    value: ColumnClause[Any]


def _source(table: Table, key: str, value: str) -> Source:
    return Source(table, table.c[key], table.c[value])


SOURCES = {
    Entity.METRIC: _source(metric, "name", "last_number"),
    Entity.METRIC_MINIMUM: _source(metric, "name", "minimum"),
    Entity.METRIC_MAXIMUM: _source(metric, "name", "maximum"),
    Entity.PARAMETER: _source(parameter.table, "key", "value"),
    Entity.TAG: _source(tag.table, "key", "value"),
    Entity.PROPERTY: _source(property_.table, "key", "value"),
}
_TEXTS = {Entity.PARAMETER, Entity.TAG, Entity.PROPERTY}

_above = run.alias("above")
_COLUMNS: dict[str, Column] = {
    "run_id": run.c.run_id,
    "display_name": run.c.display_name,
    "description": run.c.description,
    "state": run.c.state,
    "type": run.c.type,
    "target": run.c.target,
    "number": run.c.number,
    "snapshot_id": run.c.snapshot_id,
    "created_by": run.c.created_by,
    "created_at": run.c.created_at,
    "started_at": run.c.started_at,
    "ended_at": run.c.ended_at,
    "duration": run.c.duration,
}
EMPTY_IS_MISSING = {"display_name", "description"}
"""Attributes that every run has, if only as an empty text, which counts as none."""
_RELATED: dict[str, tuple[Column, Table | Any, str]] = {
    "experiment": (run.c.experiment, experiment, "name"),
    "experiment_id": (run.c.experiment, experiment, "experiment_id"),
    "parent_run_id": (run.c.parent, _above, "run_id"),
    "root_run_id": (run.c.root, _above, "run_id"),
}
_POSITIVE = {
    Operator.NOT_EQUAL: Operator.EQUAL,
    Operator.NOT_LIKE: Operator.LIKE,
    Operator.NOT_ILIKE: Operator.ILIKE,
    Operator.NOT_IN: Operator.IN,
}
_COMPARE: dict[Operator, Callable[[Column, Any], Condition]] = {
    Operator.EQUAL: lambda column, value: column == value,
    Operator.LESS: lambda column, value: column < value,
    Operator.AT_MOST: lambda column, value: column <= value,
    Operator.GREATER: lambda column, value: column > value,
    Operator.AT_LEAST: lambda column, value: column >= value,
    Operator.LIKE: lambda column, value: like(column, value, fold=False),
    Operator.ILIKE: lambda column, value: like(column, value, fold=True),
}


def compile_filter(node: Node, workspace: int, known: Known | None = None) -> Condition:
    """The condition that a run meets the filter, for a statement over ``run``."""
    return _Compiler(workspace, known or {}).node(node, negated=False)


def column_of(field: Field) -> Column | None:
    """The column of ``run``, or what is computed of it, that holds an attribute; None for one that stands elsewhere."""
    return _COLUMNS.get(field.key)


def is_text(field: Field) -> bool:
    """Whether the values are texts of any length, of which an index may hold the beginnings only."""
    return field.entity in _TEXTS or (field.entity is Entity.ATTRIBUTE and field.key == "display_name")


def relation_of(field: Field) -> tuple[Column, Table | Any, str]:
    """For an attribute that stands in another row: the column that points there, its table, and the name there."""
    return _RELATED[field.key]


def holds(column: Column, field: Field, operator: Operator, values: tuple[Value, ...]) -> Condition:
    """The condition that a column which is not missing compares with the values as the operator says."""
    positive = _POSITIVE.get(operator)
    if positive is not None:
        return not_(holds(column, field, positive, values))
    if field.kind is Kind.STATE:
        return column.in_([state.value for state in states_of(operator, values)])
    if is_text(field) and operator in {Operator.EQUAL, Operator.IN}:
        return one_of(column, [str(value) for value in values])
    if operator is Operator.IN:
        return column.in_(values)
    value = values[0]
    if isinstance(value, Span):
        return _compare_time(column, operator, value)
    if field.key == "duration" and field.entity is Entity.ATTRIBUTE and isinstance(value, float):
        value *= _SECOND
    return _COMPARE[operator](column, value)


def _or_none(field: Field, column: Column) -> Column:
    return func.nullif(column, "") if field.key in EMPTY_IS_MISSING else column


def _compare_time(column: Column, operator: Operator, span: Span) -> Condition:
    if operator is Operator.EQUAL:
        return and_(column >= span.first, column < span.end)
    if operator is Operator.LESS:
        return column < span.first
    if operator is Operator.AT_MOST:
        return column < span.end
    return column >= (span.end if operator is Operator.GREATER else span.first)


class _Compiler:
    def __init__(self, workspace: int, known: Known) -> None:
        self._workspace = workspace
        self._known = known

    def node(self, node: Node, *, negated: bool) -> Condition:
        """The condition; a NOT moves down to the comparisons, so that trees stay as flat as they can be."""
        if isinstance(node, Not):
            return self.node(node.part, negated=not negated)
        if isinstance(node, Comparison):
            condition = self._comparison(node)
            return not_(condition) if negated else condition
        parts = [self.node(part, negated=negated) for part in node.parts]
        if isinstance(node, And) is not negated:
            return and_(true(), *parts)
        return or_(false(), *parts)

    def _comparison(self, comparison: Comparison) -> Condition:
        field, operator = comparison.field, comparison.operator
        if operator is Operator.IS_NULL:
            return not_(self._is_there(field))
        if operator is Operator.IS_NOT_NULL:
            return self._is_there(field)
        if field in self._known:
            return holds(self._known[field], field, operator, comparison.values)
        if field.entity is Entity.DATASET:
            return self._has_dataset(holds(dataset_input.c[field.key], field, operator, comparison.values))
        source = SOURCES.get(field.entity)
        if source is not None:
            compared = holds(source.value, field, operator, comparison.values)
            return self._exists(source, field, and_(source.value.is_not(None), compared))
        return self._attribute(comparison)

    def _is_there(self, field: Field) -> Condition:
        if field in self._known:
            return true()
        if field.entity is Entity.DATASET:
            return self._has_dataset(true())
        source = SOURCES.get(field.entity)
        if source is not None:
            return self._exists(source, field, true())
        column = column_of(field)
        return (relation_of(field)[0] if column is None else _or_none(field, column)).is_not(None)

    def _exists(self, source: Source, field: Field, condition: Condition) -> Condition:
        return exists().where(source.table.c.run == run.c.id, source.key == field.key, condition).correlate(run)

    def _has_dataset(self, condition: Condition) -> Condition:
        return exists().where(dataset_input.c.run == run.c.id, condition).correlate(run)

    def _attribute(self, comparison: Comparison) -> Condition:
        field, operator, values = comparison.field, comparison.operator, comparison.values
        column = column_of(field)
        if column is not None:
            column = _or_none(field, column)
            return and_(column.is_not(None), holds(unindexed(column), field, operator, values))
        pointer, table, name = relation_of(field)
        positive = _POSITIVE.get(operator, operator)
        there = select(table.c.id).where(
            table.c.workspace == self._workspace, holds(table.c[name], field, positive, values)
        )
        found = unindexed(pointer).in_(there)
        return and_(pointer.is_not(None), found if positive is operator else not_(found))


def flattened(node: Node) -> list[Node]:
    """The conditions that all must hold."""
    if isinstance(node, And):
        return [each for part in node.parts for each in flattened(part)]
    return [node]
