"""Filters and orders as text: what they mean, and what is refused, where and why."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrazul.core.errors import InvalidInput
from terrazul.server.run.search.fields import attribute
from terrazul.server.run.search.grammar import (
    COMPARISON_LIMIT,
    DEPTH_LIMIT,
    LIST_LIMIT,
    ORDER_LIMIT,
    parse,
    parse_order,
)
from terrazul.server.run.search.token import TEXT_LIMIT
from terrazul.server.run.search.tree import And, Comparison, Entity, Field, Kind, Not, Operator, Or, OrderTerm, Span

ACC = Field(Entity.METRIC, "acc", Kind.NUMBER)
HIGH = Comparison(ACC, Operator.GREATER, (0.9,))


def only(text: str) -> Comparison:
    """The single comparison of a filter."""
    found = parse(text)
    assert isinstance(found, Comparison)
    return found


def placeless(text: str) -> str:
    """The tree of a filter, without the places."""
    return re.sub(r", place=\d+", "", repr(parse(text)))


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_empty_filter_restricts_nothing(text: str):
    assert parse(text) == And()


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("metric.acc > 1", ACC),
        ("METRICS.acc > 1", ACC),
        ("metrics.`acc` > 1", ACC),
        ('metric."acc" > 1', ACC),
        ("metric.val/acc.top-5 > 1", Field(Entity.METRIC, "val/acc.top-5", Kind.NUMBER)),
        ("metric.`a``b c` > 1", Field(Entity.METRIC, "a`b c", Kind.NUMBER)),
        ("metric_min.loss < 1", Field(Entity.METRIC_MINIMUM, "loss", Kind.NUMBER)),
        ("metric_max.acc > 1", Field(Entity.METRIC_MAXIMUM, "acc", Kind.NUMBER)),
        ("param.lr = '1'", Field(Entity.PARAMETER, "lr", Kind.TEXT)),
        ("parameters.lr = '1'", Field(Entity.PARAMETER, "lr", Kind.TEXT)),
        ("tags.mlflow.source.name = 'x'", Field(Entity.TAG, "mlflow.source.name", Kind.TEXT)),
        (
            "properties._azureml.ComputeTargetType = 'x'",
            Field(Entity.PROPERTY, "_azureml.ComputeTargetType", Kind.TEXT),
        ),
        ("dataset.digest = 'x'", Field(Entity.DATASET, "digest", Kind.TEXT)),
        ("status = 'FINISHED'", attribute("state")),
        ("attributes.state = 'Completed'", attribute("state")),
        ("run.run_id = 'x'", attribute("run_id")),
        ("`Run Name` = 'x'", attribute("display_name")),
        ("attr.user_id = 'x'", attribute("created_by")),
        ("tag.mlflow.runName = 'x'", attribute("display_name")),
        ("tag.mlflow.parentRunId = 'x'", attribute("parent_run_id")),
        ("start_time > 1", attribute("started_at")),
        ("experiment = 'x'", attribute("experiment")),
        ("duration > 60", attribute("duration")),
    ],
)
def test_fields_have_the_names_of_both_faces(text: str, field: Field):
    assert only(text).field == field


@pytest.mark.parametrize(
    ("text", "operator", "values"),
    [
        ("metric.a = 1", Operator.EQUAL, (1.0,)),
        ("metric.a!=-1.5e-3", Operator.NOT_EQUAL, (-0.0015,)),
        ("metric.a>=.5", Operator.AT_LEAST, (0.5,)),
        ("metric.a<=+2", Operator.AT_MOST, (2.0,)),
        ("metric.a IN (1, 2)", Operator.IN, (1.0, 2.0)),
        ("metric.a IS NULL", Operator.IS_NULL, ()),
        ("tag.a is not null", Operator.IS_NOT_NULL, ()),
        ("tag.a = 'it''s'", Operator.EQUAL, ("it's",)),
        ('tag.a = "say ""hi"""', Operator.EQUAL, ('say "hi"',)),
        ("tag.a = '\\'", Operator.EQUAL, ("\\",)),
        ("tag.a = ''", Operator.EQUAL, ("",)),
        ("tag.a like '%x_'", Operator.LIKE, ("%x_",)),
        ("tag.a not ilike 'X%'", Operator.NOT_ILIKE, ("X%",)),
        ("run_id NOT IN ('a','b')", Operator.NOT_IN, ("a", "b")),
        ("created >= 1700000000000", Operator.AT_LEAST, (Span(1700000000000000, 1700000000001000),)),
        ("created < '1970-01-01T00:00:01Z'", Operator.LESS, (Span(1000000, 1000001),)),
        ("created < '1970-01-01 01:00:00+01:00'", Operator.LESS, (Span(0, 1),)),
        ("created < '1970-01-02'", Operator.LESS, (Span(86400000000, 86400000001),)),
    ],
)
def test_operators_and_values(text: str, operator: Operator, values: tuple[object, ...]):
    found = only(text)
    assert (found.operator, found.values) == (operator, values)


