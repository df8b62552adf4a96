"""Thinned series keep what catches the eye."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrazul.server.run.thinning import thinned

NUMBERS = st.lists(st.floats() | st.none(), max_size=300)


@given(numbers=NUMBERS, most=st.integers(4, 50))
def test_a_thinned_series_is_short_in_order_and_keeps_its_ends_and_extremes(numbers: list[float | None], most: int):
    places = thinned(numbers, most)
    assert len(places) <= most or places == list(range(len(numbers)))
    assert len(places) <= most
    assert places == sorted(set(places))
    if not numbers:
        return
    assert {places[0], places[-1]} == {0, len(numbers) - 1}
    real = [each for each in numbers if each is not None and not math.isnan(each)]
    kept = [numbers[place] for place in places]
    if real:
        assert min(real) in kept
        assert max(real) in kept


def test_one_spike_among_many_stays():
    numbers = [0.0] * 100_000
    numbers[70_001], numbers[12] = 5.0, -math.inf
    assert {12, 70_001} <= set(thinned(numbers, 100))


@pytest.mark.parametrize("count", [0, 1, 4, 100])
def test_a_series_that_is_short_enough_is_whole(count: int):
    assert thinned([1.0] * count, max(count, 4)) == list(range(count))


def test_stretches_without_numbers_keep_a_place():
    assert len(thinned([None] * 1000, 10)) == 6
