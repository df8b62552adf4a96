"""Searching runs over HTTP."""

import json
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from terrazul.testing.server import Refused, RunningServer

pytestmark = pytest.mark.each_database

RUNS = [
    {"run_id": f"run_{number}", "experiment_name": "odd" if number % 2 else "even", "time": 1_000 + number,
     "tags": {"team": "ab"[number % 2], "number": str(number)}, "display_name": f"Run {number}"}
    for number in range(20)
]  # fmt: skip
CHILD = {"run_id": "child", "experiment_name": "even", "time": 5_000, "parent_run_id": "run_0", "tags": {"team": "c"}}
POINTS = [
    {"run_id": f"run_{number}", "name": "acc", "value": value, "time": 2}
    for number in range(20)
    for value in (0, number / 20)
]
TEXT = {"run_id": "run_3", "name": "verdict", "value": "good", "time": 2}
TABLE = {"run_id": "run_3", "name": "table", "kind": "table", "value": {"x": [1, 2]}, "time": 2}


@pytest.fixture(scope="module")
def workspace(shared_server: RunningServer) -> Iterator[str]:
    """A workspace with runs, beside another one with runs of the same names."""
    for name in ("elsewhere", "here"):
        path = shared_server.workspace(name)
        batch = {"writer": name, "sequence": 1, "runs": [*RUNS, CHILD], "metrics": [*POINTS, TEXT, TABLE]}
        assert shared_server.call("POST", f"{path}/writes", batch)["refusals"] == []
    return path


def found(server: RunningServer, workspace: str, text: str = "", *order: str, **more: object) -> list[str]:
    """The ids that both forms of the search find."""
    body = {"filter": text, "order_by": order, **more}
    page = server.call("POST", f"{workspace}/runs/search", body)
    query = urlencode({**body, "include_children": "true", "limit": page.get("limit", 100)}, doseq=True)
    assert server.call("GET", f"{workspace}/runs?{query}")["runs"] == page["runs"]
    return [run["run_id"] for run in page["runs"]]


def test_filter_and_order(shared_server: RunningServer, workspace: str):
    assert found(shared_server, workspace, "metric.acc >= 0.8", "metric.acc DESC") == [
        "run_19", "run_18", "run_17", "run_16",
    ]  # fmt: skip
    assert found(shared_server, workspace, "metric.acc < 0.2 AND (tag.team = 'a' OR NOT experiment = 'odd')") == [
        "run_2", "run_0",
    ]  # fmt: skip
    assert found(shared_server, workspace, "metric.acc IS NULL") == ["child"]
    assert found(shared_server, workspace, "parent_run_id = 'run_0'") == ["child"]
    assert found(shared_server, workspace, "metric_max.acc > 0.9") == ["run_19"]
    assert found(shared_server, workspace, "run_name LIKE 'Run 1_' AND tag.number = '11'") == ["run_11"]


def test_lists_hold_children_only_where_they_are_asked_for(shared_server: RunningServer, workspace: str):
    query = urlencode({"filter": "experiment = 'even'", "limit": 2})
    runs = shared_server.call("GET", f"{workspace}/runs?{query}")["runs"]
    assert [run["run_id"] for run in runs] == ["run_18", "run_16"]
    body = {"filter": "experiment = 'even'", "limit": 2, "include_children": False}
    assert shared_server.call("POST", f"{workspace}/runs/search", body)["runs"] == runs
    body = {"experiment_names": ["even", "none"], "limit": 1}
    assert shared_server.call("POST", f"{workspace}/runs/search", body)["runs"][0]["run_id"] == "child"
    assert shared_server.call("POST", f"{workspace}/runs/search", {"experiment_names": []})["runs"] == []


def test_metrics_and_the_number_of_runs_come_where_they_are_asked_for(shared_server: RunningServer, workspace: str):
    body = {"filter": "run_id = 'run_3'"}
    plain = shared_server.call("POST", f"{workspace}/runs/search", body)
    assert plain["total"] is None
    assert plain["runs"][0]["metrics"] == []
    assert plain["runs"][0]["parameters"] == {}
    full = shared_server.call("POST", f"{workspace}/runs/search", {**body, "include": ["metrics", "total"]})
    assert full["total"] == 1
    assert full["runs"][0]["metrics"] == [
        {"name": "acc", "kind": "scalar", "count": 2, "last": 0.15, "minimum": 0.0, "maximum": 0.15},
        {"name": "table", "kind": "table", "count": 1, "last": None, "minimum": None, "maximum": None},
        {"name": "verdict", "kind": "scalar", "count": 1, "last": "good", "minimum": None, "maximum": None},
    ]
    assert shared_server.call("POST", f"{workspace}/runs/search", {"include": ["total"], "limit": 1})["total"] == 21


def test_pages_of_a_sorted_search_stay_put_while_runs_arrive(server: RunningServer):
    workspace = server.workspace()
    server.call("POST", f"{workspace}/writes", {"writer": "w", "sequence": 1, "runs": RUNS, "metrics": POINTS})
    pages, page = [], None
    for sequence in range(2, 12):
        body = {"order_by": ["metric.acc DESC"], "limit": 3, "page": page}
        answer = server.call("POST", f"{workspace}/runs/search", body)
        pages += [run["run_id"] for run in answer["runs"]]
        page = answer["next_page"]
        if page is None:
            break
        run = {"run_id": f"late_{sequence}", "experiment_name": "odd", "time": 9_000 + sequence}
        best = {"run_id": run["run_id"], "name": "acc", "value": 2, "time": 2}
        batch = {"writer": "w", "sequence": sequence, "runs": [run], "metrics": [best]}
        assert server.call("POST", f"{workspace}/writes", batch)["applied"]
    assert pages == [f"run_{number}" for number in reversed(range(20))]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"filter": "metric.acc >"}, "position 13: expected a number for metric.acc, found the end"),
        ({"filter": "(" * 10_000}, "position 51: parentheses may stand 50 deep"),
        ({"filter": "a" * 1_000_000}, "1000000 characters"),
        ({"filter": "'" + "%" * 50_000}, "not closed"),
        ({"order_by": ["metric.acc; DROP TABLE run"]}, "position 11: the character ';'"),
        ({"order_by": ["dataset.name"]}, "cannot be sorted"),
        ({"order_by": ["metric.a"] * 20}, "at most 10 terms"),
        ({"page": "AAAA"}, "page mark"),
        ({"page": "é"}, "page mark"),
        ({"limit": 0}, "1 to 1000"),
        ({"limit": 1001}, "1 to 1000"),
        ({"include": ["everything"]}, "everything"),
        ({"experiment_names": ["x"] * 2000}, "1000 experiments"),
    ],
)
def test_what_cannot_be_searched_is_told(
    shared_server: RunningServer, workspace: str, body: dict[str, object], words: str
):
    with pytest.raises(Refused) as refused:
        shared_server.call("POST", f"{workspace}/runs/search", body)
    assert refused.value.status == 400
    assert words in json.dumps(refused.value.body)
