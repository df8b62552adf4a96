"""Delimited files of every form become rows, and what is wrong with them is told."""

import gzip
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from terrazul.core.errors import DatasetExecutionError, DatasetWithoutData
from terrazul.data.execution.inference import SAMPLE_ROWS
from terrazul.data.plan.column_type import BOOL, DATETIME, FLOAT, LONG, STRING, ColumnType
from terrazul.data.plan.source import COMBINED, FIRST_FILE, NO_HEADERS, DelimitedFiles
from terrazul.testing.table_desk import Desk


def _time(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type, misc]  # noqa: DTZ001  # columns have no zones


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a,b\n1,2.5\n-3,4\n", {"a": [1, -3], "b": [2.5, 4.0]}),
        ("a,b\n1,x\n,\n3,\n", {"a": [1, None, 3], "b": ["x", None, None]}),
        ("a\n" + "x" * 300 + "\n", {"a": ["x" * 300]}),
        ("a,b\r\n1,x\r\n2,y\r\n", {"a": [1, 2], "b": ["x", "y"]}),
        ("\ufeffa,b\n1,2\n", {"a": [1], "b": [2]}),
        ('a,b\n"1","x, ""y""\nz"\n', {"a": [1], "b": ['x, "y"\nz']}),
        ("a,b\ntrue,TRUE\nFalse,false\n", {"a": [True, False], "b": [True, False]}),
        ("a,a,\n1,2,3\n", {"a": [1], "a_1": [2], "Column3": [3]}),
        ("a b,ü\n1,2\n", {"a b": [1], "ü": [2]}),
        ("a,b\n1,2\n\n\n", {"a": [1], "b": [2]}),
        ("a,b\n1,2\r\n\r\n", {"a": [1], "b": [2]}),
        ("a,b\n1,2", {"a": [1], "b": [2]}),
        ("a,b\n1\n2,3\n", {"a": [1, 2], "b": [None, 3]}),
        ("a,b\n", {"a": [], "b": []}),
        ('"a\nb",c\n1,2\n', {"a\nb": [1], "c": [2]}),
        ("a,b\n 1, 2 \n", {"a": [1], "b": [2]}),
        ("a,b\nnan,inf\n1,2\n", {"a": [float("nan"), 1.0], "b": [float("inf"), 2.0]}),
        ("a\n18446744073709551615\n1\n", {"a": [18446744073709551615.0, 1.0]}),
        ("a\n2020-01-31\n2021-12-01\n", {"a": [_time(2020, 1, 31), _time(2021, 12, 1)]}),
        ("a\n2020-01-31 10:11:12\n", {"a": [_time(2020, 1, 31, 10, 11, 12)]}),
        ("a\n2020-01-31T10:11:12.5Z\n", {"a": [_time(2020, 1, 31, 10, 11, 12, 500_000)]}),
        ("a\n2020-01-31T10:11:12+02:00\n", {"a": [_time(2020, 1, 31, 8, 11, 12)]}),
        ("a\n1/31/2020\n2/1/2020\n", {"a": [_time(2020, 1, 31), _time(2020, 2, 1)]}),
        ("a\n31.01.2020\n01.02.2020\n", {"a": [_time(2020, 1, 31), _time(2020, 2, 1)]}),
        ("a\n1/31/2020 1:05:00 PM\n", {"a": [_time(2020, 1, 31, 13, 5)]}),
        ("a\n1/2/2020\n3/4/2020\n", {"a": ["1/2/2020", "3/4/2020"]}),
        ("a\n1-2-3\nx\n", {"a": ["1-2-3", "x"]}),
    ],
)
def test_rows_are_read(desk: Desk, text: str, values: dict[str, list[Any]]):
    assert repr(desk.read(text).to_dict(as_series=False)) == repr(values)
    assert desk.warnings == []


