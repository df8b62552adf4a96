"""``data.plan.fraction`` for columns of rows."""

from __future__ import annotations

import polars as pl

from terrazul.data.plan import fraction as numbers


def is_between(place: pl.Expr, seed: int, lower: float, upper: float) -> pl.Expr:
    """Whether the number of the row at a place is at least ``lower`` and less than ``upper``."""
    found = _fraction(place, seed)
    return (found >= lower) & (found < upper)


def _fraction(place: pl.Expr, seed: int) -> pl.Expr:
    state = (place.cast(pl.UInt64) + _number(1)) * _number(numbers.GAMMA) + _number(numbers.start_of(seed))
    state = (state ^ _shifted(state, numbers.FIRST_SHIFT)) * _number(numbers.FIRST_FACTOR)
    state = (state ^ _shifted(state, numbers.SECOND_SHIFT)) * _number(numbers.SECOND_FACTOR)
    state = state ^ _shifted(state, numbers.LAST_SHIFT)
    return _shifted(state, numbers.DROPPED_BITS).cast(pl.Float64) / numbers.STEPS


def _shifted(state: pl.Expr, bits: int) -> pl.Expr:
    return state // _number(1 << bits)


def _number(value: int) -> pl.Expr:
    return pl.lit(value, dtype=pl.UInt64)
