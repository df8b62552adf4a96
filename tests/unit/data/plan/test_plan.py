"""Plans: what travels is what is carried out, and what cannot be is told."""

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrazul.core.errors import InvalidInput
from terrazul.data.plan import node
from terrazul.data.plan.column_type import KINDS, ColumnType
from terrazul.data.plan.columns import DropColumns, KeepColumns, TimestampColumns
from terrazul.data.plan.operation import Operation
from terrazul.data.plan.plan import Plan, read, write
from terrazul.data.plan.rows import Between, Filter, Skip, Take
from terrazul.data.plan.source import ENCODINGS, HEADERS, DelimitedFiles, Files, JsonLinesFiles, ParquetFiles, SqlQuery
from terrazul.wire.codec import from_plain, to_plain
from terrazul.wire.dataset import FILE, TABULAR, DataLocation, DatasetDefinition, Step

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
TYPES = st.builds(ColumnType, st.sampled_from(KINDS), st.lists(NAMES, max_size=2).map(tuple), st.sampled_from(".,"))
COLUMN_TYPES = st.dictionaries(NAMES, TYPES, max_size=3)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(1 << 63), 1 << 63), st.floats(allow_nan=False, allow_infinity=False),
    NAMES, st.datetimes(),
)  # fmt: skip
LITERALS = st.one_of(VALUES.map(node.Literal), st.lists(VALUES, max_size=3).map(tuple).map(node.Literal))


def _calls(children: st.SearchStrategy[node.Node]) -> st.SearchStrategy[node.Node]:
    plain = [name for name in node.FUNCTIONS if name != "is_in"]
    return st.one_of(
        st.sampled_from(plain).flatmap(
            lambda name: st.tuples(*[children] * node.FUNCTIONS[name][0]).map(lambda of: node.Call(name, of))
        ),
        st.tuples(children, st.lists(VALUES, max_size=3).map(tuple).map(node.Literal)).map(
            lambda of: node.Call("is_in", of)
        ),
    )


NODES = st.recursive(
    st.one_of(NAMES.map(node.Column), VALUES.map(node.Literal), st.sampled_from(node.METADATA).map(node.Metadata)),
    _calls,
    max_leaves=8,
)
FRACTIONS = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted)
ROWS = st.one_of(
    st.builds(Take, st.integers(0, 1 << 40)),
    st.builds(Skip, st.integers(0, 1 << 40)),
    FRACTIONS.flatmap(lambda pair: st.builds(Between, st.just(pair[0]), st.just(pair[1]), st.integers(-5, 1 << 62))),
    st.builds(Filter, NODES),
)
COLUMNS = st.one_of(
    st.builds(KeepColumns, st.lists(NAMES, min_size=1)),
    st.builds(DropColumns, st.lists(NAMES, min_size=1)),
    st.builds(TimestampColumns, st.just("a"), st.sampled_from(["", "b"])),
)
FORMATS = st.sampled_from(["", "/{a}/{b:yyyy/MM}/*.csv"])
TABLES = st.one_of(
    st.builds(
        DelimitedFiles, COLUMN_TYPES, st.booleans(), FORMATS, st.sampled_from(",;\t|"), st.sampled_from(HEADERS),
        st.booleans(), st.booleans(), st.booleans(), st.sampled_from(sorted(ENCODINGS)),
    ),
    st.builds(ParquetFiles, COLUMN_TYPES, st.booleans(), FORMATS),
    st.builds(JsonLinesFiles, COLUMN_TYPES, st.booleans(), FORMATS, st.sampled_from(["error", "drop"])),
    st.builds(SqlQuery, NAMES, COLUMN_TYPES, st.integers(1, 86400)),
)  # fmt: skip
PLANS = st.one_of(
    st.builds(
        Plan, st.just(TABULAR), st.just((DataLocation("a/*.csv", "store"),)), TABLES,
        st.lists(st.one_of(ROWS, COLUMNS), max_size=4).map(tuple),
    ),
    st.builds(
        Plan, st.just(FILE), st.just((DataLocation("a", "store"), DataLocation("https://host/b"))),
        st.builds(Files, FORMATS, st.booleans()), st.lists(ROWS, max_size=4).map(tuple),
    ),
)  # fmt: skip


