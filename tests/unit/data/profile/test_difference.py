"""How far the values of two columns lie apart."""

from dataclasses import replace

import pytest

from terrazul.data.profile.difference import difference_of, shift_of
from terrazul.data.profile.distribution import (
    Spread,
    jensen_shannon,
    kolmogorov_smirnov,
    population_stability_index,
)
from terrazul.wire.dataset_profile import ColumnProfile, DatasetProfile, ValueCount

EVEN = [float(place) for place in range(201)]
NUMBERS = ColumnProfile("x", "decimal", "DOUBLE", 1000, 0, shape=EVEN)


def texts(missing: int = 0, *, are_all: bool = True, **counts: int) -> ColumnProfile:
    total = sum(counts.values()) + missing
    top = [ValueCount(value, count) for value, count in counts.items()]
    return ColumnProfile("t", "text", "VARCHAR", total, missing, top_values=top, top_values_are_all=are_all)


def test_indices_are_what_their_definitions_say():
    assert population_stability_index([0.5, 0.5], [0.5, 0.5]) == 0
    assert population_stability_index([0.5, 0.5], [0.4, 0.6]) == pytest.approx(0.0405, abs=1e-4)
    assert population_stability_index([1.0, 0.0], [0.0, 1.0]) == pytest.approx(18.4, abs=0.1)
    assert jensen_shannon([0.5, 0.5], [0.5, 0.5]) == 0
    assert jensen_shannon([1.0, 0.0], [0.0, 1.0]) == 1
    assert jensen_shannon([1.0, 0.0], [0.5, 0.5]) == pytest.approx(0.5579, abs=1e-4)


@pytest.mark.parametrize(("by", "distance"), [(0, 0.0), (50, 0.25), (100, 0.5), (1000, 1.0)])
def test_distance_of_spreads_is_the_greatest_of_their_distributions(by: int, distance: float):
    moved = replace(NUMBERS, shape=[each + by for each in EVEN])
    assert kolmogorov_smirnov(Spread(NUMBERS), Spread(moved)) == pytest.approx(distance, abs=0.006)


def test_jumps_of_a_distribution_are_jumps():
    jump = replace(NUMBERS, shape=[5.0] * 101 + [float(each) for each in range(6, 106)])
    spread = Spread(jump)
    assert (spread.below(5.0), spread.up_to(5.0), spread.up_to(4.9)) == (0.0, 0.5, 0.0)
    assert spread.up_to(105.0) == 1.0
    exact = Spread(replace(NUMBERS, top_values=[ValueCount(1, 3), ValueCount(2, 1)], top_values_are_all=True))
    assert (exact.below(1), exact.up_to(1), exact.up_to(1.5), exact.up_to(2)) == (0.0, 0.75, 0.75, 1.0)


def test_values_that_are_few_are_compared_exactly():
    found = shift_of(texts(a=50, b=50), texts(a=90, c=10))
    assert found.verdict == "moved far"
    assert found.jensen_shannon == pytest.approx(jensen_shannon([0.5, 0.5, 0.0], [0.9, 0.0, 0.1]))


def test_values_that_only_one_lists_are_others_where_the_other_one_may_have_them():
    same = shift_of(texts(a=50, b=50, are_all=False), texts(a=50, c=50, are_all=False))
    assert (same.verdict, same.population_stability_index) == ("stable", pytest.approx(0))
    ids = [texts(are_all=False, **{f"{sign}{number}": 1 for number in range(50)}) for sign in "ab"]
    assert shift_of(replace(ids[0], count=9000), replace(ids[1], count=9000)).verdict == "unknown"


def test_missing_values_are_a_value_of_their_own():
    found = shift_of(replace(NUMBERS, missing=0), replace(NUMBERS, missing=500))
    assert found.verdict == "moved far"
    assert (found.kolmogorov_smirnov, found.missing_before, found.missing_after) == (0, 0.0, 0.5)
    gone = replace(NUMBERS, missing=1000, shape=[])
    assert shift_of(NUMBERS, gone).verdict == "moved far"
    assert shift_of(gone, gone).verdict == "stable"
    assert shift_of(replace(gone, count=0, missing=0), NUMBERS).verdict == "unknown"


def test_columns_that_moved_most_come_first():
    moved = replace(NUMBERS, name="y", shape=[each * 2 for each in EVEN])
    before = DatasetProfile(1000, [NUMBERS, replace(NUMBERS, name="y"), texts(a=1000), replace(NUMBERS, name="old")])
    after = DatasetProfile(900, [NUMBERS, moved, replace(NUMBERS, name="t"), replace(NUMBERS, name="new")])
    found = difference_of(before, after)
    assert [each.name for each in found.columns] == ["y", "x", "t"]
    assert [each.verdict for each in found.columns] == ["moved far", "stable", "unknown"]
    assert (found.added_columns, found.removed_columns) == (["new"], ["old"])
    assert [(each.name, each.before, each.after) for each in found.retyped_columns] == [("t", "text", "decimal")]
