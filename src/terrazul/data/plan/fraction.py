"""A number from 0 to 1 for each row or file: the same wherever it is asked for, as random as a die's.

It is SplitMix64 of the seed and the place in the order. ``data.execution.chance`` does the same for columns of rows.
"""

from __future__ import annotations

MASK = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15
FIRST_FACTOR, SECOND_FACTOR = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
FIRST_SHIFT, SECOND_SHIFT, LAST_SHIFT = 30, 27, 31
DROPPED_BITS = 11
STEPS = 1 << (64 - DROPPED_BITS)


def mixed(state: int) -> int:
    """64 bits that look as if they had nothing to do with the state."""
    state = (state ^ (state >> FIRST_SHIFT)) * FIRST_FACTOR & MASK
    state = (state ^ (state >> SECOND_SHIFT)) * SECOND_FACTOR & MASK
    return state ^ (state >> LAST_SHIFT)


def start_of(seed: int) -> int:
    """Where the sequence of a seed begins."""
    return mixed((seed + GAMMA) & MASK)


def fraction(seed: int, place: int) -> float:
    """The number of the row or file at a place, counted from 0."""
    return (mixed((start_of(seed) + (place + 1) * GAMMA) & MASK) >> DROPPED_BITS) / STEPS
