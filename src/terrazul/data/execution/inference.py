"""What types the columns of a text file have, by its first rows."""

from __future__ import annotations

import re
from typing import Dict, List, Optional

import polars as pl

from terrazul.data.execution.casting import MONTH_OR_DAY_FIRST, TIMES, parse_time
from terrazul.data.plan.column_type import BOOL, DATETIME, FLOAT, LONG, STRING, ColumnType

SAMPLE_ROWS = 10_000
_LIKE_A_TIME = re.compile(r"\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")


def types_of(sample: pl.DataFrame) -> Dict[str, ColumnType]:
    """The types of columns that hold texts; a column of which all values are missing stays one of texts."""
    return {name: _type_of(sample.get_column(name).drop_nulls()) for name in sample.columns}


def _type_of(texts: pl.Series) -> ColumnType:
    if texts.is_empty():
        return ColumnType(STRING)
    bare = texts.str.strip_chars()
    if bare.str.to_lowercase().is_in(["true", "false"]).all():
        return ColumnType(BOOL)
    if bare.cast(pl.Int64, strict=False).null_count() == 0:
        return ColumnType(LONG)
    if bare.cast(pl.Float64, strict=False).null_count() == 0:
        return ColumnType(FLOAT)
    written = _time_format_of(texts)
    return ColumnType(DATETIME, (written,)) if written else ColumnType(STRING)


def _time_format_of(texts: pl.Series) -> Optional[str]:
    if not _LIKE_A_TIME.match(texts[0]):
        return None
    for written in TIMES:
        if _fits(texts, written):
            return written
    for pair in MONTH_OR_DAY_FIRST:
        fitting: List[str] = [written for written in pair if _fits(texts, written)]
        if fitting:
            return fitting[0] if len(fitting) == 1 else None
    return None


def _fits(texts: pl.Series, written: str) -> bool:
    first = texts.head(1).to_frame("text").select(parse_time(pl.col("text"), written)).to_series()
    if first.null_count():
        return False
    return texts.to_frame("text").select(parse_time(pl.col("text"), written)).to_series().null_count() == 0
