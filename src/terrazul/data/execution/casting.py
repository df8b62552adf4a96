"""Texts and other values as the types that columns are given."""

from __future__ import annotations

import re
from typing import Optional

import polars as pl

from terrazul.data.plan.column_type import BOOL, DATETIME, FLOAT, LONG, ColumnType

TIMES = (
    "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d",
)  # fmt: skip
"""How times are written that need no explanation."""
MONTH_OR_DAY_FIRST = tuple(
    (f"%m{sign}%d{sign}%Y{clock}", f"%d{sign}%m{sign}%Y{clock}")
    for sign in ("/", "-", ".")
    for clock in ("", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p")
)
"""Pairs of which only one may fit: where both do, nobody knows which is meant."""
_CLOCK = re.compile(r"%\.?[0-9]?[fHIMpRSTX]")
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")


def native_type(given: ColumnType) -> Optional[pl.DataType]:
    """The type that polars makes of a column while it reads text; None where texts are read, and cast."""
    if given.kind == LONG:
        return pl.Int64()
    if given.kind == FLOAT and given.decimal_mark == ".":
        return pl.Float64()
    return None


def cast_text(column: pl.Expr, given: ColumnType, *, strict: bool) -> pl.Expr:
    """A column of texts as another type. What does not fit is missing; with ``strict`` polars raises then."""
    if given.kind == LONG:
        return column.str.strip_chars().cast(pl.Int64, strict=strict)
    if given.kind == FLOAT:
        if given.decimal_mark != ".":
            column = column.str.replace(given.decimal_mark, ".", literal=True)
        return column.str.strip_chars().cast(pl.Float64, strict=strict)
    if given.kind == BOOL:
        lower = column.str.strip_chars().str.to_lowercase()
        truth = pl.when(lower.is_in(_TRUE)).then(pl.lit(value=True))
        found = truth.when(lower.is_in(_FALSE)).then(pl.lit(value=False)).otherwise(pl.lit(None, dtype=pl.Boolean))
        return _or_raise(found, column, pl.Boolean()) if strict else found
    if given.kind == DATETIME:
        found = pl.coalesce([parse_time(column, each) for each in given.formats or TIMES])
        return _or_raise(found, column, pl.Datetime("us")) if strict else found
    return column


def cast_value(column: pl.Expr, current: pl.DataType, given: ColumnType, *, strict: bool) -> pl.Expr:
    """As ``cast_text``, of a column that has a type already, as those of Parquet and JSON have."""
    if current == pl.String:
        return cast_text(column, given, strict=strict)
    if given.kind == DATETIME and isinstance(current, pl.Datetime):
        return without_zone(column, current)
    wanted = {LONG: pl.Int64(), FLOAT: pl.Float64(), BOOL: pl.Boolean(), DATETIME: pl.Datetime("us")}
    return column.cast(wanted.get(given.kind, pl.String()), strict=strict)


def without_zone(column: pl.Expr, current: pl.DataType) -> pl.Expr:
    """Times in UTC, without a zone, as v1 has all times."""
    if isinstance(current, pl.Datetime) and current.time_zone:
        return column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return column


def parse_time(column: pl.Expr, written: str) -> pl.Expr:
    """Times that are written so, in the words of ``strptime`` or of polars; others are missing."""
    written = re.sub(r"(?<!%)\.%f", "%.f", written).replace("%z", "%#z")
    if not _CLOCK.search(written):
        return column.str.to_date(written, strict=False).cast(pl.Datetime("us"))
    if "%#z" in written:
        found = column.str.to_datetime(written, strict=False, time_unit="us", time_zone="UTC")
        return found.dt.replace_time_zone(None)
    return column.str.to_datetime(written, strict=False, time_unit="us")


def _or_raise(found: pl.Expr, column: pl.Expr, wanted: pl.DataType) -> pl.Expr:
    """What was found; polars raises where a text that is there was found to be nothing."""
    left = pl.lit("not: ") + pl.when(found.is_null()).then(column)
    return pl.coalesce([found, left.cast(pl.Int64, strict=True).cast(wanted)])
