"""Searches over a real database, beside a plain reading of the same filters in Python."""

import base64
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cmp_to_key
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from terrazul.core.clock import to_text
from terrazul.core.errors import InvalidInput
from terrazul.server.experiment import store as experiments
from terrazul.server.run.search.grammar import DEPTH_LIMIT, parse, parse_order
from terrazul.server.run.search.order import Mark, read_mark, write_mark
from terrazul.server.run.search.plan import FEW, Scope, Search, count, find
from terrazul.server.run.store import metric as metrics
from terrazul.server.run.store import run as runs
from terrazul.server.sql.database import Database
from terrazul.server.sql.kind import DatabaseKind
from terrazul.server.sql.migration import migrate
from terrazul.server.workspace import store as workspaces
from terrazul.wire.metric import MetricPoint, to_json_value
from terrazul.wire.workspace import Workspace

WAYS = (0, FEW)
"""As if no condition were met by few runs, and as if each were: either way must find the same."""


@dataclass(frozen=True)
class Made:
    """A run as the tests know it."""

    run_id: str
    created_at: int
    metrics: dict[str, list[Any]] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    state: str = "Completed"
    display_name: str = ""
    experiment: str = "one"
    parent: str | None = None
    ended_at: int | None = None
    key: int = 0


NAN = float("nan")
RUNS = [
    Made(
        "r1", 100, {"acc": [0.1, 0.9], "loss": [3.0]}, {"lr": "0.1", "it's": "odd"}, {"team": "a"}, ended_at=5_000_100
    ),
    Made("r2", 200, {"acc": [0.9, 0.5]}, {"lr": "0.01"}, {"team": "A"}, "Failed", "second", ended_at=1_000_200),
    Made("r3", 300, {"acc": [NAN]}, {"lr": "10%"}, {"team": "a_b"}, "Running", experiment="two"),
    Made("r4", 300, {"acc": [0.5]}, {"lr": "100"}, {"team": "axb", "x y": ""}, "Queued", "Second"),
    Made("r5", 400, {"acc": ["text"], "loss": [1.0]}, {}, {}, "Canceled", parent="r1", ended_at=400),
    Made("r6", 500, {}, {"lr": "0.1"}, {"team": "É*[?"}, experiment="two", parent="r5"),
    Made("r7", 600, {"acc": [0.9], "loss": [-1.0]}, {"lr": "' OR 1=1 --"}, {"team": "é*[?"}, "Finalizing"),
]


@pytest.fixture(scope="module")
def database(kind: DatabaseKind) -> Iterator[Database]:
    migrate(kind)
    made = Database(kind)
    with made.engine.connect() as connection:
        for name in ("here", "elsewhere"):
            row = workspaces.add(connection, Workspace(name, "s", "g", name, "", "", "", {}, to_text(1), "me"), 1)
            for each in RUNS:
                enter(connection, row.key, each)
        connection.commit()
    yield made
    made.close()


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.engine.connect() as made:
        yield made


def enter(connection: Connection, workspace: int, made: Made) -> None:
    """Record a run as the services do."""
    group = experiments.ensure(connection, workspace, made.experiment, "me", 1)
    parent = runs.existing(connection, workspace, made.parent) if made.parent else None
    values = {
        "workspace": workspace, "run_id": made.run_id, "experiment": group.key, "number": 1, "type": "t",
        "state": made.state, "display_name": made.display_name, "description": "", "created_at": made.created_at,
        "created_by": "me", "started_at": made.created_at if made.state != "Queued" else None,
        "ended_at": made.ended_at, "target": "local", "warnings": [], "attempt": 1, "interactive": True,
    }  # fmt: skip
    values["duration"] = made.ended_at and made.ended_at - made.created_at
    key = runs.add(connection, values, parent)
    row = runs.find_by_key(connection, key)
    assert row
    runs.set_tags(connection, row, made.tags)
    runs.parameter.add(connection, workspace, key, made.params)
    points = [
        MetricPoint(made.run_id, name, to_json_value(value), made.created_at)
        for name, values_of_name in made.metrics.items()
        for value in values_of_name
    ]
    if points:
        metrics.add_points(connection, workspace, key, points)