@given(PLANS)
def test_what_is_read_is_what_was_written(plan: Plan):
    travelled = from_plain(DatasetDefinition, json.loads(json.dumps(to_plain(write(plan)))))
    assert read(travelled) == plan


def test_a_step_makes_another_plan_and_leaves_the_first():
    plan = Plan(TABULAR, (DataLocation("a", "s"),), DelimitedFiles())
    assert plan.then(Take(3)).steps == (Take(3),)
    assert plan.steps == ()


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (Step("nonsense"), "There is no step 'nonsense'"),
        (Step("take"), "The step 'take' needs count"),
        (Step("take", {"count": -1}), "count is -1"),
        (Step("take", {"count": 1.5}), "count is 1.5"),
        (Step("take", {"count": True}), "count is True"),
        (Step("take", {"count": 1, "rows": 2}), "knows no 'rows'"),
        (Step("between", {"lower": 0.5, "upper": 0.1, "seed": 1}), "greater than upper"),
        (Step("between", {"lower": 0, "upper": 2, "seed": 1}), "upper is 2"),
        (Step("between", {"lower": 0, "upper": 1, "seed": 1 << 70}), "seed is"),
        (Step("keep_columns", {"columns": []}), "at least one"),
        (Step("keep_columns", {"columns": "abc"}), "a list of texts"),
        (Step("keep_columns", {"columns": ["a\0"]}), "a text"),
        (Step("keep_columns", {"columns": [1]}), "columns is 1"),
        (Step("filter", {"condition": {"column": ""}}), "column is ''"),
        (Step("filter", {"condition": {"call": "eq", "of": []}}), "arguments of eq"),
        (Step("filter", {"condition": {"call": "eval", "of": [{"value": 1}]}}), "A function is 'eval'"),
        (Step("filter", {"condition": {"value": [1]}}), "A value is"),
        (Step("filter", {"condition": {"value": 1 << 80}}), "A value is"),
        (Step("filter", {"condition": {"time": "yesterday"}}), "A time is"),
        (Step("filter", {"condition": {"metadata": "Owner"}}), "metadata is 'Owner'"),
        (Step("filter", {"condition": {"who": 1}}), "no keys who"),
        (Step("filter", {"condition": 3}), "a dictionary"),
        (Step("filter", {"condition": {"call": "is_in", "of": [{"column": "a"}, {"value": 1}]}}), "list of choices"),
        (Step("timestamp_columns", {"timestamp": "a", "partition_timestamp": "a"}), "the same column"),
        (Step("parquet_files"), "can only be the first"),
        (Step("files"), "has no step 'files'"),
    ],
)
def test_step_that_cannot_be_carried_out_is_told(step: Step, message: str):
    definition = DatasetDefinition(TABULAR, [DataLocation("a", "s")], [Step("delimited_files"), step])
    with pytest.raises(InvalidInput, match=message):
        read(definition)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"separator": ""}, "separator"),
        ({"separator": "::"}, "separator"),
        ({"separator": '"'}, "separator"),
        ({"separator": "§"}, "separator"),
        ({"separator": 3}, "separator"),
        ({"encoding": "klingon"}, "encoding is 'klingon'"),
        ({"header": "maybe"}, "header is 'maybe'"),
        ({"include_path": 1}, "include_path is 1"),
        ({"column_types": {"a": {"kind": "matrix"}}}, "type of a column is 'matrix'"),
        ({"column_types": {"a": {"kind": "float", "decimal_mark": "7"}}}, "decimal_mark is '7'"),
        ({"column_types": {"a": {"kind": "float", "comma": 1}}}, "knows no 'comma'"),
        ({"partition_format": "{a"}, "no partition format"),
        ({"partition_format": "plain"}, "no partition format"),
        ({"partition_format": "{a:week}"}, "is no time"),
        ({"partition_format": "{a}/{a:yyyy}"}, "a time in one place"),
    ],
)
def test_source_that_cannot_be_read_is_told(arguments: dict[str, Any], message: str):
    definition = DatasetDefinition(TABULAR, [DataLocation("a", "s")], [Step("delimited_files", arguments)])
    with pytest.raises(InvalidInput, match=message):
        read(definition)


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        (DatasetDefinition(TABULAR, [DataLocation("a", "s")]), "does not say how"),
        (DatasetDefinition("Graph", [DataLocation("a", "s")], [Step("files")]), "no type of dataset"),
        (DatasetDefinition(FILE, [], [Step("files")]), "not at 0"),
        (DatasetDefinition(FILE, [DataLocation("", "")], [Step("files")]), "on a datastore"),
        (DatasetDefinition(FILE, [DataLocation("a/../../b", "s")], [Step("files")]), "leads out"),
        (DatasetDefinition(FILE, [DataLocation("a\0", "s")], [Step("files")]), "not valid"),
        (DatasetDefinition(FILE, [DataLocation("a", "s")], [Step("take", {"count": 1})]), "is a source"),
        (DatasetDefinition(FILE, [DataLocation("a", "s")], [Step("files")] * 1001), "1001 steps"),
        (DatasetDefinition(TABULAR, [DataLocation("a")], [Step("sql_query", {"query": "x"})]), "one datastore"),
        (
            DatasetDefinition(
                FILE, [DataLocation("a", "s")], [Step("files"), Step("keep_columns", {"columns": ["a"]})]
            ),
            "has no step",
        ),
    ],
)
def test_definition_that_makes_no_sense_is_told(definition: DatasetDefinition, message: str):
    with pytest.raises(InvalidInput, match=message):
        read(definition)


