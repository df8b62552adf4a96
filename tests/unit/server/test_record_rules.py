"""What must hold of what runs record, and of what they are told to execute."""

from dataclasses import replace
from typing import Any

import pytest

from terrazul.core.clock import check_time, from_text, to_text
from terrazul.core.errors import InvalidInput, RunConfigurationException
from terrazul.server.run.rules import check_definition, check_point
from terrazul.wire.environment import EnvironmentDefinition
from terrazul.wire.metric import MetricPoint, to_json_value
from terrazul.wire.run_configuration import RunDefinition

DEFINITION = RunDefinition(script="train.py")


def point(value: Any = 1, **more: Any) -> MetricPoint:
    return MetricPoint(**{"run_id": "r", "name": "m", "time": 1, "value": value, **more})


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize("moment", [0, 1, from_text("2026-11-23T00:00:00Z"), from_text("9999-12-31T23:59:59.999999Z")])
def test_time_that_can_be_written_is_one(moment: int):
    assert from_text(to_text(check_time(moment))) == moment


@pytest.mark.parametrize("moment", [-1, 253_402_300_800_000_000, 2**63, -(2**70)])
def test_time_that_cannot_be_written_is_refused(moment: int):
    with pytest.raises(InvalidInput, match="between 1970 and 9999"):
        check_time(moment)


@pytest.mark.parametrize(
    "value",
    [1, None, True, "text", 2**64, 10**3000, float("inf"), float("nan"), -(10**3000), [1, [2]], {"a": {"b": [1]}},
     nested(100), {"$number": 1, "other": 2}],
    ids=lambda value: repr(value)[:20],
)  # fmt: skip
def test_value_that_comes_back_as_it_was_is_taken(value: Any):
    check_point(point(to_json_value(value)))


@pytest.mark.parametrize(
    "value",
    [{"$number": "many"}, {"$number": 1}, {"$number": ""}, {"$number": "1 "}, {"$number": "1_0"}, {"$number": "１"},
     {"$number": "nan"}, {"$number": "1" * 5000}, [[{"$number": []}]], nested(101)],
    ids=lambda value: repr(value)[:20],
)  # fmt: skip
def test_value_that_would_not_come_back_is_refused(value: Any):
    with pytest.raises(InvalidInput):
        check_point(point(value))


@pytest.mark.parametrize(
    "more", [{"name": ""}, {"name": "x" * 256}, {"step": 2**63}, {"step": -(2**63) - 1}, {"time": -1}]
)
def test_point_out_of_bounds_is_refused(more: dict[str, Any]):
    with pytest.raises(InvalidInput):
        check_point(point(**more))


def test_definition_of_a_process_is_taken():
    check_definition(DEFINITION)
    variables = {"A": "", "-x": "=", "ü": "\n"}
    check_definition(replace(DEFINITION, arguments=["", "\n"], environment_variables=variables))
    check_definition(replace(DEFINITION, script="", command=["true"], max_run_duration_seconds=2_592_000))


@pytest.mark.parametrize(
    "change",
    [
        {"script": ""},
        {"command": ["true"]},
        {"node_count": 0},
        {"max_run_duration_seconds": 0},
        {"arguments": ["a\0"]},
        {"environment_variables": {"A": "\0"}},
        {"environment_variables": {"": "x"}},
        {"environment": EnvironmentDefinition(environment_variables={"A=B": "x"})},
        {"environment": EnvironmentDefinition(interpreter_path="\0")},
    ],
    ids=str,
)
def test_definition_that_no_process_can_have_is_refused(change: dict[str, Any]):
    with pytest.raises(RunConfigurationException):
        check_definition(replace(DEFINITION, **change))
