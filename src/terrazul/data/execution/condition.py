"""Conditions as expressions of polars."""

from __future__ import annotations

from functools import reduce
from typing import Callable, Dict

import polars as pl

from terrazul.core.errors import DatasetExecutionError
from terrazul.data.plan import node

_FUNCTIONS: Dict[str, Callable[..., pl.Expr]] = {
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left != right,
    "gt": lambda left, right: left > right,
    "ge": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "le": lambda left, right: left <= right,
    "not": lambda value: ~value,
    "add": lambda left, right: left + right,
    "sub": lambda left, right: left - right,
    "mul": lambda left, right: left * right,
    "div": lambda left, right: left / _not_zero(right),
    "floordiv": lambda left, right: left // _not_zero(right),
    "mod": lambda left, right: left % _not_zero(right),
    "neg": lambda value: -value,
    "starts_with": lambda left, right: left.str.starts_with(right),
    "ends_with": lambda left, right: left.str.ends_with(right),
    "contains": lambda left, right: left.str.contains(right, literal=True),
    "lower": lambda value: value.str.to_lowercase(),
    "upper": lambda value: value.str.to_uppercase(),
    "trim": lambda value: value.str.strip_chars(),
    "length": lambda value: value.str.len_chars(),
    "and": lambda left, right: left & right,
    "or": lambda left, right: left | right,
    "is_null": lambda value: value.is_null(),
    "is_not_null": lambda value: value.is_not_null(),
}


def to_expression(condition: node.Node) -> pl.Expr:
    """The condition over the columns of a frame. Raises ``DatasetExecutionError`` for what only files have."""
    if isinstance(condition, node.Column):
        return pl.col(condition.name)
    if isinstance(condition, node.Metadata):
        message = f"Rows have no {condition.name}: file_metadata is for the conditions of a FileDataset."
        raise DatasetExecutionError(message, target=condition.name)
    if isinstance(condition, node.Literal):
        return pl.lit(condition.value)
    if condition.function == "is_in":
        value, choices = condition.of
        tests = [to_expression(node.Call("eq", (value, node.Literal(each)))) for each in _choices(choices)]
        return reduce(lambda left, right: left | right, tests, pl.lit(value=False))
    return _FUNCTIONS[condition.function](*map(to_expression, condition.of))


def _choices(choices: node.Node) -> tuple[object, ...]:
    found: tuple[object, ...] = choices.value if isinstance(choices, node.Literal) else ()
    return found


def _not_zero(divisor: pl.Expr) -> pl.Expr:
    return pl.when(divisor != 0).then(divisor)
