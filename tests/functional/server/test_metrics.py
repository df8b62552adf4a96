"""Reading histories of metrics over HTTP: whole, and thinned for drawing."""

import pytest

from terrazul.testing.server import Refused, RunningServer

COUNT = 3000


@pytest.fixture(scope="module")
def run(shared_server: RunningServer) -> str:
    """The address of a run with a long series that has two spikes, and a table."""
    workspace = shared_server.workspace("histories")
    values: list[object] = [0.5] * COUNT
    values[1234], values[2345], values[7] = 9.0, -3.0, {"$number": "Infinity"}
    points = [
        {"run_id": "long", "name": "loss", "value": value, "time": at, "step": at} for at, value in enumerate(values)
    ]
    rows = [{"run_id": "long", "name": "rows", "kind": "row", "value": {"a": at}, "time": at} for at in range(20)]
    batch = {
        "writer": "h", "sequence": 1, "metrics": [*points, *rows],
        "runs": [{"run_id": "long", "experiment_name": "e", "time": 1}],
    }  # fmt: skip
    assert shared_server.call("POST", f"{workspace}/writes", batch)["refusals"] == []
    return f"{workspace}/runs/long"


def test_all_points_come_where_no_number_is_given(shared_server: RunningServer, run: str):
    (metrics,) = shared_server.call("GET", f"{run}/metrics")
    loss, rows = metrics["metrics"]
    assert loss["steps"] == loss["times"] == list(range(COUNT))
    assert [loss["values"][at] for at in (0, 7, 1234, 2345)] == [0.5, {"$number": "Infinity"}, 9.0, -3.0]
    assert rows["values"] == [{"a": at} for at in range(20)]


def test_a_thinned_history_keeps_ends_and_extremes(shared_server: RunningServer, run: str):
    (metrics,) = shared_server.call("GET", f"{run}/metrics?points=10")
    loss, rows = metrics["metrics"]
    assert len(loss["steps"]) == len(loss["times"]) == len(loss["values"]) <= 10
    assert {0, 7, 1234, 2345, COUNT - 1} <= set(loss["steps"])
    assert loss["steps"] == sorted(loss["steps"])
    assert len(rows["values"]) == 20  # what is no scalar is whole
    (whole,) = shared_server.call("GET", f"{run}/metrics?name=loss&points={COUNT}")
    assert len(whole["metrics"][0]["values"]) == COUNT


@pytest.mark.parametrize("points", ["3", "0", "-1", "100001", "many"])
def test_a_number_of_points_that_cannot_be_is_refused(shared_server: RunningServer, run: str, points: str):
    with pytest.raises(Refused) as refused:
        shared_server.call("GET", f"{run}/metrics?points={points}")
    assert refused.value.status == 400