def test_and_binds_closer_than_or_and_not_closest():
    assert placeless("NOT tag.a = '1' AND tag.b = '2' OR tag.c = '3'") == placeless(
        "((NOT (tag.a = '1')) AND tag.b = '2') OR (tag.c = '3')"
    )
    found = parse("metric.acc > 0.9 and (tag.a = '1' or not not tag.b = '2')")
    assert isinstance(found, And)
    assert found.parts[0] == HIGH
    assert isinstance(found.parts[1], Or)
    assert isinstance(found.parts[1].parts[1], Comparison)
    assert isinstance(parse("not (metric.acc > 0.9)"), Not)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("metric.acc >", 13, "expected a number for metric.acc, found the end"),
        ("metric.acc > '0.9'", 14, "expected a number for metric.acc, found \"'0.9'\""),
        ("tag.a = 5", 9, "expected a text in quotes for tag.a, found '5'"),
        ("tag.a > 'x'", 7, "tag.a is a text, and > compares numbers and times"),
        ("foo = 1", 1, "'foo' is no attribute"),
        ("foo.bar = 1", 1, "'foo.bar' begins with no kind of field"),
        ("dataset.colour = 'x'", 1, "'dataset.colour' is no field"),
        ("metric. > 1", 1, "a key of 1 to 1000 characters"),
        ("(tag.a = 'x'", 13, "expected AND, OR or ')', found the end"),
        ("tag.a = 'x')", 12, "expected AND, OR or the end, found ')'"),
        ("tag.a = 'x' tag.b = 'y'", 13, "expected AND, OR or the end, found 'tag.b'"),
        ("tag.a = 'x' AND", 16, "expected the name of a field, found the end"),
        ("tag.a = 'x' AND OR", 17, "expected the name of a field, found 'OR'"),
        ("tag.a == 'x'", 8, "expected a text in quotes"),
        ("tag.a = 'x", 9, "the quote ' is not closed"),
        ("tag.a ~ 'x'", 7, "the character '~' has no meaning here"),
        ("tag.a = 'x'; DROP TABLE run", 12, "the character ';' has no meaning here"),
        ("tag.a IS 'x'", 10, "expected NULL or NOT NULL"),
        ("tag.a NOT 'x'", 11, "expected IN, LIKE or ILIKE"),
        ("tag.a IN ()", 11, "expected a text in quotes"),
        ("tag.a IN ('x' 'y')", 15, "expected ',' or ')'"),
        ("tag.a LIKE x", 12, "expected a pattern in quotes"),
        ("metric.a LIKE '1%'", 15, "metric.a is no text"),
        ("status = 'Wobbling'", 10, "\"'Wobbling'\" is no state"),
        ("created = 'yesterday'", 11, "expected a time"),
        ("created IN (1)", 12, "times are not compared with IN"),
        ("tag.a = 'a\0'", 11, "no text holds the character NUL"),
        ("tag.a = '\ud800'", 10, "half of a surrogate pair"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place_and_what_was_expected(text: str, place: int, words: str):
    with pytest.raises(InvalidInput) as refused:
        parse(text)
    assert refused.value.message.startswith(f"The filter cannot be read at position {place}: ")
    assert words in refused.value.message


DEEPEST = "(" * DEPTH_LIMIT + "metric.a = 1" + ")" * DEPTH_LIMIT
LONGEST = " AND ".join(["metric.a = 1"] * COMPARISON_LIMIT)
WIDEST = f"metric.a IN ({', '.join(['1'] * LIST_LIMIT)})"


@pytest.mark.parametrize("text", [DEEPEST, LONGEST, WIDEST, "NOT " * 20_000 + "metric.a = 1"])
def test_limits_can_be_reached(text: str):
    parse(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a" * 1_000_000, f"it may have {TEXT_LIMIT}"),
        ("(" + DEEPEST + ")", "deep"),
        ("(" * 10_000, "deep"),
        (LONGEST + " AND metric.a = 1", "comparisons"),
        ("metric.a = 1 OR " * 5_000, "comparisons"),
        (WIDEST[:-1] + ", 1)", "values"),
        (f"tag.a LIKE '{'%a' * 5_000}'", "characters"),
        (f"tag.{'k' * 5_000} = 'x'", "key"),
        ("'" * 99_999, "not closed"),
        ("`" * 99_999, "not closed"),
        ("metric.a = " + "9" * 90_000 + "x", "expected a number"),
    ],
)
def test_hostile_texts_are_refused_soon(text: str, words: str):
    begin = time.process_time()
    with pytest.raises(InvalidInput, match=words):
        parse(text)
    assert time.process_time() - begin < 1


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str):
    try:
        parse(text)
    except InvalidInput as error:
        assert error.message  # noqa: PT017  # either outcome is right


FRAGMENTS = [
    "metric.a", "tag.`x y`", "status", "created", "(", ")", "AND", "or", "Not", "IN", "IS", "NULL", "LIKE", "=", "<=",
    "1", "'x'", '"x"', "'%'", ",", "5e", "--", "'2026-01-01'", "param.",
]  # fmt: skip


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=30).map(" ".join))
def test_any_sequence_of_tokens_is_read_or_refused(text: str):
    try:
        parse(text)
    except InvalidInput as error:
        assert error.message  # noqa: PT017  # either outcome is right


def test_order_terms():
    assert parse_order(["metric.acc DESC", "`start time` asc", "tag.`a b`"]) == [
        OrderTerm(ACC, descending=True),
        OrderTerm(attribute("started_at"), descending=False),
        OrderTerm(Field(Entity.TAG, "a b", Kind.TEXT), descending=False),
    ]
    assert parse_order(["metric.acc DESC", "status", "metric.acc"]) == [
        OrderTerm(ACC, descending=True),
        OrderTerm(attribute("state"), descending=False),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("metric.acc DOWN", "position 12: expected ASC, DESC or the end, found 'DOWN'"),
        ("metric.acc, tag.a", "position 11: expected ASC, DESC or the end, found ','"),
        ("", "position 1: expected the name of a field, found the end"),
        ("metric.acc DESC; DROP TABLE run", "position 16: the character ';'"),
    ],
)
def test_orders_that_cannot_be_read(text: str, words: str):
    with pytest.raises(InvalidInput, match=re.escape(words)):
        parse_order([text])


def test_an_order_has_only_so_many_terms():
    with pytest.raises(InvalidInput, match="at most"):
        parse_order(["metric.a"] * (ORDER_LIMIT + 1))