def search(connection: Connection, text: str, *order: str, way: int = FEW, limit: int = 100, **scope: Any) -> list[str]:
    """The ids of the runs that a search finds, in order, gathered page by page."""
    terms = parse_order(order)
    wanted = Search(Scope(1, **scope), parse(text), terms)
    keys: list[int] = []
    mark: Mark | None = None
    while True:
        found = find(connection, wanted, limit, mark, way)
        keys += found.keys
        if found.following is None:
            assert count(connection, wanted) == len(keys)
            return [run.run_id for run in runs.load(connection, keys)]
        mark = read_mark(terms, write_mark(terms, found.following))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "r7 r6 r5 r4 r3 r2 r1"),
        ("metric.acc > 0.5", "r7 r1"),
        ("metric.acc >= 0.5", "r7 r4 r2 r1"),
        ("metric.acc = 0.9", "r7 r1"),
        ("metric.acc != 0.9", "r4 r2"),
        ("NOT metric.acc = 0.9", "r6 r5 r4 r3 r2"),
        ("metric.acc IN (0.5, 7)", "r4 r2"),
        ("metric.acc IS NULL", "r6"),
        ("metric_max.acc = 0.9 AND metric_min.acc < 0.2", "r1"),
        ("metric.loss < 1e400 AND metric.loss > -1e400", "r7 r5 r1"),
        ("param.lr = '0.1'", "r6 r1"),
        ("param.lr != '0.1'", "r7 r4 r3 r2"),
        ("NOT param.lr = '0.1'", "r7 r5 r4 r3 r2"),
        ("param.lr IS NULL", "r5"),
        ("param.lr IS NOT NULL AND NOT (param.lr IN ('0.1', '0.01', '100'))", "r7 r3"),
        ("param.lr NOT IN ('0.1', '0.01', '100')", "r7 r3"),
        ("param.lr = ''' OR 1=1 --'", "r7"),
        ('param."it\'s" = "odd"', "r1"),
        ("tag.team LIKE 'a'", "r1"),
        ("tag.team ILIKE 'a'", "r2 r1"),
        ("tag.team LIKE 'a_b'", "r4 r3"),
        ("tag.team LIKE 'a%'", "r4 r3 r1"),
        ("tag.team NOT LIKE 'a%'", "r7 r6 r2"),
        ("NOT tag.team LIKE 'a%'", "r7 r6 r5 r2"),
        ("tag.team LIKE 'é*[?'", "r7"),
        ("tag.team ILIKE 'É*[_'", "r7 r6"),
        ("tag.`x y` = ''", "r4"),
        ("param.lr LIKE '1__'", "r4 r3"),
        ("status = 'FINISHED'", "r6 r1"),
        ("status = 'completed'", "r6 r1"),
        ("status = 'RUNNING'", "r7 r3"),
        ("status = 'Running'", "r3"),
        ("status = 'SCHEDULED'", "r4"),
        ("status != 'FINISHED'", "r7 r5 r4 r3 r2"),
        ("status IN ('KILLED', 'Failed')", "r5 r2"),
        ("status LIKE '%ING'", "r7 r3"),
        ("status ILIKE '%led'", "r5 r4 r2"),
        ("run_name = 'second'", "r2"),
        ("run_name ILIKE 'SEC%'", "r4 r2"),
        ("run_name IS NULL", "r7 r6 r5 r3 r1"),
        ("run_name != 'second'", "r4"),
        ("experiment = 'two'", "r6 r3"),
        ("experiment != 'two'", "r7 r5 r4 r2 r1"),
        ("parent_run_id = 'r1'", "r5"),
        ("parent_run_id != 'r1'", "r6"),
        ("NOT parent_run_id = 'r1'", "r7 r6 r4 r3 r2 r1"),
        ("tag.mlflow.parentRunId IN ('r1', 'r5')", "r6 r5"),
        ("root_run_id = 'r1'", "r6 r5 r1"),
        ("run_id IN ('r1', 'r9')", "r1"),
        ("start_time IS NULL", "r4"),
        ("created = 0", "r7 r6 r5 r4 r3 r2 r1"),
        ("created >= '1970-01-01T00:00:00.000400Z'", "r7 r6 r5"),
        ("end_time > 1000", "r1"),
        ("end_time >= 1000", "r2 r1"),
        ("end_time = 1000", "r2"),
        ("duration >= 1 AND duration < 6", "r2 r1"),
        ("NOT duration >= 1", "r7 r6 r5 r4 r3"),
        ("user_id = 'me' AND target = 'local' AND type = 't' AND number = 1", "r7 r6 r5 r4 r3 r2 r1"),
        ("description IS NULL AND snapshot_id IS NULL", "r7 r6 r5 r4 r3 r2 r1"),
        ("metric.acc > 0.5 AND (param.lr = '0.1' OR tag.team = 'é*[?')", "r7 r1"),
        ("NOT (metric.acc > 0.5 OR status = 'Failed')", "r6 r5 r4 r3"),
    ],
)
def test_what_a_filter_finds(connection: Connection, text: str, found: str, way: int):
    assert search(connection, text, way=way) == found.split()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("limit", [1, 2, 100])
