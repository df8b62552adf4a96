"""The steps of a plan on a frame."""

from __future__ import annotations

import difflib
from typing import List, Sequence, Union

import polars as pl

from terrazul.core.errors import DatasetExecutionError
from terrazul.data.execution.chance import is_between
from terrazul.data.execution.condition import to_expression
from terrazul.data.plan import node
from terrazul.data.plan.columns import DropColumns, KeepColumns, TimestampColumns
from terrazul.data.plan.operation import Operation
from terrazul.data.plan.rows import Between, Filter, Skip, Take

_PLACE = "\x00place"


def apply(frame: pl.LazyFrame, steps: Sequence[Operation]) -> pl.LazyFrame:
    """The frame after all steps. Raises ``DatasetExecutionError`` for a column that is not there."""
    for step in steps:
        frame = _apply(frame, step)
    return frame


def check_columns(frame: pl.LazyFrame, wanted: Sequence[str]) -> None:
    """Raise ``DatasetExecutionError`` for a column that is not there."""
    check_names(frame.collect_schema().names(), wanted)


def check_names(known: Sequence[str], wanted: Sequence[str]) -> None:
    """Raise ``DatasetExecutionError`` for a column that is not among those that are known."""
    for name in wanted:
        if name not in known:
            message = f"The dataset has no column {name!r}."
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Its columns are {', '.join(map(repr, known[:50]))}."
            raise DatasetExecutionError(message, target=name, hint=hint)


def _apply(frame: pl.LazyFrame, step: Operation) -> pl.LazyFrame:
    if isinstance(step, (Take, Skip, Between, Filter)):
        return _choose_rows(frame, step)
    if isinstance(step, KeepColumns):
        check_columns(frame, step.columns)
        return frame.select(_once(step.columns))
    if isinstance(step, DropColumns):
        check_columns(frame, step.columns)
        return frame.drop(_once(step.columns))
    if isinstance(step, TimestampColumns):
        return frame
    message = f"{step.name} is no step of rows"
    raise TypeError(message)


def _choose_rows(frame: pl.LazyFrame, step: Union[Take, Skip, Between, Filter]) -> pl.LazyFrame:
    if isinstance(step, Take):
        return frame.head(step.count)
    if isinstance(step, Skip):
        return frame.slice(step.count)
    if isinstance(step, Between):
        chosen = is_between(pl.col(_PLACE), step.seed, step.lower, step.upper)
        return frame.with_row_index(_PLACE).filter(chosen).drop(_PLACE)
    check_columns(frame, sorted(node.columns_of(step.condition)))
    return frame.filter(to_expression(step.condition))


def _once(names: Sequence[str]) -> List[str]:
    return list(dict.fromkeys(names))
