"""What log calls take, and the shapes in which get_metrics gives it back."""

import math
from typing import Any, List

import numpy as np
import pytest

from terrazul.core.errors import InvalidInput, TerrazulError
from terrazul.sdk import metric
from terrazul.wire.metric import MetricHistory, MetricKind, from_json_value


def history(kind: MetricKind, *values: Any) -> MetricHistory:
    recorded = [metric.checked(kind, "m", value) for value in values]
    return MetricHistory("r", "m", kind, recorded, [None] * len(recorded), [0] * len(recorded))


def test_step_is_a_whole_number():
    assert [metric.step("m", number) for number in (None, 3, np.int64(4), 5.9)] == [None, 3, 4, 5]
    with pytest.raises(InvalidInput, match="The step of the metric 'm' is 'a'"):
        metric.step("m", "a")


@pytest.mark.parametrize("value", [1, 0.5, "text", True, None, 2**80, -math.inf, np.str_("t"), np.float64(0.25)])
def test_scalar_comes_back_as_it_went(value: Any):
    found = metric.read_back(history(MetricKind.SCALAR, value))
    assert found == value
    assert type(found) in {int, float, str, bool, type(None)}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(5), 5),
        (np.int8(-5), -5),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.float16(0.5), 0.5),
        (np.longdouble(0.5), 0.5),
        (np.bool_(True), True),
        (np.array(3), 3),
    ],
)
def test_scalar_of_numpy_is_a_number(value: Any, expected: Any):
    found = metric.read_back(history(MetricKind.SCALAR, value))
    assert found == expected
    assert type(found) is type(expected)


def test_not_a_number_travels():
    assert math.isnan(from_json_value(metric.scalar("m", math.nan)))


def test_other_objects_are_kept_as_their_repr_with_a_warning(caplog: pytest.LogCaptureFixture):
    assert metric.scalar("other object", [1, 2]) == "[1, 2]"
    assert metric.scalar("other object", [1, 2]) == "[1, 2]"
    assert [record.message for record in caplog.records] == [
        "The metric 'other object' was given list, which is no number or text; its repr is recorded."
    ]


@pytest.mark.parametrize(
    ("kind", "calls", "expected"),
    [
        (MetricKind.SCALAR, [1], 1),
        (MetricKind.SCALAR, [1, "a", None], [1, "a", None]),
        (MetricKind.LIST, [[1, 2], [3]], [1, 2, 3]),
        (MetricKind.LIST, [[7]], 7),
        (MetricKind.LIST, [(1, 2)], [1, 2]),
        (MetricKind.LIST, [np.arange(3)], [0, 1, 2]),
        (MetricKind.ROW, [{"a": 1, "b": 2}], {"a": 1, "b": 2}),
        (MetricKind.ROW, [{"a": 1, "b": 2}, {"a": 3, "b": 4}], {"a": [1, 3], "b": [2, 4]}),
        (MetricKind.ROW, [{"a": 1}, {"b": 2}], {"a": [1, None], "b": [None, 2]}),
        (MetricKind.TABLE, [{"a": [1, 2]}], {"a": [1, 2]}),
        (MetricKind.TABLE, [{"a": [1]}, {"a": [2], "b": [3]}], {"a": [1, 2], "b": [None, 3]}),
        (MetricKind.TABLE, [{"a": np.array([1.5, 2.5])}], {"a": [1.5, 2.5]}),
    ],
)
def test_shapes_are_those_of_v1(kind: MetricKind, calls: List[Any], expected: Any):
    assert metric.read_back(history(kind, *calls)) == expected


@pytest.mark.parametrize("value", [5, "text", {"a": 1}, None])
def test_list_metric_wants_a_list(value: Any):
    with pytest.raises(InvalidInput, match="'m' was given"):
        metric.checked(MetricKind.LIST, "m", value)


def test_table_with_unequal_columns_is_refused_at_the_client():
    with pytest.raises(TerrazulError, match=r"different lengths: \{'a': 1, 'b': 2\}"):
        metric.checked(MetricKind.TABLE, "m", {"a": [1], "b": [2, 3]})


DOCUMENT = {
    "schema_type": "confusion_matrix",
    "schema_version": "1.0.0",
    "data": {"class_labels": ["0"], "matrix": [[1]]},
}


@pytest.mark.parametrize("given", [DOCUMENT, __import__("json").dumps(DOCUMENT)])
def test_document_is_taken_as_dictionary_or_text(given: Any):
    assert metric.document("m", MetricKind.CONFUSION_MATRIX, given) == DOCUMENT


@pytest.mark.parametrize("given", [{}, "no json", {**DOCUMENT, "schema_type": "residuals"}, 5])
def test_other_documents_are_refused(given: Any):
    with pytest.raises(InvalidInput, match="confusion_matrix metric 'm'"):
        metric.document("m", MetricKind.CONFUSION_MATRIX, given)