@pytest.mark.parametrize(
    ("text", "order", "found"),
    [
        ("", ["metric.acc"], "r4 r2 r7 r1 r6 r5 r3"),
        ("", ["metric.acc DESC"], "r7 r1 r4 r2 r6 r5 r3"),
        ("metric.acc > 0.5", ["metric.acc"], "r7 r1"),
        ("metric.acc IS NOT NULL", ["metric.acc DESC"], "r7 r1 r4 r2 r5 r3"),
        ("NOT metric.acc > 0.5", ["metric.acc DESC"], "r4 r2 r6 r5 r3"),
        ("", ["metric.acc", "metric.loss DESC"], "r4 r2 r1 r7 r5 r6 r3"),
        ("", ["metric_max.acc DESC", "metric_min.acc"], "r1 r2 r7 r4 r6 r5 r3"),
        ("", ["param.lr"], "r7 r2 r6 r1 r3 r4 r5"),
        ("tag.team LIKE 'a%'", ["tag.team DESC"], "r4 r3 r1"),
        ("", ["start_time DESC"], "r7 r6 r5 r3 r2 r1 r4"),
        ("", ["start_time"], "r1 r2 r3 r5 r6 r7 r4"),
        ("", ["created"], "r1 r2 r4 r3 r5 r6 r7"),
        ("", ["end_time DESC"], "r1 r2 r5 r7 r6 r4 r3"),
        ("", ["duration"], "r5 r2 r1 r7 r6 r4 r3"),
        ("", ["experiment DESC", "run_id"], "r3 r6 r1 r2 r4 r5 r7"),
        ("", ["parent_run_id", "status"], "r5 r6 r1 r2 r7 r4 r3"),
        ("", ["run_name DESC"], "r2 r4 r7 r6 r5 r3 r1"),
    ],
)
def test_orders_put_what_is_missing_last_and_the_newest_first_among_equals(
    connection: Connection, text: str, order: list[str], found: str, limit: int, way: int
):
    assert search(connection, text, *order, limit=limit, way=way) == found.split()


def test_scopes(connection: Connection):
    one, two = experiments.keys_of(connection, 1, ["one"]), experiments.keys_of(connection, 1, ["two", "none"])
    first, fifth = (runs.existing(connection, 1, run_id).key for run_id in ("r1", "r5"))
    for way, order in product(WAYS, ([], ["run_id DESC"])):
        assert search(connection, "", *order, way=way, experiments=tuple(two)) == ["r6", "r3"]
        assert search(connection, "", *order, way=way, experiments=(*one, *two)) == [
            f"r{each}" for each in range(7, 0, -1)
        ]
        assert search(connection, "", *order, way=way, experiments=()) == []
        assert search(connection, "", *order, way=way, top_level_only=True) == ["r7", "r4", "r3", "r2", "r1"]
        assert search(connection, "", *order, way=way, parent=first) == ["r5"]
        assert search(connection, "", *order, way=way, root=first) == ["r6", "r5"]
        assert search(connection, "status = 'FINISHED'", *order, way=way, parent=fifth) == ["r6"]
        assert search(connection, "", *order, way=way, deleted=True) == []


@pytest.mark.parametrize("way", WAYS)
def test_pages_stay_put_while_runs_arrive_change_and_go(database: Database, way: int):
    with database.engine.connect() as connection:
        terms = parse_order(["metric.acc DESC"])
        wanted = Search(Scope(1), parse(""), terms)
        first = find(connection, wanted, 3, None, way)
        enter(connection, 1, Made("new", 700, {"acc": [0.95]}))
        enter(connection, 1, Made("also", 800, {"acc": [0.5]}))
        metrics.add_points(connection, 1, first.keys[-1], [MetricPoint("r4", "acc", 0.99, 1)])
        rest = find(connection, wanted, 100, first.following, way)
        found = [run.run_id for run in runs.load(connection, rest.keys)]
        assert found == ["r2", "r6", "r5", "r3"]
        connection.rollback()