@pytest.mark.parametrize(
    ("source", "text", "values"),
    [
        (DelimitedFiles(separator=";"), "a;b\n1;2,5\n", {"a": [1], "b": ["2,5"]}),
        (DelimitedFiles(separator="\t"), "a\tb\n1\t2\n", {"a": [1], "b": [2]}),
        (DelimitedFiles(header=NO_HEADERS), "1,x\n2,y\n", {"Column1": [1, 2], "Column2": ["x", "y"]}),
        (DelimitedFiles(header=NO_HEADERS), "\ufeff1,x\n", {"Column1": [1], "Column2": ["x"]}),
        (DelimitedFiles(infer_column_types=False), "a,b\n1,\n", {"a": ["1"], "b": [None]}),
        (DelimitedFiles(empty_as_string=True), 'a,b\n,""\nx,1\n', {"a": ["", "x"], "b": [None, 1]}),
        (DelimitedFiles(encoding="latin1"), "ä,b\né,1\n".encode("latin-1"), {"ä": ["é"], "b": [1]}),
        (DelimitedFiles(encoding="windows1252"), "a\n€\n".encode("cp1252"), {"a": ["€"]}),
        (DelimitedFiles(encoding="utf16"), "a,b\né,1\n".encode("utf-16"), {"a": ["é"], "b": [1]}),
        (DelimitedFiles(), gzip.compress(b"a,b\n1,2\n", mtime=0), {"a": [1], "b": [2]}),
        (DelimitedFiles(encoding="latin1"), gzip.compress("a\né\n".encode("latin-1"), mtime=0), {"a": ["é"]}),
        (
            DelimitedFiles(
                {
                    "a": ColumnType(STRING),
                    "b": ColumnType(FLOAT, decimal_mark=","),
                    "c": ColumnType(BOOL),
                    "d": ColumnType(DATETIME, ("%d/%m/%y", "%Y")),
                }
            ),
            'a,b,c,d\n007,"1,5",Yes,31/01/20\n,"2",0,2021\n',
            {
                "a": ["007", None],
                "b": [1.5, 2.0],
                "c": [True, False],
                "d": [_time(2020, 1, 31), _time(2021, 1, 1)],
            },
        ),
    ],
)
def test_rows_are_read_as_is_said(desk: Desk, source: DelimitedFiles, text: str | bytes, values: dict[str, list[Any]]):
    assert desk.read(text, source).to_dict(as_series=False) == values


def test_files_with_the_same_columns_are_one_table(desk: Desk):
    rows = desk.read(["a,b\n1,x\n", "b,a\ny,2\n", "", "a,b\n", "a,b\n3,z\n"])
    assert rows.to_dict(as_series=False) == {"a": [1, 2, 3], "b": ["x", "y", "z"]}


def test_header_that_differs_is_told(desk: Desk):
    with pytest.raises(DatasetExecutionError, match=r"'/0.csv' and '/1.csv' differ: 'c'") as told:
        desk.read(["a,b\n1,2\n", "a,c\n1,2\n"])
    assert "COMBINE_ALL_FILES_HEADERS" in str(told.value)
    with pytest.raises(DatasetExecutionError, match="differ: 'b'"):
        desk.read(["a,b\n1,2\n", "a\n1\n"])


def test_headers_are_combined(desk: Desk):
    rows = desk.read(["a,b\n1,2\n", "b,c\n3,x\n", "b\n2.5\n"], DelimitedFiles(header=COMBINED))
    assert rows.to_dict(as_series=False) == {"a": [1, None, None], "b": [2.0, 3.0, 2.5], "c": [None, "x", None]}


def test_first_file_alone_has_a_header(desk: Desk):
    rows = desk.read(["a,b\n1,2\n", "3,4\n"], DelimitedFiles(header=FIRST_FILE))
    assert rows.to_dict(as_series=False) == {"a": [1, 3], "b": [2, 4]}


def test_paths_and_partitions_become_columns(desk: Desk):
    source = DelimitedFiles(
        {"year": ColumnType(LONG)}, include_path=True, partition_format="{name}-{day:yyyy-MM-dd}-{year}.csv"
    )
    rows = desk.read(["a\n1\n2\n", "a\n3\n"], source, names="x-2020-01-0{}-7.csv".replace("0{}", "1{}"))
    assert rows.columns == ["Path", "name", "day", "year", "a"]
    assert rows["Path"].to_list() == ["/x-2020-01-10-7.csv"] * 2 + ["/x-2020-01-11-7.csv"]
    assert rows["day"].to_list() == [_time(2020, 1, 10)] * 2 + [_time(2020, 1, 11)]
    assert rows["year"].to_list() == [7, 7, 7]


