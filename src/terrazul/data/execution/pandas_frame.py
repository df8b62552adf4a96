"""Rows as pandas has them, with the types that v1's users see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from terrazul.core.errors import DatasetExecutionError

if TYPE_CHECKING:
    import pandas as pd

_LARGEST = (1 << 63) - 1
_FIRST = pl.lit(-(1 << 63) // 1000 + 1).cast(pl.Datetime("us"))
_LAST = pl.lit(((1 << 63) - 1) // 1000).cast(pl.Datetime("us"))


def to_pandas(frame: pl.DataFrame, *, times_must_fit: bool = False) -> pd.DataFrame:
    """The rows: int64, float64, bool, datetime64[ns], texts as pandas itself has them, and object for all else.

    Texts are object with None for what is missing up to pandas 2, and str from pandas 3 on. Whole numbers of which some
    are missing become float64, truth values of which some are missing object with None. Times that nanoseconds cannot
    tell (before 1677 and after 2262) are missing, or, where they must fit, an error: ``DatasetExecutionError``.
    """
    import pandas as pd  # noqa: PLC0415  # optional, as the SDK needs it for nothing else

    columns = {name: _values_of(frame.get_column(name), fit=times_must_fit) for name in frame.columns}
    return pd.DataFrame(columns, columns=list(columns), index=pd.RangeIndex(frame.height), copy=False)


def _values_of(column: pl.Series, *, fit: bool) -> Any:
    kind = column.dtype
    if kind.is_integer() or isinstance(kind, pl.Decimal):
        return _numbers(column)
    if kind.is_float() or isinstance(kind, pl.Duration):
        return column.to_numpy()
    if kind == pl.Boolean:
        return column.to_numpy() if not column.null_count() else _objects(column)
    if isinstance(kind, (pl.Datetime, pl.Date)):
        return _nanoseconds(column, fit=fit)
    return column.to_arrow().to_pandas() if kind == pl.String else _objects(column)


def _numbers(column: pl.Series) -> Any:
    if isinstance(column.dtype, pl.Decimal) or column.null_count():
        return column.cast(pl.Float64).to_numpy()
    is_narrow = column.dtype.is_signed_integer() or not (column.cast(pl.UInt64) > _LARGEST).any()
    return column.cast(pl.Int64).to_numpy() if is_narrow else column.to_numpy()


def _objects(column: pl.Series) -> Any:
    """A column of objects."""
    import pandas as pd  # noqa: PLC0415  # as above

    return pd.Series(column.to_list(), dtype=object)


def _nanoseconds(column: pl.Series, *, fit: bool) -> Any:
    frame = column.cast(pl.Datetime("us")).to_frame("time") if column.dtype == pl.Date else column.to_frame("time")
    zone = getattr(column.dtype, "time_zone", None)
    time = pl.col("time").dt.replace_time_zone(None) if not zone else pl.col("time")
    if zone:
        time = time.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    if getattr(column.dtype, "time_unit", "us") != "ns":
        time = time.cast(pl.Datetime("us"))
        told = pl.when(time.is_between(_FIRST, _LAST)).then(time)
        found = frame.select(told.alias("told"), time.alias("time"))
        lost = found.filter(pl.col("told").is_null() & pl.col("time").is_not_null())
        if fit and lost.height:
            message = f"The time {lost['time'][0]} in the column {column.name!r} is out of pandas' range."
            hint = "With out_of_range_datetime='null' it is missing."
            raise DatasetExecutionError(message, target=column.name, hint=hint)
        return found.get_column("told").cast(pl.Datetime("ns")).to_numpy()
    return frame.select(time).to_series().to_numpy()