def test_deepest_and_widest_filters_are_answered(connection: Connection):
    deep = "tag.team = 'a'"
    for level in range(DEPTH_LIMIT):
        deep = f"({'NOT ' * (level % 2)}{deep} {'OR' if level % 3 else 'AND'} metric.acc > {level})"
    assert isinstance(search(connection, deep, *["metric.acc"]), list)
    wide = " OR ".join(f"param.p{number} LIKE '%{number}%'" for number in range(200))
    assert search(connection, wide) == []
    pattern = "%a" * 2_500
    assert search(connection, f"tag.team LIKE '{pattern}' OR tag.team ILIKE '{pattern}'") == []
    names = ", ".join(f"'{number}'" for number in range(1000))
    assert search(connection, f"param.lr IN ({names})") == ["r4"]


@pytest.mark.parametrize(
    "text",
    ["", "x", "AAAA", "é", "a" * 100_000, "gqFh", "lKFhkMAB", "WzFd", "=", "lKExkAEB" * 100, "kw=="],
)
def test_a_mark_that_is_none_is_refused(text: str):
    with pytest.raises(InvalidInput, match="page mark"):
        read_mark([], text)


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_any_mark_is_read_or_refused(data: bytes | str):
    text = data if isinstance(data, str) else base64.urlsafe_b64encode(data).decode()
    with pytest.raises(InvalidInput):
        read_mark(parse_order(["metric.a"]), text)


@pytest.mark.parametrize(
    ("values", "order"),
    [
        (["text"], ["metric.acc"]),
        ([1.0], ["tag.team"]),
        ([NAN], ["metric.acc"]),
        ([2**63], ["metric.acc"]),
        ([1.0, 2.0], ["metric.acc"]),
        ([], ["metric.acc"]),
        (["a\0"], ["tag.team"]),
    ],
)
def test_a_mark_with_values_of_another_kind_is_refused(values: list[Any], order: list[str]):
    terms = parse_order(order)
    with pytest.raises(InvalidInput, match="page mark"):
        read_mark(terms, write_mark(terms, Mark(values, 1, 1)))


def test_a_mark_of_another_order_is_refused():
    mark = write_mark(parse_order(["metric.acc"]), Mark([1.0], 1, 1))
    for other in (["metric.acc DESC"], ["metric.loss"], []):
        with pytest.raises(InvalidInput, match="page mark"):
            read_mark(parse_order(other), mark)
    with pytest.raises(InvalidInput, match="page mark"):
        read_mark([], write_mark([], Mark([], 2**63, 1)))


# A filter as text, beside the same in Python: true or false of one run.
Meaning = Callable[[Made], bool]
COMPARE = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def last(values: list[Any]) -> float | None:
    """What a metric is compared by."""
    return values[-1] if values and isinstance(values[-1], float) and values[-1] == values[-1] else None


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def pattern_of(text: str) -> re.Pattern[str]:
    parts = {"%": ".*", "_": "."}
    return re.compile("".join(parts.get(each) or re.escape(each) for each in text), re.DOTALL)


@st.composite
def number_comparisons(draw: st.DrawFn) -> tuple[str, Meaning]:
    name, sign = draw(st.sampled_from(["acc", "loss", "none"])), draw(st.sampled_from(list(COMPARE)))
    number = draw(st.sampled_from([0.1, 0.5, 0.9, 1.0, -1.0, 3.0]))

    def holds(made: Made) -> bool:
        value = last(made.metrics.get(name, []))
        return value is not None and bool(COMPARE[sign](value, number))

    return f"metric.{name} {sign} {number}", holds


TEXTS = st.sampled_from([value for made in RUNS for value in (*made.params.values(), *made.tags.values())]) | st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6
)
PATTERNS = st.lists(st.sampled_from(["%", "_", "a", "b", "0", "1", "é", "*", "[", "?", "]", "^", "-", "\\"])).map(
    "".join
)


