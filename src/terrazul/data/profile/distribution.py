"""How the values of a column are spread, and how far two spreads lie apart."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from typing import Dict, List, Optional, Sequence, Tuple

from terrazul.core.clock import from_text
from terrazul.wire.dataset_profile import DECIMAL, INTEGER, TIME, ColumnProfile, Value

_LEAST_PART = 1e-4
"""What an empty bin counts as, since its logarithm could not be taken."""
_BINS = 10
_MICROSECONDS = 1_000_000
_MEASURED = (INTEGER, DECIMAL, TIME)


class Spread:
    """The cumulative distribution of numbers: exact where all values are known, else between kept quantiles."""

    def __init__(self, column: ColumnProfile) -> None:
        """The spread of a column of numbers or times."""
        if column.top_values_are_all and column.top_values:
            counted = sorted((number_of(each.value), each.count) for each in column.top_values)
            total = sum(count for _value, count in counted)
            self._points = [value for value, _count in counted]
            self._up_to: List[float] = []
            sofar = 0
            for _value, count in counted:
                sofar += count
                self._up_to.append(sofar / total)
            self._is_exact = True
        else:
            self._points = list(column.shape)
            self._up_to = []
            self._is_exact = False

    @property
    def points(self) -> Sequence[float]:
        """Where the distribution may bend or jump."""
        return self._points

    def below(self, value: float) -> float:
        """The part of the values that are less."""
        return self._part(value, bisect_left(self._points, value))

    def up_to(self, value: float) -> float:
        """The part of the values that are less or equal."""
        return self._part(value, bisect_right(self._points, value))

    def quantile(self, part: float) -> float:
        """The least value such that this part of the values is not greater."""
        if self._is_exact:
            return self._points[min(bisect_left(self._up_to, part), len(self._points) - 1)]
        return self._points[round(part * (len(self._points) - 1))]

    def _part(self, value: float, place: int) -> float:
        """The part, given how many of the points come before."""
        if place == 0:
            return 0.0
        if self._is_exact:
            return self._up_to[place - 1]
        steps = len(self._points) - 1
        if place > steps:
            return 1.0
        if self._points[place] == value:  # a jump: it begins where its value comes first
            return place / steps
        lower, upper = self._points[place - 1], self._points[place]
        return (place - 1 + (value - lower) / (upper - lower)) / steps


def is_measured(column: ColumnProfile) -> bool:
    """Whether the values are numbers or times, and there are some."""
    return column.kind in _MEASURED and bool(column.shape)


def number_of(value: Value) -> float:
    """A value as a number: a time in seconds since 1970."""
    if isinstance(value, str):
        return from_text(value) / _MICROSECONDS
    return float(value or 0)


def kolmogorov_smirnov(before: Spread, after: Spread) -> float:
    """The greatest distance of two cumulative distributions, from 0 to 1.

    The statistic of Smirnov's test of two samples (N. Smirnov, "Table for estimating the goodness of fit of empirical
    distributions", Annals of Mathematical Statistics 19, 1948).
    """
    points = {*before.points, *after.points}
    return max(
        max(abs(before.below(each) - after.below(each)), abs(before.up_to(each) - after.up_to(each))) for each in points
    )


def parts_in_bins(before: Spread, after: Spread) -> Tuple[List[float], List[float]]:
    """The parts of both in bins of which each holds about a tenth of what was there before."""
    edges = sorted({before.quantile(place / _BINS) for place in range(1, _BINS)})
    found = []
    for spread in (before, after):
        cumulated = [0.0, *map(spread.up_to, edges), 1.0]
        found.append([upper - lower for lower, upper in zip(cumulated, cumulated[1:])])
    return found[0], found[1]


def parts_of_values(before: ColumnProfile, after: ColumnProfile) -> Optional[Tuple[List[float], List[float]]]:
    """The parts of both that each value has, and last what other values have; None where no value can be compared.

    A value that only one of them lists is counted where the other one lists all that it has.
    """
    old, new = _counts(before), _counts(after)
    values = [
        each
        for each in dict.fromkeys([*old, *new])
        if (each in old or before.top_values_are_all) and (each in new or after.top_values_are_all)
    ]
    if not values:
        return None
    found = []
    for counts, column in ((old, before), (new, after)):
        total = column.count - column.missing - column.not_a_number - column.infinite
        parts = [counts.get(each, 0) / total if total else 0.0 for each in values]
        found.append([*parts, max(0.0, 1.0 - sum(parts)) if total else 0.0])
    return found[0], found[1]


def population_stability_index(before: Sequence[float], after: Sequence[float]) -> float:
    """How far the parts of a population have moved between bins: 0 for not at all; from 0.25 on, far.

    N. Siddiqi, "Credit Risk Scorecards" (Wiley, 2006), which names the bounds 0.1 and 0.25 too. It is the sum of the
    two Kullback-Leibler divergences.
    """
    pairs = [(max(old, _LEAST_PART), max(new, _LEAST_PART)) for old, new in zip(before, after) if old or new]
    return sum((new - old) * math.log(new / old) for old, new in pairs)


def jensen_shannon(before: Sequence[float], after: Sequence[float]) -> float:
    """The distance of two distributions over the same values, from 0 to 1.

    The square root of the divergence to the base 2 (J. Lin, "Divergence measures based on the Shannon entropy", IEEE
    Transactions on Information Theory 37, 1991; that the root is a metric: D. Endres and J. Schindelin, 2003).
    """
    divergence = 0.0
    for old, new in zip(before, after):
        middle = (old + new) / 2
        divergence += sum(part * math.log2(part / middle) / 2 for part in (old, new) if part)
    return math.sqrt(min(max(divergence, 0.0), 1.0))


def _counts(column: ColumnProfile) -> Dict[Value, int]:
    return {each.value: each.count for each in column.top_values}
