"""Choosing and sorting things that are few enough to be looked at one by one: experiments, models.

Runs are many and searched by the database; these follow the same grammar and the same rules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any, Generic, NamedTuple, TypeVar

from terrazul.server.mlflow.pages import read_mark, write_mark
from terrazul.server.run.search.tree import And, Comparison, Entity, Kind, Node, Not, Operator, Or, OrderTerm, Span
from terrazul.wire.mlflow.rules import invalid

T = TypeVar("T")
Value = float | str | None
Values = Mapping[tuple[Entity, str], Value]


@dataclass(frozen=True)
class Candidate(Generic[T]):
    """A thing, what is compared of it, when it was made, and what tells it from all others."""

    thing: T
    values: Values
    created_at: int
    key: int


class Page(NamedTuple, Generic[T]):
    """A page of things, and the mark of the next one (empty at the end)."""

    things: list[T]
    following: str


def select(
    candidates: Iterable[Candidate[T]], condition: Node, order: Sequence[OrderTerm], limit: int, mark: str
) -> Page[T]:
    """A page of the things that meet a condition; the newest first among equals."""
    found = [each for each in candidates if meets(each.values, condition)]
    found.sort(key=cmp_to_key(lambda one, other: _compare(_place(one, order), _place(other, order), order)))
    if mark:
        last = read_mark(mark, *(str if term.field.kind is Kind.TEXT else float for term in order), int, int)
        if None in last[len(order) :]:
            raise invalid("page_token", mark[:80], "Pass the next_page_token of the answer before.")
        found = [each for each in found if _compare(_place(each, order), last, order) > 0]
    page = found[:limit]
    following = write_mark(*_place(page[-1], order)) if len(found) > limit else ""
    return Page([each.thing for each in page], following)


def meets(values: Values, condition: Node) -> bool:
    """True where a condition holds; a comparison with what is not there holds never, but for IS NULL."""
    if isinstance(condition, And):
        return all(meets(values, each) for each in condition.parts)
    if isinstance(condition, Or):
        return any(meets(values, each) for each in condition.parts)
    if isinstance(condition, Not):
        return not meets(values, condition.part)
    return _holds(values.get((condition.field.entity, condition.field.key)), condition)


def is_like(text: str, pattern: str) -> bool:
    """SQL's LIKE with ``%`` and ``_``, in a time that no pattern makes longer than the product of both lengths."""
    place = at = 0
    star, resume = -1, 0
    while place < len(text):
        if at < len(pattern) and pattern[at] == "%":
            star, resume, at = at, place, at + 1
        elif at < len(pattern) and pattern[at] in {"_", text[place]}:
            place, at = place + 1, at + 1
        elif star >= 0:
            resume += 1
            place, at = resume, star + 1
        else:
            return False
    return all(each == "%" for each in pattern[at:])


_COMPARE: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQUAL: lambda value, wanted: value == wanted,
    Operator.NOT_EQUAL: lambda value, wanted: value != wanted,
    Operator.LESS: lambda value, wanted: value < wanted,
    Operator.AT_MOST: lambda value, wanted: value <= wanted,
    Operator.GREATER: lambda value, wanted: value > wanted,
    Operator.AT_LEAST: lambda value, wanted: value >= wanted,
    Operator.LIKE: is_like,
    Operator.NOT_LIKE: lambda value, wanted: not is_like(value, wanted),
    Operator.ILIKE: lambda value, wanted: is_like(value.lower(), wanted.lower()),
    Operator.NOT_ILIKE: lambda value, wanted: not is_like(value.lower(), wanted.lower()),
}
_SPAN: dict[Operator, Callable[[Any, Span], bool]] = {
    Operator.EQUAL: lambda value, span: span.first <= value < span.end,
    Operator.NOT_EQUAL: lambda value, span: not span.first <= value < span.end,
    Operator.LESS: lambda value, span: value < span.first,
    Operator.AT_MOST: lambda value, span: value < span.end,
    Operator.GREATER: lambda value, span: value >= span.end,
    Operator.AT_LEAST: lambda value, span: value >= span.first,
}


def _holds(value: Value, comparison: Comparison) -> bool:
    operator, wanted = comparison.operator, comparison.values
    if operator is Operator.IS_NULL or value is None:
        return operator is Operator.IS_NULL and value is None
    if operator is Operator.IS_NOT_NULL:
        return True
    if operator in {Operator.IN, Operator.NOT_IN}:
        return (value in wanted) is (operator is Operator.IN)
    if isinstance(wanted[0], Span):
        return _SPAN[operator](value, wanted[0])
    return _COMPARE[operator](value, wanted[0])


def _place(candidate: Candidate[T], order: Sequence[OrderTerm]) -> tuple[Value, ...]:
    values = (candidate.values.get((term.field.entity, term.field.key)) for term in order)
    kept = (None if isinstance(each, float) and math.isnan(each) else each for each in values)
    return (*kept, candidate.created_at, candidate.key)


def _compare(one: Sequence[Any], other: Sequence[Any], order: Sequence[OrderTerm]) -> int:
    """Less than 0 where the first place comes first; what is missing comes last, the newest first among equals."""
    for index, term in enumerate(order):
        mine, others = one[index], other[index]
        if mine != others:
            if mine is None or others is None:
                return 1 if mine is None else -1
            return 1 if (mine > others) is not term.descending else -1
    tail = len(order)
    mine, others = tuple(one[tail:]), tuple(other[tail:])
    return 0 if mine == others else 1 if mine < others else -1
