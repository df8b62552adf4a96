"""How two datasets differ, by their profiles. Pure functions."""

from __future__ import annotations

from typing import List, Optional, Tuple

from terrazul.data.profile.distribution import (
    Spread,
    is_measured,
    jensen_shannon,
    kolmogorov_smirnov,
    parts_in_bins,
    parts_of_values,
    population_stability_index,
)
from terrazul.wire.dataset_profile import (
    BINARY,
    BOOLEAN,
    DECIMAL,
    INTEGER,
    MOVED,
    MOVED_FAR,
    NESTED,
    NOTHING,
    STABLE,
    TEXT,
    UNKNOWN,
    ColumnProfile,
    ColumnShift,
    DatasetDifference,
    DatasetProfile,
    RetypedColumn,
)

_MOVES, _MOVES_FAR = 0.1, 0.25
_MOST_OTHERS = 0.9
"""Where a greater part of the values of both is not among those that can be compared, nothing can be said."""
_NUMBERS = (INTEGER, DECIMAL)
_WITHOUT_VALUES = (NESTED, BINARY, NOTHING)


def difference_of(before: DatasetProfile, after: DatasetProfile) -> DatasetDifference:
    """How the second differs from the first: rows, columns, and how the values of common columns have moved."""
    old = {each.name: each for each in before.columns}
    new = {each.name: each for each in after.columns}
    common = [name for name in old if name in new]
    shifts = [shift_of(old[name], new[name]) for name in common]
    return DatasetDifference(
        rows_before=before.row_count,
        rows_after=after.row_count,
        added_columns=[name for name in new if name not in old],
        removed_columns=[name for name in old if name not in new],
        retyped_columns=[
            RetypedColumn(name, old[name].kind, new[name].kind) for name in common if old[name].kind != new[name].kind
        ],
        columns=sorted(shifts, key=_how_far, reverse=True),
    )


def shift_of(before: ColumnProfile, after: ColumnProfile) -> ColumnShift:
    """How the values of a column have moved. Missing values count as a value of their own in the index."""
    parts, distance, divergence = _compared(before, after)
    index = None
    if parts is not None and before.count and after.count:
        index = population_stability_index(
            _with_missing(parts[0], _missing(before)), _with_missing(parts[1], _missing(after))
        )
    return ColumnShift(
        name=before.name,
        kind=after.kind,
        verdict=_verdict(index),
        population_stability_index=index,
        kolmogorov_smirnov=distance,
        jensen_shannon=divergence,
        missing_before=_missing(before),
        missing_after=_missing(after),
        mean_before=before.mean,
        mean_after=after.mean,
    )


Parts = Tuple[List[float], List[float]]


def _compared(before: ColumnProfile, after: ColumnProfile) -> Tuple[Optional[Parts], Optional[float], Optional[float]]:
    """The parts of the values in common bins, the distance of numbers, and the divergence of other values."""
    kinds = {before.kind, after.kind}
    is_number = kinds <= set(_NUMBERS) or (len(kinds) == 1 and before.kind not in {TEXT, BOOLEAN, *_WITHOUT_VALUES})
    if is_number and is_measured(before) and is_measured(after):
        old, new = Spread(before), Spread(after)
        return parts_in_bins(old, new), kolmogorov_smirnov(old, new), None
    if is_number and (is_measured(before) or is_measured(after)):
        return ([1.0 * is_measured(before)], [1.0 * is_measured(after)]), None, None
    if len(kinds) == 1 and before.kind in {TEXT, BOOLEAN}:
        parts = parts_of_values(before, after)
        if parts and min(parts[0][-1], parts[1][-1]) > _MOST_OTHERS:
            return None, None, None  # such as names or ids, of which nearly all are others
        return parts, None, jensen_shannon(*parts) if parts and all(map(sum, parts)) else None
    if before.kind == after.kind or _is_all_missing(before) or _is_all_missing(after):
        return ([1.0], [1.0]), None, None  # only how many are missing can be compared
    return None, None, None


def _with_missing(parts: List[float], missing: Optional[float]) -> List[float]:
    gone = missing or 0.0
    return [*(each * (1.0 - gone) for each in parts), gone]


def _missing(column: ColumnProfile) -> Optional[float]:
    """The part of the rows that has no value which could be measured."""
    if not column.count:
        return None
    return (column.missing + column.not_a_number) / column.count


def _is_all_missing(column: ColumnProfile) -> bool:
    return column.missing == column.count


def _verdict(index: Optional[float]) -> str:
    if index is None:
        return UNKNOWN
    return STABLE if index < _MOVES else MOVED if index < _MOVES_FAR else MOVED_FAR


def _how_far(shift: ColumnShift) -> Tuple[float, float]:
    told = shift.population_stability_index
    return (-1.0 if told is None else told), shift.kolmogorov_smirnov or shift.jensen_shannon or 0.0
