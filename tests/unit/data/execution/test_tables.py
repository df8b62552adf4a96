"""Parquet, JSON lines and answers of databases; steps; pandas; and what is written."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from terrazul.core.errors import DatasetExecutionError, DatasetWithoutData
from terrazul.data.execution import chance, writing
from terrazul.data.execution.condition import to_expression
from terrazul.data.execution.pandas_frame import to_pandas
from terrazul.data.plan import node
from terrazul.data.plan.column_type import DATETIME, FLOAT, LONG, STRING, ColumnType
from terrazul.data.plan.columns import DropColumns, KeepColumns, TimestampColumns
from terrazul.data.plan.fraction import fraction
from terrazul.data.plan.operation import Operation
from terrazul.data.plan.rows import Between, Filter, Skip, Take
from terrazul.data.plan.source import DelimitedFiles, JsonLinesFiles, ParquetFiles, SqlQuery
from terrazul.testing.table_desk import Desk

TEXTS_OF_PANDAS = str(pd.Series(["x"]).dtype)
NUMBERS = "n\n" + "".join(f"{number}\n" for number in range(500))
HERE_IN_EACH_EXAMPLE = settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


def _parquet(frame: pl.DataFrame) -> bytes:
    sink = BytesIO()
    frame.write_parquet(sink)
    return sink.getvalue()


def test_parquet_files_are_one_table_in_the_columns_of_the_first(desk: Desk):
    first = pl.DataFrame({"a": [1, 2], "b": ["x", None]})
    second = pl.DataFrame({"b": ["y"], "c": [True], "a": [2.5]})
    rows = desk.read([_parquet(first), _parquet(second)], ParquetFiles())
    assert rows.to_dict(as_series=False) == {"a": [1.0, 2.0, 2.5], "b": ["x", None, "y"]}


def test_parquet_columns_get_the_types_that_are_set(desk: Desk):
    frame = pl.DataFrame({"a": [1, 2], "b": ["1,5", "x"], "t": [datetime(2020, 1, 1, tzinfo=timezone.utc)] * 2})
    types = {
        "a": ColumnType(STRING), "b": ColumnType(FLOAT, decimal_mark=","), "t": ColumnType(DATETIME),
        "absent": ColumnType(LONG),
    }  # fmt: skip
    rows = desk.read(_parquet(frame), ParquetFiles(types))
    assert rows.to_dict(as_series=False) == {
        "a": ["1", "2"], "b": [1.5, None], "t": [datetime(2020, 1, 1)] * 2,  # noqa: DTZ001  # UTC, without a zone
    }  # fmt: skip
    with pytest.raises(DatasetExecutionError):
        desk.read(_parquet(frame), ParquetFiles(types), must_fit=True)


def test_what_is_no_parquet_file_is_told(desk: Desk):
    with pytest.raises(DatasetExecutionError, match=r"The rows of '/0.csv' cannot be read"):
        desk.read("a,b\n1,2\n", ParquetFiles())


def test_json_lines_have_all_keys(desk: Desk):
    first, second = '{"a": 1, "b": "x"}\n\n{"a": 2.5, "c": [1, 2]}\n', '{"b": "y", "d": {"e": null}}'
    rows = desk.read([first, "", second], JsonLinesFiles())
    assert rows.select("a", "b").to_dict(as_series=False) == {"a": [1.0, 2.5, None], "b": ["x", None, "y"]}
    assert rows["c"].to_list() == [None, [1, 2], None]


@pytest.mark.parametrize("wrong", ["xx", "{", "[1]", "3"])
def test_line_that_is_no_json_object_is_told_or_left_out(desk: Desk, wrong: str):
    text = '{"a": 1}\n' + wrong + '\n{"a": 2}\n'
    with pytest.raises(DatasetExecutionError, match=r"Line 2 of '/0.csv' is no JSON object") as told:
        desk.read(text, JsonLinesFiles())
    assert "invalid_lines='drop'" in str(told.value)
    assert desk.read(text, JsonLinesFiles(invalid_lines="drop"))["a"].to_list() == [1, 2]


def test_json_lines_without_a_line_are_told(desk: Desk):
    with pytest.raises(DatasetWithoutData, match="No file"):
        desk.read(["", "\n"], JsonLinesFiles())


def test_answer_of_a_database_is_read(desk: Desk, tmp_path: Path):
    pl.DataFrame({"a": ["1", "x"], "b": [1, 2]}).write_ipc_stream(tmp_path / "answer")
    rows = desk.rows(["answer"], SqlQuery("SELECT", {"a": ColumnType(LONG)}))
    assert rows.collect(desk.warnings.append).to_dict(as_series=False) == {"a": [1, None], "b": [1, 2]}


def test_steps_follow_each_other(desk: Desk):
    def numbers(*steps: Operation) -> list[int]:
        return list(desk.read(NUMBERS, DelimitedFiles(), *steps)["n"])

    assert numbers(Skip(2), Take(3)) == [2, 3, 4]
    assert numbers(Take(3), Skip(2)) == [2]
    assert numbers(Take(0)) == []
    assert numbers(Skip(1000)) == []
    even = node.Call("eq", (node.Call("mod", (node.Column("n"), node.Literal(2))), node.Literal(0)))
    assert numbers(Filter(even), Take(3)) == [0, 2, 4]
    assert numbers(Take(3), Filter(even)) == [0, 2]
    assert numbers(TimestampColumns("n"), Take(1)) == [0]


def test_columns_are_kept_and_dropped(desk: Desk):
    text, source = "a,b,c\n1,2,3\n", DelimitedFiles()
    assert desk.read(text, source, KeepColumns(["c", "a", "c"])).columns == ["c", "a"]
    assert desk.read(text, source, DropColumns(["b", "b"])).columns == ["a", "c"]
    for step in (KeepColumns(["q"]), DropColumns(["q"]), Filter(node.Column("q"))):
        with pytest.raises(DatasetExecutionError, match="no column 'q'"):
            desk.read(text, source, step)


def test_condition_on_another_type_is_told(desk: Desk):
    source = DelimitedFiles()
    wrong = Filter(node.Call("gt", (node.Column("a"), node.Literal("text"))))
    with pytest.raises(DatasetExecutionError, match="cannot be read"):
        desk.read("a\n1\n", source, wrong)
    with pytest.raises(DatasetExecutionError, match="Rows have no Size"):
        desk.read("a\n1\n", source, Filter(node.Metadata("Size")))


@HERE_IN_EACH_EXAMPLE
@given(st.floats(0, 1), st.integers(-5, 1 << 62), st.integers(0, 400))
def test_parts_of_rows_are_disjoint_whole_and_the_same_each_time(desk: Desk, percentage: float, seed: int, skip: int):
    source = DelimitedFiles()
    parts = [(0.0, percentage), (percentage, 1.0)]
    first, second = (
        list(desk.read(NUMBERS, source, Skip(skip), Between(lower, upper, seed))["n"]) for lower, upper in parts
    )
    assert sorted(first + second) == list(range(skip, 500))
    assert first == [n for n in range(skip, 500) if fraction(seed, n - skip) < percentage]


@given(st.integers(-(1 << 63) + 1, (1 << 63) - 1))
def test_numbers_by_chance_are_the_same_for_rows_and_files(seed: int):
    found = pl.DataFrame({"place": range(50)}).filter(chance.is_between(pl.col("place"), seed, 0.25, 0.75))
    assert found["place"].to_list() == [place for place in range(50) if 0.25 <= fraction(seed, place) < 0.75]


def test_numbers_by_chance_are_spread_evenly():
    found = [fraction(7, place) for place in range(10_000)]
    assert all(0 <= each < 1 for each in found)
    counts = np.histogram(found, bins=10, range=(0, 1))[0]
    assert counts.min() > 880
    assert counts.max() < 1120


ROW = {"i": 3, "f": 2.5, "s": "Text ", "t": datetime(2020, 1, 1), "b": True, "m": None}  # noqa: DTZ001  # as columns
WHOLE, REAL, TEXT, TIME, MISSING = (node.Column(name) for name in "ifstm")


@pytest.mark.parametrize(
    "condition",
    [
        node.Call("eq", (WHOLE, node.Literal(3))),
        node.Call("ne", (WHOLE, node.Literal(3))),
        node.Call("gt", (REAL, node.Literal(2))),
        node.Call("le", (REAL, WHOLE)),
        node.Call("ge", (TIME, node.Literal(datetime(2020, 1, 1)))),  # noqa: DTZ001  # as columns
        node.Call("lt", (TEXT, node.Literal("a"))),
        node.Call("starts_with", (TEXT, node.Literal("Te"))),
        node.Call("ends_with", (node.Call("trim", (TEXT,)), node.Literal("xt"))),
        node.Call("contains", (TEXT, node.Literal(".*"))),
        node.Call("eq", (node.Call("lower", (TEXT,)), node.Literal("text "))),
        node.Call("eq", (node.Call("upper", (TEXT,)), node.Literal("TEXT "))),
        node.Call("eq", (node.Call("length", (TEXT,)), node.Literal(5))),
        node.Call("is_in", (WHOLE, node.Literal((1, 3)))),
        node.Call("is_in", (WHOLE, node.Literal(()))),
        node.Call("is_null", (MISSING,)),
        node.Call("is_not_null", (MISSING,)),
        node.Call("not", (node.Column("b"),)),
        node.Call("and", (node.Column("b"), node.Call("is_null", (MISSING,)))),
        node.Call("or", (node.Call("eq", (WHOLE, node.Literal(1))), node.Column("b"))),
        node.Call("eq", (node.Call("add", (WHOLE, REAL)), node.Literal(5.5))),
        node.Call("eq", (node.Call("sub", (WHOLE, node.Literal(1))), node.Literal(2))),
        node.Call("eq", (node.Call("mul", (WHOLE, node.Literal(2))), node.Literal(6))),
        node.Call("eq", (node.Call("div", (WHOLE, node.Literal(2))), node.Literal(1.5))),
        node.Call("eq", (node.Call("floordiv", (WHOLE, node.Literal(2))), node.Literal(1))),
        node.Call("eq", (node.Call("mod", (WHOLE, node.Literal(2))), node.Literal(1))),
        node.Call("eq", (node.Call("neg", (WHOLE,)), node.Literal(-3))),
        node.Call("gt", (node.Call("div", (WHOLE, node.Literal(0))), node.Literal(1))),
        node.Call("eq", (MISSING, node.Literal(1))),
    ],
)
def test_condition_is_the_same_for_files_and_rows(condition: node.Node):
    frame = pl.DataFrame({name: [value] for name, value in ROW.items()}, schema_overrides={"m": pl.Int64})
    assert (frame.filter(to_expression(condition)).height == 1) is (node.evaluate(condition, ROW) is True)


def test_pandas_has_the_types_of_v1():
    frame = pl.DataFrame(
        {
            "whole": [1, 2],
            "whole missing": [1, None],
            "small": pl.Series([1, None], dtype=pl.Int8),
            "wide": pl.Series([1, 2], dtype=pl.UInt64),
            "widest": pl.Series([1, 1 << 63], dtype=pl.UInt64),
            "real": [1.5, None],
            "truth": [True, False],
            "truth missing": [True, None],
            "text": ["x", None],
            "time": [datetime(2020, 1, 1, 2), None],  # noqa: DTZ001  # as columns
            "zoned": [datetime(2020, 1, 1, 2, tzinfo=timezone(timedelta(hours=1))), None],
            "day": [date(2020, 1, 1), None],
            "exact": [Decimal("1.50"), None],
            "list": [[1], None],
            "span": [timedelta(seconds=1), None],
        }
    )
    found = to_pandas(frame)
    assert {name: str(kind) for name, kind in found.dtypes.items()} == {
        "whole": "int64", "whole missing": "float64", "small": "float64", "wide": "int64", "widest": "uint64",
        "real": "float64", "truth": "bool", "truth missing": "object", "text": TEXTS_OF_PANDAS,
        "time": "datetime64[ns]", "zoned": "datetime64[ns]", "day": "datetime64[ns]", "exact": "float64",
        "list": "object",
        "span": "timedelta64[us]",
    }  # fmt: skip
    assert found["text"].isna().tolist() == [False, True]
    assert found["truth missing"][1] is None
    assert np.isnan(found["whole missing"][1])
    assert found["zoned"][0] == pd.Timestamp(2020, 1, 1, 1)
    assert found["exact"][0] == 1.5
    assert list(found.index) == [0, 1]
    assert to_pandas(frame.clear()).shape == (0, 15)


def test_time_that_pandas_cannot_tell_is_missing_or_told():
    frame = pl.DataFrame({"t": [datetime(1, 1, 1), datetime(2020, 1, 1), datetime(9999, 1, 1)]})  # noqa: DTZ001  # as columns
    assert to_pandas(frame)["t"].isna().tolist() == [True, False, True]
    with pytest.raises(DatasetExecutionError, match="0001-01-01 00:00:00 in the column 't'"):
        to_pandas(frame, times_must_fit=True)


TEXTS = st.text(st.characters(codec="utf-8", categories=["L", "P", "Zs", "Sc"]), min_size=1, max_size=8).filter(
    lambda text: text.strip() == text and text not in pd._libs.parsers.STR_NA_VALUES
)
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "whole": st.integers(-(1 << 53), 1 << 53),
    "real": st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: value != int(value)),
    "text": TEXTS.map("t{}".format),
    "truth": st.booleans(),
}


@st.composite
def _tables(draw: st.DrawFn) -> pd.DataFrame:
    names = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=4, unique=True))
    height = draw(st.integers(1, 12))
    return pd.DataFrame({name: draw(st.lists(COLUMNS[name], min_size=height, max_size=height)) for name in names})


@HERE_IN_EACH_EXAMPLE
@given(_tables(), st.sampled_from(["\n", "\r\n"]), st.sampled_from([",", ";", "\t"]))
def test_rows_equal_those_of_pandas(desk: Desk, table: pd.DataFrame, line_break: str, separator: str):
    text = table.to_csv(index=False, lineterminator=line_break, sep=separator)
    source = DelimitedFiles(separator=separator)
    found = to_pandas(desk.read(text, source))
    expected = pd.read_csv(StringIO(text), sep=separator)
    pd.testing.assert_frame_equal(found, expected)


def test_csv_file_holds_no_formula(tmp_path: Path):
    frame = pl.DataFrame({"=name": ["=1+1", "@x", "plain", None], "n": [-1, 2, 3, 4]})
    writing.write_csv(frame, tmp_path / "guarded.csv", ",", guard_formulas=True)
    assert (tmp_path / "guarded.csv").read_text() == "'=name,n\n'=1+1,-1\n'@x,2\nplain,3\n,4\n"
    writing.write_csv(frame, tmp_path / "plain.csv", ";", guard_formulas=False)
    assert (tmp_path / "plain.csv").read_text().startswith("=name;n\n=1+1;-1\n")
    with pytest.raises(DatasetExecutionError, match="'a' holds lists"):
        writing.write_csv(pl.DataFrame({"a": [[1]]}), tmp_path / "lists.csv", ",", guard_formulas=True)


def test_partitions_are_written_where_their_values_say(tmp_path: Path):
    frame = pl.DataFrame({"k": ["a/b", "..", None, "ü x", "a/b"], "j": [1, 2, 3, 4, 1], "v": [1, 2, 3, 4, 5]})
    files = writing.write_partitions(frame, ["k", "j"], tmp_path)
    paths = sorted(file.relative_to(tmp_path).as_posix() for file in files)
    assert paths == [
        "%2E%2E/2/part-00000.parquet", "a%2Fb/1/part-00000.parquet", "null/3/part-00000.parquet",
        "ü x/4/part-00000.parquet",
    ]  # fmt: skip
    assert pl.read_parquet(tmp_path / "a%2Fb/1/part-00000.parquet", glob=False).to_dict(as_series=False) == {
        "v": [1, 5]
    }
