"""What is found in columns of all kinds, and how rows are compared by keys."""

import math
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from terrazul.core.errors import DatasetExecutionError, InvalidInput
from terrazul.data.execution.table import StoredRows
from terrazul.data.profile import measuring
from terrazul.data.profile.keys import compare
from terrazul.data.profile.measuring import measure
from terrazul.wire import codec
from terrazul.wire.dataset_profile import ColumnProfile

ROWS = 1000
NUMBERS = range(ROWS)


def stored(folder: Path, frame: pl.DataFrame) -> StoredRows:
    place = folder / f"{len(list(folder.iterdir()))}.parquet"
    frame.write_parquet(place)
    return StoredRows([place], frame.columns)


def measured(folder: Path, values: "list[object] | pl.Series") -> ColumnProfile:
    """The profile of a single column, which must be able to travel."""
    frame = pl.DataFrame({'a "column"': values})
    count, columns = measure(stored(folder, frame), folder, lambda _done, _total: None)
    assert count == len(values)
    assert codec.decode(ColumnProfile, codec.encode(columns[0])) == columns[0]
    return columns[0]


def test_figures_of_numbers_are_those_of_pandas(tmp_path: Path):
    values = [None if each % 10 == 0 else each * each / 7 for each in NUMBERS]
    found = measured(tmp_path, values)
    series = pl.Series(values).to_pandas()
    assert (found.kind, found.count, found.missing, found.distinct) == ("decimal", 1000, 100, 900)
    for figure, wanted in (
        (found.mean, series.mean()), (found.standard_deviation, series.std()), (found.variance, series.var()),
        (found.skewness, series.skew()), (found.kurtosis, series.kurt()), (found.minimum, series.min()),
        (found.quantiles["0.05"], series.quantile(0.05)), (found.quantiles["0.5"], series.median()),
    ):  # fmt: skip
        assert figure == pytest.approx(wanted)
    assert not found.quantiles_are_approximate
    assert sum(each.count for each in found.histogram) == 900
    assert (found.shape[0], found.shape[-1]) == (found.minimum, found.maximum)