def test_column_that_a_path_gives_too_is_told(desk: Desk):
    with pytest.raises(DatasetExecutionError, match="has a column 'Path'"):
        desk.read("Path\n1\n", DelimitedFiles(include_path=True))


def test_file_name_with_signs_of_patterns_is_read(desk: Desk):
    assert desk.read(["a\n1\n", "a\n2\n"], names="we[ird]*?{} ü.csv")["a"].to_list() == [1, 2]


def _long(*last: str) -> str:
    return "a,b\n" + "1,2\n" * SAMPLE_ROWS + "".join(f"{each}\n" for each in last)


def test_late_value_of_another_type_is_missing_and_told(desk: Desk):
    rows = desk.read(_long("3,4", "x,5", "y,6"))
    assert rows["a"].tail(3).to_list() == [3, None, None]
    assert rows.schema["a"] == pl.Int64
    line = SAMPLE_ROWS + 3
    assert desk.warnings == [
        f"'x' in the column 'a' is no long in line {line} of '/0.csv' (2 times in that file): it is missing."
    ]


def test_late_value_of_another_type_is_an_error_where_all_must_fit(desk: Desk):
    with pytest.raises(DatasetExecutionError, match=rf"'x' in the column 'a' is no long in line {SAMPLE_ROWS + 2}"):
        desk.read(_long("x,5"), must_fit=True)
    assert desk.read(_long("3.5,5"), must_fit=True)["a"][-1] == 3.5


def test_late_fractions_make_the_column_wider_and_nothing_is_lost(desk: Desk):
    rows = desk.read([_long("3.25,4"), "a,b\n1e3,7\n"])
    assert rows["a"].tail(2).to_list() == [3.25, 1000.0]
    assert desk.warnings == []


def test_row_with_too_many_fields_loses_them_and_is_told(desk: Desk):
    text = 'a,b\n1,2\n"3\n",4,5,6\n7,8\n9,10,11\n'
    rows = desk.read(text)
    assert rows["b"].to_list() == [2, 4, 8, 10]
    assert desk.warnings == [
        (
            "A row with 4 fields where there are 2 columns in line 3 of '/0.csv' (2 times in that file): "
            "the superfluous fields are dropped."
        )
    ]
    with pytest.raises(DatasetExecutionError, match="A row with 4 fields where there are 2 columns in line 3"):
        desk.read(text, must_fit=True)


def test_many_faults_are_told_in_few_words(desk: Desk):
    desk.read([_long("x,y") for _ in range(5)])
    assert len(desk.warnings) == 6
    assert desk.warnings[-1] == "And 5 more faults of that kind in the files of the dataset."


@pytest.mark.parametrize(
    ("content", "source", "message"),
    [
        ("é,b\n1,2\n".encode("latin-1"), DelimitedFiles(), "cannot be read: 'utf-8' codec"),
        (b"a,b\n" + "é,2\n".encode("latin-1"), DelimitedFiles(), "'/0.csv'"),
        (b"a\n\xff\xfe\xfd\n", DelimitedFiles(encoding="utf16"), "cannot be read as utf16"),
        (gzip.compress(b"a,b\n1,2\n" * 1000)[:40], DelimitedFiles(), "cannot be read as utf8"),
    ],
    ids=["header", "row", "utf16", "broken gzip"],
)
def test_file_that_is_no_text_is_told(desk: Desk, content: bytes, source: DelimitedFiles, message: str):
    with pytest.raises(DatasetExecutionError, match=message):
        desk.read(content, source)


def test_files_without_anything_are_told(desk: Desk):
    with pytest.raises(DatasetWithoutData, match="are empty"):
        desk.read(["", ""])


def test_file_that_changes_while_it_is_read_is_told(desk: Desk, tmp_path: Path):
    def change(_warning: str) -> None:
        (tmp_path / "0.csv").write_text("a\n1\n")

    source = DelimitedFiles({"a": ColumnType(LONG)})
    rows = desk.rows(desk.write("a\n1\nx\n"), source)
    with pytest.raises(DatasetExecutionError, match="was changed while it was read"):
        rows.collect(change)


def test_file_that_is_gone_is_told(desk: Desk, tmp_path: Path):
    rows = desk.rows(desk.write("a\n1\n"))
    (tmp_path / "0.csv").unlink()
    with pytest.raises(DatasetExecutionError, match="No such file"):
        rows.collect(desk.warnings.append)
