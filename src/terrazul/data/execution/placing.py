"""Columns that come from the paths of files, and frames one below the other."""

from __future__ import annotations

from datetime import datetime
from typing import List, Sequence

import polars as pl

from terrazul.core.errors import DatasetExecutionError
from terrazul.data.execution.casting import cast_value
from terrazul.data.execution.preparation import SourceFile
from terrazul.data.plan.source import TableFiles


def with_own_columns(frame: pl.LazyFrame, file: SourceFile, source: TableFiles) -> pl.LazyFrame:
    """The rows of a file, with its path and what its path says before them, where that is wanted."""
    own: List[pl.Expr] = []
    if source.include_path:
        own.append(pl.lit(file.path).alias(source.PATH_COLUMN))
    for name, value in file.partition.items():
        column, current = _literal(value)
        if name in source.column_types:
            column = cast_value(column, current, source.column_types[name], strict=False)
        own.append(column.alias(name))
    if not own:
        return frame
    there = frame.collect_schema().names()
    for each in own:
        if each.meta.output_name() in there:
            raise _twice(each.meta.output_name(), file)
    return frame.select(*own, pl.all())


def placed(frames: Sequence[pl.LazyFrame], *, is_combined: bool = False) -> pl.LazyFrame:
    """Frames one below the other, in the columns of the first; in those of all of them if they are combined."""
    if len(frames) == 1:
        return frames[0]
    if is_combined:
        return pl.concat(frames, how="diagonal_relaxed")
    names = frames[0].collect_schema().names()
    return pl.concat([frame.select(names) for frame in frames], how="vertical_relaxed")


def _literal(value: object) -> tuple[pl.Expr, pl.DataType]:
    if isinstance(value, datetime):
        return pl.lit(value, dtype=pl.Datetime("us")), pl.Datetime("us")
    return pl.lit(value), pl.String()


def _twice(name: str, file: SourceFile) -> DatasetExecutionError:
    message = f"The file {file.path!r} has a column {name!r}, and its path gives one of that name too."
    return DatasetExecutionError(message, target=name, hint="Give it another name in partition_format.")