def test_approximate_figures_say_so_and_are_near(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(measuring, "_MOST_EXACT_ROWS", 100)
    monkeypatch.setattr(measuring, "_MOST_GROUPS", 100)
    found = measured(tmp_path, list(NUMBERS))
    assert found.quantiles_are_approximate
    assert found.distinct_is_approximate
    assert found.quantiles["0.5"] == pytest.approx(499.5, rel=0.05)
    assert found.distinct == pytest.approx(1000, rel=0.1)
    assert found.top_values == []
    texts = measured(tmp_path, ["often" if each % 2 else f"text {each}" for each in NUMBERS])
    assert [(each.value, each.count) for each in texts.top_values] == [("often", 500)]
    assert not texts.top_values_are_all


def test_what_is_no_finite_number_is_counted_and_left_out(tmp_path: Path):
    found = measured(tmp_path, [math.nan, math.inf, -math.inf, None, 1.0, 2.0])
    assert (found.not_a_number, found.infinite, found.missing) == (1, 2, 1)
    assert (found.minimum, found.maximum, found.mean, found.distinct) == (1.0, 2.0, 1.5, 2)
    nothing = measured(tmp_path, [math.nan, math.nan])
    assert (nothing.not_a_number, nothing.minimum, nothing.distinct, nothing.histogram) == (2, None, 0, [])


def test_numbers_at_the_ends_of_their_range_are_measured(tmp_path: Path):
    huge = measured(tmp_path, [1.7e308, -1.7e308] * 10)
    assert (huge.minimum, huge.maximum, huge.variance) == (-1.7e308, 1.7e308, None)
    assert sum(each.count for each in huge.histogram) == 20
    close = measured(tmp_path, [(1 << 62) + each for each in NUMBERS])
    assert (close.minimum, close.maximum) == (1 << 62, (1 << 62) + 999)
    assert measured(tmp_path, pl.Series([(1 << 64) - 1], dtype=pl.UInt64)).maximum == float((1 << 64) - 1)
    same = measured(tmp_path, [3, 3, 3])
    assert (same.standard_deviation, same.skewness, len(same.histogram)) == (0.0, None, 1)


def test_texts_truth_values_and_times_have_their_own_figures(tmp_path: Path):
    texts = measured(tmp_path, ["", "a", "a", None, "x" * 300])
    assert (texts.kind, texts.empty, texts.missing, texts.shortest, texts.longest) == ("text", 1, 1, 0, 300)
    assert texts.top_values[0].value == "a"
    assert max(len(str(each.value)) for each in texts.top_values) == 200
    assert texts.top_values_are_all
    truth = measured(tmp_path, [True, False, True])
    assert [(each.value, each.count) for each in truth.top_values] == [(True, 2), (False, 1)]
    start = datetime(1900, 1, 1)  # noqa: DTZ001  # columns have no zone
    times = measured(tmp_path, [start + timedelta(hours=each) for each in NUMBERS])
    assert (times.kind, times.minimum, times.mean) == ("time", "1900-01-01T00:00:00", "1900-01-21T19:30:00")
    zoned = pl.Series([start]).dt.replace_time_zone("Europe/Berlin")
    assert measured(tmp_path, zoned).minimum == "1899-12-31T23:00:00"
    assert measured(tmp_path, [start.date()]).maximum == "1900-01-01T00:00:00"


@pytest.mark.parametrize(
    ("values", "kind", "missing"),
    [
        (pl.Series([None, None], dtype=pl.Null), "nothing", 2),
        (pl.Series([None, None], dtype=pl.Int64), "integer", 2),
        (pl.Series([], dtype=pl.Float64), "decimal", 0),
        (pl.Series([[1], None]), "nested", 1),
        (pl.Series([{"a": 1}, None]), "nested", 1),
        (pl.Series([b"x", None]), "binary", 1),
    ],
)
def test_columns_without_figures_are_counted(tmp_path: Path, values: pl.Series, kind: str, missing: int):
    found = measured(tmp_path, values)
    assert (found.kind, found.missing, found.mean, found.histogram) == (kind, missing, None, [])


def test_rows_are_compared_by_keys_whatever_their_order(tmp_path: Path):
    before = pl.DataFrame({"id": [1, 2, 3, 4, None], "v": ["a", "b", "c", "d", "e"], "gone": [0] * 5})
    after = pl.DataFrame({"v": ["d", "b", "X", "n"], "id": [4, 2, 3, 9], "new": [0] * 4})
    found = compare(stored(tmp_path, before), stored(tmp_path, after), ["id"], tmp_path)
    assert (found.added, found.removed, found.changed, found.unchanged) == (1, 1, 1, 2)
    assert found.without_key == 1
    assert found.examples == ["added 9", "removed 1", "changed 3"]
    other = after.cast({"id": pl.String})
    retyped = compare(stored(tmp_path, before), stored(tmp_path, other), ["id"], tmp_path)
    assert (retyped.added, retyped.unchanged) == (1, 2)


def test_rows_of_the_same_key_are_compared_together(tmp_path: Path):
    before = pl.DataFrame({"id": [1, 1, 2], "v": ["a", "b", "c"]})
    after = pl.DataFrame({"id": [2, 1, 1], "v": ["c", "b", "a"]})
    rows = stored(tmp_path, before), stored(tmp_path, after)
    found = compare(*rows, ["id"], tmp_path)
    assert (found.unchanged, found.repeated) == (2, 2)
    with pytest.raises(DatasetExecutionError, match="no column 'idd'"):
        compare(*rows, ["idd"], tmp_path)
    with pytest.raises(InvalidInput, match="No key column"):
        compare(*rows, [], tmp_path)