def test_deep_expression_is_refused_before_it_is_carried_out():
    condition: dict[str, Any] = {"column": "a"}
    for _ in range(200):
        condition = {"call": "not", "of": [condition]}
    with pytest.raises(InvalidInput, match="levels deep"):
        node.from_plain(condition)


@pytest.mark.parametrize(
    ("steps", "timestamp"),
    [
        ((TimestampColumns("t"),), "t"),
        ((TimestampColumns("t"), Take(1)), "t"),
        ((TimestampColumns("t"), DropColumns(["t"])), ""),
        ((TimestampColumns("t"), KeepColumns(["a"])), ""),
        ((TimestampColumns("t"), KeepColumns(["t", "a"])), "t"),
        ((TimestampColumns("t"), TimestampColumns()), ""),
    ],
)
def test_timestamp_counts_while_its_column_is_there(steps: tuple[Operation, ...], timestamp: str):
    assert Plan(TABULAR, (DataLocation("a", "s"),), DelimitedFiles(), steps).timestamps.timestamp == timestamp


@pytest.mark.parametrize(
    ("steps", "rows"),
    [
        ((Take(5),), 5),
        ((KeepColumns(["a"]), Take(5)), 5),
        ((Filter(node.Column("a")), Take(5)), None),
        ((Skip(1), Take(5)), None),
        ((), None),
    ],
)
def test_first_rows_need_not_all_files(steps: tuple[Operation, ...], rows: int | None):
    assert Plan(TABULAR, (DataLocation("a", "s"),), DelimitedFiles(), steps).first_rows == rows
    combined = DelimitedFiles(header="combined")
    assert Plan(TABULAR, (DataLocation("a", "s"),), combined, steps).first_rows is None


def test_condition_of_a_row_knows_three_answers():
    row = {"a": 3, "b": None, "c": "text", "t": datetime(2020, 1, 1)}  # noqa: DTZ001  # columns have no zones

    def of(function: str, *values: Any) -> Any:
        nodes = [value if isinstance(value, node.Column) else node.Literal(value) for value in values]
        return node.evaluate(node.Call(function, tuple(nodes)), row)

    a, b, c = node.Column("a"), node.Column("b"), node.Column("c")
    assert of("gt", a, 2) is True
    assert of("gt", b, 2) is None
    assert of("is_null", b) is True
    assert node.evaluate(node.Call("and", (node.Literal(False), b)), row) is False
    assert node.evaluate(node.Call("or", (node.Literal(True), b)), row) is True
    assert node.evaluate(node.Call("or", (node.Literal(False), b)), row) is None
    assert of("starts_with", c, "te") is True
    assert of("div", a, 0) is None
    assert of("is_in", a, (1, 3)) is True
    assert of("length", c) == 4
