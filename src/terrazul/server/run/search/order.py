"""An order's terms as columns, and where a page of that order goes on.

A page's mark holds the values by which its last row was sorted, so what arrives or goes meanwhile moves nothing. What
has no value comes last in either direction; among equals the newest run comes first, then the one entered last.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import BigInteger, ColumnElement, FromClause, and_, false, func, literal, or_, tuple_

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import InvalidInput
from terrazul.server.run.search.sql import EMPTY_IS_MISSING, SOURCES, column_of, is_text, relation_of
from terrazul.server.run.search.tree import Entity, Kind, OrderTerm
from terrazul.server.run.store.run import run
from terrazul.server.sql.index_choice import sorted_by

SortValue = float | int | str | None
_TEXT_KINDS = {Kind.TEXT, Kind.STATE}
_LARGEST_INTEGER = 2**63


class Join(NamedTuple):
    """The row beside a run's in which the value stands; ``own`` holds for the row without looking at the run."""

    table: FromClause
    to_run: ColumnElement[bool]
    own: ColumnElement[bool]
    workspace: ColumnElement[int]


@dataclass(frozen=True)
class Sort:
    """One term as SQL."""

    term: OrderTerm
    value: ColumnElement[Any]
    join: Join | None = None
    empty_is_missing: bool = False

    @property
    def shown(self) -> ColumnElement[Any]:
        """The value as a mark holds it: NULL where it is missing."""
        return func.nullif(self.value, "") if self.empty_is_missing else self.value

    def is_missing(self) -> ColumnElement[bool]:
        """The condition that a row has no value."""
        return self.value == "" if self.empty_is_missing else self.value.is_(None)

    def is_present(self) -> ColumnElement[bool]:
        """The condition that a row has a value."""
        return self.value > "" if self.empty_is_missing else self.value.is_not(None)

    def order(self) -> list[ColumnElement[Any]]:
        """What ORDER BY says: what is missing last."""
        return [self.is_missing(), *self.order_of_present()]

    def order_of_present(self) -> list[ColumnElement[Any]]:
        """As ``order``, where the value is not missing."""
        if is_text(self.term.field):
            return [sorted_by(self.value, descending=self.term.descending)]
        return [self.value.desc() if self.term.descending else self.value.asc()]

    def is_after(self, last: SortValue) -> ColumnElement[bool]:
        """The condition that a row stands after those with this value."""
        if last is None:
            return false()
        return or_(self.is_further(last), self.is_missing())

    def is_further(self, last: SortValue) -> ColumnElement[bool]:
        """As ``is_after``, where the value is not missing."""
        return self.value < last if self.term.descending else self.value > last

    def is_not_before(self, last: SortValue) -> ColumnElement[bool]:
        """The condition that a row stands with or after those with this value, which is not missing."""
        return self.value <= last if self.term.descending else self.value >= last

    def is_equal(self, last: SortValue) -> ColumnElement[bool]:
        """The condition that a row has this value."""
        return self.is_missing() if last is None else self.value == last


class Mark(NamedTuple):
    """The place of a row in the order: its values, when it was made, and its key."""

    values: list[SortValue]
    created_at: int
    key: int


def compile_order(terms: Sequence[OrderTerm]) -> list[Sort]:
    """The terms as SQL. Raises ``InvalidInput`` for a field that cannot be sorted by."""
    return [_sort(term, index) for index, term in enumerate(terms)]


def _sort(term: OrderTerm, index: int) -> Sort:
    field = term.field
    if field.entity is Entity.DATASET:
        raise InvalidInput(
            "Runs cannot be sorted by their datasets, of which they have several.", target="order_by",
            hint="Sort by a metric, a parameter, a tag or an attribute.",
        )  # fmt: skip
    source = SOURCES.get(field.entity)
    if source is not None:
        table = source.table.alias(f"sort_{index}")
        own = table.c[source.key.name] == field.key
        join = Join(table, table.c.run == run.c.id, own, table.c.workspace)
        return Sort(term, table.c[source.value.name], join)
    column = column_of(field)
    if column is not None:
        return Sort(term, column, empty_is_missing=field.key in EMPTY_IS_MISSING)
    pointer, related, name = relation_of(field)
    table = related.alias(f"sort_{index}")
    return Sort(term, table.c[name], Join(table, table.c.id == pointer, table.c.id == pointer, table.c.workspace))


def newest_first() -> list[ColumnElement[Any]]:
    """The order among equals."""
    return [run.c.created_at.desc(), run.c.id.desc()]


def follows(sorts: Sequence[Sort], values: Sequence[SortValue], mark: Mark) -> ColumnElement[bool]:
    """The condition that a row stands after the mark, where the terms before these are equal."""
    place = tuple_(literal(mark.created_at, BigInteger), literal(mark.key, BigInteger))
    condition: ColumnElement[bool] = tuple_(run.c.created_at, run.c.id) < place
    for sort, value in reversed(list(zip(sorts, values, strict=True))):
        condition = or_(sort.is_after(value), and_(sort.is_equal(value), condition))
    return condition


def follows_present(sorts: Sequence[Sort], mark: Mark) -> ColumnElement[bool]:
    """As ``follows``, where the first term is not missing; written so that an index on it can be used."""
    first, *others = sorts
    value, *rest = mark.values
    equal = and_(first.is_equal(value), follows(others, rest, mark))
    return and_(first.is_not_before(value), or_(first.is_further(value), equal))


def write_mark(terms: Sequence[OrderTerm], mark: Mark) -> str:
    """The mark as text."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode((_print_of(terms), *mark))).decode()


def read_mark(terms: Sequence[OrderTerm], text: str | None) -> Mark | None:
    """The mark of a text. Raises ``InvalidInput`` for what is none, or belongs to another order."""
    if text is None:
        return None
    try:
        data = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
        order, values, created_at, key = msgspec.msgpack.decode(data, type=tuple[str, list[SortValue], int, int])
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError):
        raise _no_mark() from None
    mark = Mark(values, created_at, key)
    if order != _print_of(terms) or not _is_sound(terms, mark):
        raise _no_mark()
    return mark


def _no_mark() -> InvalidInput:
    return InvalidInput(
        "The page mark is not valid.", target="page", hint="Pass next_page of the answer before, with the same order."
    )


def _is_sound(terms: Sequence[OrderTerm], mark: Mark) -> bool:
    numbers = [mark.created_at, mark.key, *(value for value in mark.values if isinstance(value, int))]
    return (
        len(mark.values) == len(terms)
        and all(-_LARGEST_INTEGER <= number < _LARGEST_INTEGER for number in numbers)
        and all(_fits(term, value) for term, value in zip(terms, mark.values, strict=True))
    )


def _fits(term: OrderTerm, value: SortValue) -> bool:
    if value is None:
        return True
    if term.field.kind in _TEXT_KINDS:
        return isinstance(value, str) and "\0" not in value
    return not isinstance(value, str) and not math.isnan(value)


def _print_of(terms: Sequence[OrderTerm]) -> str:
    text = repr([(term.field.entity.value, term.field.key, term.descending) for term in terms])
    return hashlib.blake2s(text.encode(), digest_size=6).hexdigest()
