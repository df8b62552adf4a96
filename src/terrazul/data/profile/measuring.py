"""What each column of a table holds, found by DuckDB column by column: only one is looked at at a time."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from terrazul.data.execution.engine import Engine, open_engine, quoted
from terrazul.data.execution.table import StoredRows
from terrazul.wire.dataset_profile import (
    BINARY,
    BOOLEAN,
    DECIMAL,
    INTEGER,
    NESTED,
    NOTHING,
    TEXT,
    TIME,
    ColumnProfile,
    HistogramBin,
    Value,
    ValueCount,
)

Progress = Callable[[int, int], None]
"""Told how many columns are done, and how many there are."""

QUANTILES = ("0.001", "0.01", "0.05", "0.25", "0.5", "0.75", "0.95", "0.99", "0.999")
_SHAPE = [place / 200 for place in range(201)]
_MOST_EXACT_ROWS = 1_000_000
"""Of more rows the quantiles are approximate, so that the values need not be in memory."""
_MOST_GROUPS = 200_000
"""Of more different values the number is approximate."""
_TOP = 50
_BINS = 20
_LONGEST_VALUE = 200
_LARGEST = 1 << 63
_GREATEST = 1.7e308
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # columns have times in UTC without a zone
_MICROSECONDS = 1_000_000
_INTEGERS = frozenset({
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT",
    "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
})  # fmt: skip
_MEASURED = (INTEGER, DECIMAL, TIME)


def measure(rows: StoredRows, scratch: Path, progress: Progress) -> Tuple[int, List[ColumnProfile]]:
    """The number of rows, and what their columns hold. Raises ``DatasetExecutionError``."""
    with open_engine(scratch) as engine:
        engine.enter("t", rows)
        count = int(engine.row("SELECT count(*) FROM t")[0])
        types = engine.types("t") if rows.columns else {}
        found: List[ColumnProfile] = []
        for name, stored_as in types.items():
            found.append(_Column(engine, name, stored_as, count).profile())
            progress(len(found), len(types))
    return count, found


def kind_of(stored_as: str) -> str:
    """The kind of a column by the engine's type."""
    plain = stored_as.partition("(")[0]
    if stored_as.endswith("]") or plain in {"STRUCT", "MAP", "UNION", "VARIANT"}:
        return NESTED
    if plain in _INTEGERS:
        return INTEGER
    if plain in {"FLOAT", "DOUBLE", "DECIMAL"}:
        return DECIMAL
    if plain == "DATE" or plain.startswith("TIMESTAMP"):
        return TIME
    return {"BOOLEAN": BOOLEAN, "BLOB": BINARY, '"NULL"': NOTHING, "NULL": NOTHING}.get(plain, TEXT)