@st.composite
def text_comparisons(draw: st.DrawFn) -> tuple[str, Meaning]:
    entity, name = draw(st.sampled_from([("param", "lr"), ("tag", "team"), ("tag", "x y"), ("param", "it's")]))
    word = draw(st.sampled_from(["=", "!=", "LIKE", "NOT LIKE", "IN", "NOT IN", "IS NULL", "IS NOT NULL"]))
    value = draw(PATTERNS if "LIKE" in word else TEXTS)

    def holds(made: Made) -> bool:
        texts = made.params if entity == "param" else made.tags
        there = texts.get(name)
        if "NULL" in word:
            return (there is None) == (word == "IS NULL")
        if there is None:
            return False
        same = bool(pattern_of(value).fullmatch(there)) if "LIKE" in word else there == value
        return same == (not word.startswith(("!", "NOT")))

    operand = "" if "NULL" in word else f"({quoted(value)})" if "IN" in word else quoted(value)
    return f'{entity}."{name}" {word} {operand}', holds


def combined(parts: st.SearchStrategy[tuple[str, Meaning]]) -> st.SearchStrategy[tuple[str, Meaning]]:
    """NOT, AND and OR of filters."""

    def both(word: str, left: tuple[str, Meaning], right: tuple[str, Meaning]) -> tuple[str, Meaning]:
        join = all if word == "AND" else any
        return f"({left[0]}) {word} ({right[0]})", lambda made: join([left[1](made), right[1](made)])

    def opposite(part: tuple[str, Meaning]) -> tuple[str, Meaning]:
        return f"NOT ({part[0]})", lambda made: not part[1](made)

    return st.builds(both, st.sampled_from(["AND", "OR"]), parts, parts) | st.builds(opposite, parts)


FILTERS = st.recursive(number_comparisons() | text_comparisons(), combined, max_leaves=6)
VALUES: dict[str, Callable[[Made], Any]] = {
    "metric.acc": lambda made: last(made.metrics.get("acc", [])),
    "metric.loss": lambda made: last(made.metrics.get("loss", [])),
    "param.lr": lambda made: made.params.get("lr"),
    "status": lambda made: made.state,
    "end_time": lambda made: made.ended_at,
    "parent_run_id": lambda made: made.parent,
}
ORDERS = st.lists(st.tuples(st.sampled_from(list(VALUES)), st.booleans()), max_size=3, unique_by=lambda term: term[0])


def in_order(found: list[Made], order: list[tuple[str, bool]]) -> list[str]:
    def compare(left: Made, right: Made) -> int:
        for name, descending in order:
            one, other = VALUES[name](left), VALUES[name](right)
            if one == other:
                continue
            if one is None or other is None:
                return 1 if one is None else -1
            return (1 if one > other else -1) * (-1 if descending else 1)
        return -1 if (left.created_at, left.run_id) > (right.created_at, right.run_id) else 1

    return [made.run_id for made in sorted(found, key=cmp_to_key(compare))]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=FILTERS, order=ORDERS, limit=st.integers(1, 8), way=st.sampled_from(WAYS))
def test_any_filter_and_order_finds_what_it_says(
    connection: Connection, wanted: tuple[str, Meaning], order: list[tuple[str, bool]], limit: int, way: int
):
    text, meaning = wanted
    terms = [f"{name} {'DESC' if descending else 'ASC'}" for name, descending in order]
    assert search(connection, text, *terms, limit=limit, way=way) == in_order(list(filter(meaning, RUNS)), order)


ANY_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
INJECTIONS = st.sampled_from(
    ["'", "''", '"', "`", "; DROP TABLE run", "' OR 1=1 --", ":value", "%(x)s", "?", "\\'", "{0}"]
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.lists(ANY_TEXT | INJECTIONS, max_size=4).map("".join), form=st.sampled_from(["=", "LIKE", "IN", "ILIKE"])
)
def test_text_in_any_place_is_data(connection: Connection, text: str, form: str):
    """What is written between quotes, as a value, as a key or in an order, is never read as anything else."""
    if text in {"a", "A"} or not text:
        return
    value = f"({quoted(text)})" if form == "IN" else quoted(text)
    key = '"' + text.replace('"', '""') + '"'
    everything = search(connection, "")
    assert search(connection, f"tag.none {form} {value}") == []
    assert search(connection, f"NOT tag.none {form} {value}") == everything
    assert search(connection, f"tag.{key} {form} {value}") == []
    assert search(connection, f"metric.{key} > 0") == []
    assert search(connection, "", f"tag.{key} DESC", f"metric.{key}") == everything
