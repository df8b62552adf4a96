"""Values that stand in the paths of files."""

from datetime import datetime

import pytest

from terrazul.core.errors import DatasetExecutionError, InvalidInput
from terrazul.data.plan.partition import read_format


def _day(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type, misc]  # noqa: DTZ001  # times of paths have no zone


@pytest.mark.parametrize(
    ("written", "path", "values"),
    [
        (
            "/{Department}/{PartitionDate:yyyy/MM/dd}/data.parquet",
            "x/Accounts/2019/01/02/data.parquet",
            {"Department": "Accounts", "PartitionDate": _day(2019, 1, 2)},
        ),
        ("{store}_{brand}.csv", "sales/1000_dominicks.csv", {"store": "1000", "brand": "dominicks"}),
        ("{d:yyyy-MM-dd-HH-mm-ss}.csv", "a/2020-12-31-23-59-58.csv", {"d": _day(2020, 12, 31, 23, 59, 58)}),
        ("year={d:yyyy}/month={d:MM}/*.csv", "t/year=2020/month=02/a.csv", {"d": _day(2020, 2, 1)}),
        ("/{a}/*.csv", "with space/ü.csv", {"a": "with space"}),
        ("/{a}/**", "x/y/z.csv", {"a": "x"}),
        ("/{a}/f.csv", "a+b(c)/f.csv", {"a": "a+b(c)"}),
        ("/{a}/{a}/f.csv", "1/1/f.csv", {"a": "1"}),
    ],
)
def test_values_are_read(written: str, path: str, values: dict[str, object]):
    assert read_format(written).values_of(path) == values


@pytest.mark.parametrize(
    ("written", "path", "message"),
    [
        ("/{a}/data.csv", "x/other.csv", "not of the form"),
        ("/{a:yyyy/MM}/f.csv", "2020/13/f.csv", "names no time"),
        ("/{a:yyyy}/f.csv", "20/f.csv", "not of the form"),
        ("/{a}/{a}/f.csv", "1/2/f.csv", "two values for 'a'"),
    ],
)
def test_path_of_another_form_is_told(written: str, path: str, message: str):
    with pytest.raises(DatasetExecutionError, match=message):
        read_format(written).values_of(path)


def test_time_without_a_year_is_told():
    with pytest.raises(InvalidInput, match="needs a year"):
        read_format("/{a:MM}/f.csv").values_of("12/f.csv")
