"""The files behind a dataset: their names, and which of them its steps choose."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrazul.core.errors import DatasetExecutionError, DatasetWithoutData
from terrazul.data.files import DatasetFile, files_of_plan, relevant
from terrazul.data.pattern import PathPattern
from terrazul.data.plan import node
from terrazul.data.plan.operation import Operation
from terrazul.data.plan.plan import Plan
from terrazul.data.plan.rows import Between, Filter, Skip, Take
from terrazul.data.plan.source import DelimitedFiles, Files
from terrazul.wire.dataset import FILE, TABULAR, DataLocation
from terrazul.wire.datastore import DataFile

STORE = {
    "one": ["a/b/1.csv", "a/b/2.csv", "a/b/c/3.csv", "top.txt", "with space/ü.txt"],
    "two": ["a/9.csv"],
}


def _list(location: DataLocation) -> Iterable[DataFile]:
    if not location.datastore:
        return [DataFile(location.path, 5)]
    pattern = PathPattern(location.path)
    return [
        DataFile(path, len(path) * 10, "2020-01-01T00:00:00.000000Z")
        for path in STORE[location.datastore]
        if pattern.matches(path)
    ]


def _files(*places: DataLocation, steps: tuple[Operation, ...] = (), written: str = "") -> list[DatasetFile]:
    return files_of_plan(Plan(FILE, places, Files(written), steps), _list)


def _paths(*places: DataLocation, steps: tuple[Operation, ...] = ()) -> list[str]:
    return [file.path for file in _files(*places, steps=steps)]


@pytest.mark.parametrize(
    ("places", "paths"),
    [
        ([("a/b/*.csv", "one")], ["1.csv", "2.csv"]),
        ([("a/b", "one")], ["1.csv", "2.csv", "c/3.csv"]),
        ([("a/b/1.csv", "one")], ["1.csv"]),
        ([("**/*.csv", "one")], ["a/b/1.csv", "a/b/2.csv", "a/b/c/3.csv"]),
        ([("", "one")], STORE["one"]),
        ([("a/b/1.csv", "one"), ("a/b/c/*.csv", "one")], ["1.csv", "c/3.csv"]),
        ([("a/b/*.csv", "one"), ("a/b/1.csv", "one")], ["1.csv", "2.csv"]),
        ([("with space/ü.txt", "one")], ["ü.txt"]),
        ([("a/b/1.csv", "one"), ("a/9.csv", "two")], ["one/a/b/1.csv", "two/a/9.csv"]),
        ([("https://h/x/1.csv", ""), ("https://h/x/y/2.csv?sig=3", "")], ["1.csv", "y/2.csv"]),
        ([("https://h/x/1.csv", ""), ("top.txt", "one")], ["web/h/x/1.csv", "one/top.txt"]),
    ],
)
def test_files_are_named_from_what_they_have_in_common(places: list[tuple[str, str]], paths: list[str]):
    assert _paths(*(DataLocation(*each) for each in places)) == paths


def test_place_without_files_is_told():
    with pytest.raises(DatasetWithoutData, match=r"no file 'none/\*' on the datastore 'one'"):
        _paths(DataLocation("none/*", "one"))
    with pytest.raises(DatasetExecutionError):
        _paths(DataLocation("top.txt", "one"), DataLocation("none/*", "one"))


def test_steps_choose_among_files():
    everything = DataLocation("", "one")
    assert _paths(everything, steps=(Take(2),)) == STORE["one"][:2]
    assert _paths(everything, steps=(Skip(3),)) == STORE["one"][3:]
    assert _paths(everything, steps=(Skip(1), Take(2))) == STORE["one"][1:3]
    size = node.Call("gt", (node.Metadata("Size"), node.Literal(100)))
    assert _paths(everything, steps=(Filter(size),)) == ["a/b/c/3.csv", "with space/ü.txt"]
    kind = node.Call("eq", (node.Metadata("Extension"), node.Literal(".txt")))
    assert _paths(everything, steps=(Filter(kind),)) == ["top.txt", "with space/ü.txt"]


@given(st.floats(0, 1), st.integers(0, 1 << 62))
def test_two_parts_have_no_file_in_common_and_all_together(percentage: float, seed: int):
    first = _paths(DataLocation("", "one"), steps=(Between(0.0, percentage, seed),))
    second = _paths(DataLocation("", "one"), steps=(Between(percentage, 1.0, seed),))
    assert sorted(first + second) == sorted(STORE["one"])


def test_partitions_choose_the_files_of_a_table():
    written, place = "/{folder}/{name}.csv", DataLocation("**/*.csv", "one")
    wanted = node.Call("eq", (node.Column("folder"), node.Literal("c")))
    other = node.Call("gt", (node.Column("value"), node.Literal(1)))
    for condition in (wanted, node.Call("and", (other, wanted))):
        plan = Plan(TABULAR, (place,), DelimitedFiles(partition_format=written), (Filter(condition),))
        files = files_of_plan(plan, _list)
        assert len(files) == 3
        assert [file.path for file in relevant(plan, files)] == ["a/b/c/3.csv"]
    late = Plan(TABULAR, (place,), DelimitedFiles(partition_format=written), (Take(1), Filter(wanted)))
    assert len(relevant(late, files)) == 3
