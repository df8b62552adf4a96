"""A run at a glance, as text and as HTML."""

from typing import Any

import pytest

from terrazul.sdk.run_view import RunView, series_of
from terrazul.wire.run import RunState


def view(**changes: Any) -> RunView:
    facts: dict[str, Any] = {
        "run_id": "diabetes_1_abcd",
        "experiment": "diabetes",
        "state": RunState.COMPLETED,
        "address": "http://127.0.0.1:8000/runs/diabetes_1_abcd",
        "details": {"startTimeUtc": "2026-11-23T11:00:00.000000Z", "endTimeUtc": "2026-11-23T11:00:01.500000Z"},
        "metrics": {"loss": [3, 2.5, 1.0], "alpha": 0.5, "row": {"a": [1, 2], "b": "x"}},
        "files": ["outputs/model.txt"],
        "log": "epoch 1\n",
    }
    return RunView(**{**facts, **changes})


def test_text_tells_facts_metrics_files_and_the_address_a_line_each():
    assert view().as_text().splitlines() == [
        "Run           diabetes_1_abcd",
        "Experiment    diabetes",
        "State         Completed",
        "Started       2026-11-23T11:00:00.000000Z",
        "Duration      1.5 s",
        "Page          http://127.0.0.1:8000/runs/diabetes_1_abcd",
        "Metric loss   1.0 (last of 3)",
        "Metric alpha  0.5",
        "Metric row    a: 2 (last of 2), b: x",
        "Files         outputs/model.txt",
    ]


def test_run_that_has_not_started_is_shown_without_what_is_not_known():
    text = view(state=RunState.QUEUED, details={}, metrics={}, files=[], log="").as_text()
    assert [line.split()[0] for line in text.splitlines()] == ["Run", "Experiment", "State", "Page"]


def test_failed_run_tells_its_error():
    details = {"error": {"error": {"message": "No module named 'x'"}}}
    assert "Error         No module named 'x'" in view(state=RunState.FAILED, details=details).as_text()


def test_many_files_are_counted():
    text = view(files=[f"outputs/{number:02}" for number in range(25)]).as_text()
    assert "outputs/19, and 5 more" in text
    assert "outputs/20" not in text


def test_page_escapes_what_the_run_wrote():
    hostile = "<script>alert(1)</script>"
    page = view(log=hostile, files=[hostile], metrics={hostile: hostile}, experiment=hostile, run_id=hostile).as_html()
    assert "<script>" not in page
    assert page.count("&lt;script&gt;") == 6


def test_page_draws_metrics_with_several_numbers():
    page = view(metrics={"loss": [0, 1], "constant": [2, 2], "last": [1.0, float("nan"), float("inf"), 3]}).as_html()
    assert 'points="0.0,24.0 160.0,0.0"' in page
    assert 'points="0.0,24.0 160.0,24.0"' in page
    assert page.count("<polyline") == 3
    assert "nan," not in page
    assert "inf," not in page
    assert "<polyline" not in view(metrics={"text": ["a", "b"], "one": 1, "all": [float("nan")] * 2}).as_html()


@pytest.mark.parametrize(
    ("value", "series"), [([1, 2.5], [1, 2.5]), ([1], []), ([1, "a"], []), ([True, False], []), (3, []), ([], [])]
)
def test_series_are_lists_of_several_numbers(value: object, series: list[float]):
    assert series_of(value) == series
