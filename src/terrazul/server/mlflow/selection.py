"""Choosing and sorting experiments, models and versions: the grammar and the rules of runs, and a page read in SQL.

There are thousands of these where there are hundreds of thousands of runs: the database looks at each, and what is
shown is loaded for the rows of the page alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Connection, FromClause, and_, false, literal, not_, or_, true, tuple_
from sqlalchemy import select as select_rows

from terrazul.core.dataclass import dataclass
from terrazul.server.mlflow.pages import read_mark, write_mark
from terrazul.server.run.search.sql import holds
from terrazul.server.run.search.tree import And, Comparison, Field, Kind, Node, Not, Operator, OrderTerm
from terrazul.wire.mlflow.rules import invalid

T = TypeVar("T")
Condition = ColumnElement[bool]


class Page(NamedTuple, Generic[T]):
    """A page of things, and the mark of the next one (empty at the end)."""

    things: list[T]
    following: str


@dataclass(frozen=True)
class Listing:
    """What is listed: ``value`` is a field's value in a row of ``source``, NULL where the row has none."""

    source: FromClause
    key: ColumnElement[int]
    created_at: ColumnElement[int]
    value: Callable[[Field], ColumnElement[Any]]


class Wanted(NamedTuple):
    """What is asked for: ``mark`` is where the page begins (empty at the start)."""

    condition: Node
    order: Sequence[OrderTerm]
    limit: int
    mark: str


def select(connection: Connection, listing: Listing, wanted: Wanted, *among: Condition) -> Page[int]:
    """The keys of a page of the rows that meet a condition, and these; the newest first among equals."""
    sorts = [_Sort(listing.value(term.field), term.descending) for term in wanted.order]
    query = (
        select_rows(listing.key, listing.created_at, *(sort.value for sort in sorts))
        .select_from(listing.source)
        .where(*among, _compile(listing, wanted.condition))
        .order_by(*(each for sort in sorts for each in sort.order()), listing.created_at.desc(), listing.key.desc())
    )
    if wanted.mark:
        query = query.where(_follows(listing, sorts, _read(wanted.mark, wanted.order)))
    rows = connection.execute(query.limit(wanted.limit + 1)).all()
    page = rows[: wanted.limit]
    following = write_mark(*page[-1][2:], page[-1][1], page[-1][0]) if len(rows) > wanted.limit else ""
    return Page([row[0] for row in page], following)


class _Sort(NamedTuple):
    value: ColumnElement[Any]
    descending: bool

    def order(self) -> list[ColumnElement[Any]]:
        """What is missing comes last in either direction."""
        return [self.value.is_(None), self.value.desc() if self.descending else self.value.asc()]

    def is_after(self, last: Any) -> Condition:
        """The condition that a row stands after those with this value."""
        if last is None:
            return false()
        return or_(self.value < last if self.descending else self.value > last, self.value.is_(None))

    def is_equal(self, last: Any) -> Condition:
        return self.value.is_(None) if last is None else self.value == last


def _read(mark: str, order: Sequence[OrderTerm]) -> list[Any]:
    last = read_mark(mark, *(str if term.field.kind is Kind.TEXT else float for term in order), int, int)
    if None in last[len(order) :]:
        raise invalid("page_token", mark[:80], "Pass the next_page_token of the answer before.")
    return last


def _follows(listing: Listing, sorts: Sequence[_Sort], last: Sequence[Any]) -> Condition:
    """The condition that a row stands after the place of a mark."""
    *values, created_at, key = last
    place = tuple_(literal(created_at, BigInteger), literal(key, BigInteger))
    condition: Condition = tuple_(listing.created_at, listing.key) < place
    for sort, value in reversed(list(zip(sorts, values, strict=True))):
        condition = or_(sort.is_after(value), and_(sort.is_equal(value), condition))
    return condition


def _compile(listing: Listing, node: Node) -> Condition:
    """The condition that a row meets a filter: true or false, never unknown."""
    if isinstance(node, Comparison):
        return _holds(listing.value(node.field), node)
    if isinstance(node, Not):
        return not_(_compile(listing, node.part))
    parts = [_compile(listing, part) for part in node.parts]
    return and_(true(), *parts) if isinstance(node, And) else or_(false(), *parts)


def _holds(value: ColumnElement[Any], comparison: Comparison) -> Condition:
    """A comparison with what is not there holds never, but for IS NULL."""
    operator = comparison.operator
    if operator is Operator.IS_NULL:
        return value.is_(None)
    if operator is Operator.IS_NOT_NULL:
        return value.is_not(None)
    return and_(value.is_not(None), holds(value, comparison.field, operator, comparison.values))
