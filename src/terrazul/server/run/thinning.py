"""Thinning long series for drawing, so that no spike vanishes."""

from __future__ import annotations

import math
from collections.abc import Sequence


def thinned(numbers: Sequence[float | None], most: int) -> list[int]:
    """The places to draw of a series, at most ``most`` (4 or more), in order.

    The first and the last are among them, and of each of the equal stretches between them the lowest and the highest
    number. What is no number (None, NaN) stands for a stretch that has nothing else.
    """
    if len(numbers) <= most:
        return list(range(len(numbers)))
    inner = len(numbers) - 2
    stretches = (most - 2) // 2
    kept = {0, len(numbers) - 1}
    for index in range(stretches):
        first = 1 + inner * index // stretches
        kept |= _extremes(numbers, first, 1 + inner * (index + 1) // stretches)
    return sorted(kept)


def _extremes(numbers: Sequence[float | None], first: int, end: int) -> set[int]:
    places = [place for place in range(first, end) if _is_number(numbers[place])]
    if not places:
        return {first}
    return {min(places, key=numbers.__getitem__), max(places, key=numbers.__getitem__)}  # type: ignore[arg-type]  # all are numbers


def _is_number(value: float | None) -> bool:
    return value is not None and not math.isnan(value)
