"""Rows that are stored as Parquet files, without all of them in memory."""

from pathlib import Path

import polars as pl
import pytest

from terrazul.data.execution import blocks, delimited
from terrazul.data.execution.blocks import blocks_of
from terrazul.data.plan.column_type import STRING, ColumnType
from terrazul.data.plan.columns import KeepColumns
from terrazul.data.plan.operation import Operation
from terrazul.data.plan.rows import Skip
from terrazul.data.plan.source import COMBINED, DelimitedFiles, JsonLinesFiles, ParquetFiles
from terrazul.testing.table_desk import READ, Desk


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few rows, so that a test has several."""
    monkeypatch.setattr(delimited, "blocks_of", lambda file, size=64: blocks.blocks_of(file, size))


def stored(desk: Desk, paths: list[str], source: Operation = READ, *steps: Operation) -> pl.DataFrame:
    rows = desk.rows(paths, source, *steps).stored(desk.warnings.append)
    return pl.concat([pl.read_parquet(file) for file in rows.files]).select(rows.columns)


@pytest.mark.parametrize(
    "text", ["a,b\n" + "1,x\n" * 50, 'a,b\n1,"line\nbreak ""quoted"""\n' * 20, "a,b\n1,x", "a\n", ""]
)
def test_blocks_are_whole_rows_and_together_the_file(tmp_path: Path, text: str):
    file = tmp_path / "a.csv"
    file.write_text(text)
    found = list(blocks_of(file, 40))
    assert b"".join(found) == text.encode()
    assert all(each.endswith(b"\n") for each in found[:-1])
    assert all(each.count(b'"') % 2 == 0 for each in found)


def test_quote_that_is_never_closed_ends_no_row(tmp_path: Path):
    file = tmp_path / "a.csv"
    file.write_text('a\n1\n"2\n' + "3\n" * 200)
    found = list(blocks_of(file, 8))
    assert b"".join(found) == file.read_bytes()
    assert found[-1].startswith(b'"2')


@pytest.mark.parametrize(
    ("contents", "source", "steps"),
    [
        (["a,b\n" + "".join(f"{each},x{each}\n" for each in range(100)), "a,b\n7,\n"], READ, ()),
        (["a,b\n" + '1,"two\nlines"\n' * 40], READ, (Skip(3),)),
        (["b\n1\n", "a\nx\n"], DelimitedFiles(header=COMBINED), ()),
        (["1,2\n3,4\n" * 30], DelimitedFiles(header="none"), (KeepColumns(["Column2"]),)),
        (["a,b\n1,2\n"], DelimitedFiles(include_path=True, column_types={"a": ColumnType(STRING)}), ()),
    ],
)
def test_stored_rows_are_those_that_are_collected(
    desk: Desk, contents: list[str], source: Operation, steps: tuple[Operation, ...]
):
    paths = desk.write(*contents)
    wanted = desk.rows(paths, source, *steps).collect(desk.warnings.append)
    assert stored(desk, paths, source, *steps).equals(wanted)
    assert desk.warnings == []


def test_what_does_not_fit_is_missing_and_told(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(delimited, "blocks_of", lambda file, size=8192: blocks.blocks_of(file, size))
    paths = desk.write("a,b\n" + "1,x\n" * 10_050 + "two,y\n3,z,4\n")
    found = stored(desk, paths)
    assert (found.height, found["a"].null_count()) == (10_052, 1)
    assert len(desk.warnings) == 2
    wider = desk.write("n\n" + "1\n" * 10_050 + "2.5\n")
    assert stored(desk, wider)["n"].sum() == 10_052.5


def test_plain_parquet_files_are_read_where_they_lie(desk: Desk):
    for number in range(2):
        pl.DataFrame({"a": [number], "b": ["x"]}).write_parquet(desk.folder / f"{number}.parquet")
    paths = ["0.parquet", "1.parquet"]
    rows = desk.rows(paths, ParquetFiles(), KeepColumns(["a"])).stored(desk.warnings.append)
    assert [file.name for file in rows.files] == paths
    assert rows.columns == ["a"]
    pl.DataFrame({"b": ["y"], "a": [2]}).write_parquet(desk.folder / "1.parquet")
    assert stored(desk, paths, ParquetFiles())["a"].to_list() == [0, 2]


def test_json_lines_are_stored(desk: Desk):
    paths = desk.write('{"a": 1}\n{"a": 2, "b": [1]}\n', names="{}.jsonl")
    assert stored(desk, paths, JsonLinesFiles())["a"].to_list() == [1, 2]