class _Column:
    """One column of the table ``t``."""

    def __init__(self, engine: Engine, name: str, stored_as: str, row_count: int) -> None:
        self._engine = engine
        self._kind = kind_of(stored_as)
        self._start = ColumnProfile(name, self._kind, stored_as, row_count, 0)
        self._column = quoted(name)
        self._is_exact = row_count <= _MOST_EXACT_ROWS
        self._is_floating = stored_as in {"FLOAT", "DOUBLE"}

    def profile(self) -> ColumnProfile:
        """What it holds."""
        found = self._counted()
        if found.count == found.missing or self._kind in {NESTED, BINARY, NOTHING}:
            return replace(found, distinct=0, top_values_are_all=True) if found.count == found.missing else found
        if self._kind in _MEASURED:
            found = self._measured(found)
        if self._kind == TEXT:
            found = self._with_lengths(found)
        return self._with_values(found)

    @property
    def _value(self) -> str:
        """The value in SQL: a time as microseconds, what is no number as missing."""
        if self._kind == TIME:
            return f"CASE WHEN isfinite({self._column}) THEN epoch_us({self._column}) END"
        if self._is_floating:
            return f"CASE WHEN isfinite({self._column}) THEN {self._column} END"
        return f"CAST({self._column} AS VARCHAR)" if self._kind == TEXT else self._column

    def _counted(self) -> ColumnProfile:
        count, there = self._start.count, self._ask(f"count({self._column})")[0]
        found = replace(self._start, missing=count - there)
        if self._is_floating:
            strange, endless = self._ask(
                f"{_count_of(f'isnan({self._column})')}, {_count_of(f'isinf({self._column})')}"
            )
            return replace(found, not_a_number=strange, infinite=endless)
        if self._kind == TIME:
            return replace(found, infinite=self._ask(_count_of(f"NOT isfinite({self._column})"))[0])
        if self._kind == TEXT:
            return replace(found, empty=self._ask(_count_of(f"{self._value} = ''"))[0])
        return found

    def _measured(self, found: ColumnProfile) -> ColumnProfile:
        least, most = self._ask(f"min({self._value}), max({self._value})")
        if least is None:
            return found
        scale = _scale(float(least), float(most))
        number = f"CAST({self._value} AS DOUBLE) / {scale!r}"
        shifted = f"({number} - {float(least) / scale!r})"
        mean, deviation, variance, skewness, kurtosis = self._ask(
            f"avg({shifted}), stddev_samp({shifted}), var_samp({shifted}), skewness({shifted}), kurtosis({shifted})"
        )
        unit = scale / _MICROSECONDS if self._kind == TIME else scale
        quantiles = self._quantiles(number)
        return replace(
            found,
            minimum=self._told(least),
            maximum=self._told(most),
            mean=self._told(_times(mean, scale, float(least))),
            standard_deviation=_times(deviation, unit),
            variance=_times(variance, unit * unit) if abs(unit) < math.sqrt(_GREATEST) else None,
            skewness=_times(skewness, 1.0),
            kurtosis=_times(kurtosis, 1.0),
            quantiles={name: self._told(_times(quantiles[float(name)], scale)) for name in QUANTILES},
            quantiles_are_approximate=not self._is_exact,
            shape=[_times(quantiles[part], unit) or 0.0 for part in _SHAPE],
            histogram=self._histogram(number, float(least), float(most), scale),
        )

    def _quantiles(self, number: str) -> Dict[float, float]:
        parts = sorted({*_SHAPE, *map(float, QUANTILES)})
        function = "quantile_cont" if self._is_exact else "approx_quantile"
        (values,) = self._ask(f"{function}({number}, [{', '.join(map(repr, parts))}])")
        lowest = values[0]
        found: Dict[float, float] = {}
        for part, value in zip(parts, values):
            lowest = max(lowest, value)  # an approximation may go down a little
            found[part] = lowest
        return found

    def _histogram(self, number: str, least: float, most: float, scale: float) -> List[HistogramBin]:
        lower, upper = least / scale, most / scale
        width = (upper - lower) / _BINS
        if not width:
            (count,) = self._ask(f"count({self._value})")
            return [HistogramBin(self._told(least), self._told(most), count)]
        place = f"CAST(least(floor(({number} - {lower!r}) / {width!r}), {_BINS - 1}) AS INTEGER)"
        query = f"SELECT {place} AS place, count(*) FROM t WHERE {self._value} IS NOT NULL GROUP BY place"  # noqa: S608  # our own text
        counts = {int(row[0]): int(row[1]) for row in self._engine.rows(query)}
        edges = [self._told((lower + place * width) * scale) for place in range(_BINS)] + [self._told(most)]
        return [HistogramBin(edges[each], edges[each + 1], counts.get(each, 0)) for each in range(_BINS)]

    def _with_lengths(self, found: ColumnProfile) -> ColumnProfile:
        shortest, longest = self._ask(f"min(length({self._value})), max(length({self._value}))")
        return replace(found, shortest=shortest, longest=longest)

    def _with_values(self, found: ColumnProfile) -> ColumnProfile:
        (about,) = self._ask(f"approx_count_distinct({self._value})")
        if about > _MOST_GROUPS:
            top = self._most_frequent() if self._kind == TEXT else []
            return replace(found, distinct=about, distinct_is_approximate=True, top_values=self._listed(top))
        query = (
            f"SELECT v, n, count(*) OVER () FROM (SELECT {self._value} AS v, count(*) AS n FROM t GROUP BY v)"  # noqa: S608  # our own text
            f" WHERE v IS NOT NULL ORDER BY n DESC, v LIMIT {_TOP}"
        )
        rows = self._engine.rows(query)
        distinct = int(rows[0][2]) if rows else 0
        return replace(
            found,
            distinct=distinct,
            top_values=self._listed([(value, count) for value, count, _all in rows]),
            top_values_are_all=distinct <= _TOP,
        )

    def _most_frequent(self) -> List[Tuple[Any, int]]:
        """Values that are frequent among very many, with their exact counts."""
        (values,) = self._ask(f"approx_top_k({self._value}, {_TOP})")
        query = (
            f"SELECT {self._value} AS v, count(*) AS n FROM t WHERE {self._value} IN (SELECT unnest(?)) GROUP BY v"  # noqa: S608  # our own text
            " HAVING n > 1 ORDER BY n DESC, v"
        )
        return [(value, count) for value, count in self._engine.rows(query, values)]

    def _listed(self, rows: Sequence[Tuple[Any, int]]) -> List[ValueCount]:
        return [ValueCount(self._told(value), int(count)) for value, count in rows]

    def _told(self, value: Any) -> Value:
        """A value as it travels."""
        if value is None:
            return None
        if self._kind == TIME:
            return _time_text(value)
        if isinstance(value, str):
            return value if len(value) <= _LONGEST_VALUE else value[: _LONGEST_VALUE - 1] + "…"
        if isinstance(value, bool):
            return value
        if isinstance(value, int) and abs(value) < _LARGEST:
            return value
        number = float(value)
        return number if math.isfinite(number) else None

    def _ask(self, expressions: str) -> Tuple[Any, ...]:
        return self._engine.row(f"SELECT {expressions} FROM t")  # noqa: S608  # names of columns, quoted, in our own text


def _scale(least: float, most: float) -> float:
    """A power of two that makes numbers small enough to be squared and added; dividing by it loses no digit."""
    largest = max(abs(least), abs(most))
    return math.ldexp(1.0, math.frexp(largest)[1] - 1) if largest > 1 << 60 and math.isfinite(largest) else 1.0


def _count_of(condition: str) -> str:
    return f"count(*) FILTER (WHERE {condition})"


def _times(value: Optional[float], scale: float, more: float = 0.0) -> Optional[float]:
    """A finite number, or None."""
    if value is None or not math.isfinite(value):
        return None
    found = float(value) * scale + more
    return found if math.isfinite(found) else None


def _time_text(microseconds: Any) -> Optional[str]:
    try:
        return (_EPOCH + timedelta(microseconds=round(microseconds))).isoformat()
    except OverflowError:
        return None
