"""What writers record: once, in order, and there after a kill."""

import secrets

import pytest

from terrazul.testing.server import Refused, RunningServer

pytestmark = pytest.mark.each_database


def batch(sequence: int, writer: str = "writer", **lists: object) -> dict[str, object]:
    return {"writer": writer, "sequence": sequence, **lists}


def new_run(run_id: str, **more: object) -> dict[str, object]:
    return {"run_id": run_id, "experiment_name": "diabetes", "time": 1, **more}


def point(run_id: str, name: str, value: object, **more: object) -> dict[str, object]:
    return {"run_id": run_id, "name": name, "value": value, "time": 2, **more}


def test_batch_sent_again_counts_once(server: RunningServer):
    workspace = server.workspace()
    first = batch(1, runs=[new_run("a")], metrics=[point("a", "loss", 0.5)])
    assert server.call("POST", f"{workspace}/writes", first)["applied"]
    assert not server.call("POST", f"{workspace}/writes", first)["applied"]
    metrics = server.call("GET", f"{workspace}/runs/a/metrics")
    assert metrics[0]["metrics"][0]["values"] == [0.5]


def test_missing_batch_is_asked_for(server: RunningServer):
    with pytest.raises(Refused) as refused:
        server.call("POST", f"{server.workspace()}/writes", batch(2))
    assert refused.value.status == 409
    assert "1 to 1" in refused.value.body["message"]


def test_refused_entry_does_not_hold_up_the_others(server: RunningServer):
    workspace = server.workspace()
    lists = {
        "runs": [new_run("a"), new_run("a"), new_run("../b")],
        "changes": [
            {"run_id": "a", "add_properties": {"p": "1"}},
            {"run_id": "a", "add_properties": {"p": "2"}, "set_tags": {"t": "lost"}},
            {"run_id": "a", "set_tags": {"t": "kept"}},
        ],
        "metrics": [point("a", "m", 1), point("nobody", "m", 1), point("a", "n", 2)],
        "artifacts": [{"run_id": "a", "path": "x", "digest": "0" * 64, "size": 1, "time": 1}],
    }
    answer = server.call("POST", f"{workspace}/writes", batch(1, **lists))
    refused = [(each["kind"], each["index"], each["code"]) for each in answer["refusals"]]
    assert refused == [
        ("runs", 1, "already_exists"),
        ("runs", 2, "invalid_input"),
        ("changes", 1, "already_exists"),
        ("metrics", 1, "not_found"),
        ("artifacts", 0, "not_found"),
    ]
    run = server.call("GET", f"{workspace}/runs/a")
    assert run["properties"] == {"p": "1"}
    assert run["tags"] == {"t": "kept"}
    names = [metric["name"] for metric in server.call("GET", f"{workspace}/runs/a/metrics")[0]["metrics"]]
    assert names == ["m", "n"]
    again = server.call("POST", f"{workspace}/writes", batch(1, **lists))
    assert again["refusals"] == answer["refusals"]


VALUES = [
    1, -1.5, 0.1, True, None, "text", 2**53 + 1, 1e308, [1, 2.5, "x", None], {"a": 1, "b": [1, 2]},
    {"$number": "NaN"}, {"$number": "-Infinity"}, {"$number": "123456789012345678901234567890"}, [{"$number": "NaN"}],
]  # fmt: skip


def test_every_value_comes_back_as_it_was(server: RunningServer):
    workspace = server.workspace()
    points = [point("a", "m", value, step=step) for step, value in enumerate(VALUES)]
    server.call("POST", f"{workspace}/writes", batch(1, runs=[new_run("a")], metrics=points))
    metric = server.call("GET", f"{workspace}/runs/a/metrics")[0]["metrics"][0]
    assert metric["values"] == VALUES
    assert [type(value) for value in metric["values"]] == [type(value) for value in VALUES]
    assert metric["steps"] == list(range(len(VALUES)))


def test_acknowledged_writes_survive_a_kill(server: RunningServer):
    workspace = server.workspace()
    server.call("POST", f"{workspace}/writes", batch(1, runs=[new_run("a")]))
    for sequence in range(2, 30):
        server.call("POST", f"{workspace}/writes", batch(sequence, metrics=[point("a", "m", sequence)]))
        if sequence % 9 == 0:
            server.kill()
            server.start()
    metric = server.call("GET", f"{workspace}/runs/a/metrics")[0]["metrics"][0]
    assert metric["values"] == list(range(2, 30))


def test_run_listing_pages_stay_put_while_runs_arrive(server: RunningServer):
    workspace = server.workspace()
    runs = [new_run(f"r{number:02}", time=number) for number in range(10)]
    server.call("POST", f"{workspace}/writes", batch(1, runs=runs))
    first = server.call("GET", f"{workspace}/runs?limit=4&include=total")
    assert first["total"] == 10
    server.call("POST", f"{workspace}/writes", batch(2, runs=[new_run("later", time=99)]))
    second = server.call("GET", f"{workspace}/runs?limit=4&page={first['next_page']}")
    third = server.call("GET", f"{workspace}/runs?limit=4&page={second['next_page']}")
    found = [run["run_id"] for page in (first, second, third) for run in page["runs"]]
    assert found == [f"r{number:02}" for number in reversed(range(10))]
    assert third["next_page"] is None


def test_run_filters(server: RunningServer):
    workspace = server.workspace()
    runs = [
        new_run("top", tags={"colour": "blue"}, type="hyperdrive"),
        new_run("child", parent_run_id="top", properties={"p": "1"}),
        new_run("grandchild", parent_run_id="child"),
        new_run("other", experiment_name="else", tags={"colour": "red"}),
    ]
    server.call("POST", f"{workspace}/writes", batch(1, runs=runs))

    def found(query: str) -> set[str]:
        return {run["run_id"] for run in server.call("GET", f"{workspace}/runs?{query}")["runs"]}

    assert found("") == {"top", "other"}
    assert found("include_children=true") == {"top", "child", "grandchild", "other"}
    assert found("experiment_name=diabetes") == {"top"}
    assert found("parent_run_id=top") == {"child"}
    assert found("root_run_id=top") == {"child", "grandchild"}
    assert found("tag=colour") == {"top", "other"}
    assert found("tag=colour%3Dred") == {"other"}
    assert found("type=hyperdrive") == {"top"}
    assert found("property=p%3D1&include_children=true") == {"child"}
    assert found("state=Completed") == set()


def test_large_batches_and_odd_names(server: RunningServer):
    workspace = server.workspace()
    name = "a/ü 'quoted\" %_" + secrets.token_hex(4)
    points = [point("a", name, number) for number in range(5000)]
    server.call("POST", f"{workspace}/writes", batch(1, runs=[new_run("a")], metrics=points))
    metric = server.call("GET", f"{workspace}/runs/a/metrics")[0]["metrics"][0]
    assert metric["name"] == name
    assert metric["values"] == list(range(5000))
