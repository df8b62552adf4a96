"""Clusters: nodes come when runs wait, go when nobody needs them, and each executes one run at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from terrazul.testing.postgresql import PostgresqlCluster
from terrazul.testing.server import Refused, RunningServer
from terrazul.testing.submission import TERMINAL, SubmittedRun, Submitter, wait_for

HOLD = "import pathlib, time\nwhile not pathlib.Path({!r}).exists(): time.sleep(0.05)"
NAME = "cpu-cluster"


@pytest.fixture
def submit(shared_server: RunningServer, request: pytest.FixtureRequest) -> Iterator[Submitter]:
    """Submits into a workspace of the test's own."""
    submitter = Submitter(shared_server, shared_server.workspace(f"w{abs(hash(request.node.name))}"[:30]))
    yield submitter
    for run in submitter.runs:
        run.cancel()
    for run in submitter.runs:
        wait_for(lambda run=run: run.state in TERMINAL)


def make(submit: Submitter, name: str = NAME, **settings: Any) -> Any:
    return submit.server.call("POST", f"{submit.workspace}/computes", {"name": name, "settings": settings})


def about(submit: Submitter, name: str = NAME) -> Any:
    return submit.server.call("GET", f"{submit.workspace}/computes/{name}")


def counts(submit: Submitter, name: str = NAME) -> dict[str, int]:
    """How many nodes are in which state, without those that none is in."""
    return {state: count for state, count in about(submit, name)["nodes"].items() if count}


def nodes(submit: Submitter, name: str = NAME) -> list[Any]:
    return list(submit.server.call("GET", f"{submit.workspace}/computes/{name}/nodes"))


def scalings(submit: Submitter, name: str = NAME) -> list[str]:
    """What the activity log tells of the server's decisions, the oldest first."""
    path = f"{submit.workspace}/activity?object_type=compute_target&object_id={name}"
    lines = submit.server.call("GET", path)["lines"]
    return [each["reason"] for each in reversed(lines) if each["kind"] == "server" and each["reason"]]


def held(submit: Submitter, mark: Path, target: str = NAME) -> SubmittedRun:
    """A run that goes on until there is a file."""
    return submit(HOLD.format(str(mark)), target=target)


def test_cluster_grows_from_nothing_runs_one_run_on_each_node_and_shrinks_to_nothing(submit: Submitter, tmp_path: Path):
    make(submit, max_nodes=2, idle_seconds_before_scaledown=1)
    assert counts(submit) == {}
    mark = tmp_path / "go"
    first, second, third, fourth = (held(submit, mark) for _ in range(4))
    wait_for(lambda: counts(submit) == {"running": 2})
    assert {each["run_id"] for each in nodes(submit)} == {first.run_id, second.run_id}
    assert third.get()["queue_reason"] == "Waits for a node of 'cpu-cluster': 2 of 2 nodes are busy."
    expected = "Waits for a node of 'cpu-cluster': 2 of 2 nodes are busy; 1 run is before it."
    assert fourth.get()["queue_reason"] == expected
    assert about(submit)["waiting"] == 2
    mark.touch()
    assert {run.wait()["state"] for run in (first, second, third, fourth)} == {"Completed"}
    wait_for(lambda: not nodes(submit))
    told = scalings(submit)
    assert told[0] in {"From 0 to 1 node: a run waits for a node.", "From 0 to 2 nodes: runs wait for a node."}
    assert told[-1].endswith("to 0 nodes: idle for 1 s.")
    again = submit("print('again')", target=NAME)
    assert again.wait()["state"] == "Completed"


def test_full_cluster_holds_up_nobody_else(submit: Submitter, tmp_path: Path):
    make(submit, max_nodes=1)
    mark = tmp_path / "go"
    held(submit, mark)
    waits = held(submit, mark)
    wait_for(lambda: counts(submit) == {"running": 1})
    assert submit("print('here')").wait()["state"] == "Completed"
    assert waits.state == "Queued"
    mark.touch()
    assert waits.wait()["state"] == "Completed"


def test_nodes_share_the_places_of_the_machine_with_local_runs(tmp_path: Path):
    """``concurrency`` counts the runs of all targets: a cluster has more nodes, and says what a run waits for."""
    server = RunningServer(tmp_path / "home", "--concurrent-runs", "1")
    server.start()
    submit = Submitter(server, server.workspace("places"))
    try:
        make(submit, max_nodes=3, min_nodes=2)
        wait_for(lambda: counts(submit) == {"idle": 2})
        mark = tmp_path / "go"
        first = held(submit, mark, "local")
        wait_for(lambda: first.state == "Running")
        waits = held(submit, mark)
        reason = wait_for(lambda: waits.get()["queue_reason"])
        assert reason == "Waits for a place on the server's machine: 1 of 1 are taken."
        mark.touch()
        assert waits.wait()["state"] == "Completed"
    finally:
        submit.close()
        server.stop()


def test_cluster_keeps_its_smallest_number_and_follows_changes(submit: Submitter):
    made = make(submit, min_nodes=2, max_nodes=3, idle_seconds_before_scaledown=0)
    assert made["state"] == "Creating"
    wait_for(lambda: counts(submit) == {"idle": 2} and about(submit)["state"] == "Succeeded")
    submit.server.call("PATCH", f"{submit.workspace}/computes/{NAME}", {"settings": {"min_nodes": 3}})
    wait_for(lambda: counts(submit) == {"idle": 3})
    submit.server.call("PATCH", f"{submit.workspace}/computes/{NAME}", {"settings": {"min_nodes": 1, "max_nodes": 1}})
    wait_for(lambda: [each["number"] for each in nodes(submit)] == [1])
    assert about(submit)["settings"]["idle_seconds_before_scaledown"] == 0
    assert make(submit, min_nodes=1, max_nodes=1, idle_seconds_before_scaledown=0)["created_at"] == made["created_at"]


def test_target_that_executes_is_not_deleted_and_waiting_runs_fail_with_its_name(submit: Submitter, tmp_path: Path):
    server, path = submit.server, f"{submit.workspace}/computes/{NAME}"
    make(submit, max_nodes=1)
    mark = tmp_path / "go"
    first, second = held(submit, mark), held(submit, mark)
    wait_for(lambda: counts(submit) == {"running": 1})
    with pytest.raises(Refused) as refused:
        server.call("DELETE", path)
    assert refused.value.status == 409
    assert first.run_id in refused.value.body["message"]
    first.cancel()
    first.wait()
    second.cancel()
    second.wait()
    server.call("PUT", f"{submit.workspace}/quota", {"concurrent_runs": 1})
    holder = held(submit, mark, "local")
    wait_for(lambda: holder.state == "Running")
    third = held(submit, mark)
    server.call("DELETE", path)
    wait_for(lambda: third.state == "Failed")
    assert (
        third.get()["error"]["message"] == "The compute target 'cpu-cluster' was deleted while the run waited for it."
    )
    wait_for(lambda: server.ask("GET", path).status == 404)
    with pytest.raises(Refused) as refused:
        held(submit, mark)
    assert refused.value.body["code"] == "compute_target_not_found"
    assert "The targets are: local." in refused.value.body["hint"]


def test_cluster_on_demand_comes_with_its_run_and_goes_with_it(submit: Submitter):
    run = submit("print('alone')", target="amlcompute", sections={"amlcompute": {"vmSize": "STANDARD_D2_V2"}})
    name = run.get()["target"]
    assert name.startswith("od-")
    assert run.wait()["state"] == "Completed"
    wait_for(lambda: submit.server.call("GET", f"{submit.workspace}/computes") == [])
    with pytest.raises(Refused) as refused:
        submit("1", target="amlcompute", sections={"amlcompute": {"retainCluster": True}})
    assert "cannot be retained" in refused.value.body["message"]


def test_no_cluster_grows_beyond_the_quota_and_it_says_so(submit: Submitter, tmp_path: Path):
    server = submit.server
    server.call("PUT", f"{submit.workspace}/quota", {"compute_nodes": 1})
    make(submit, max_nodes=4)
    make(submit, "other", min_nodes=1)
    mark = tmp_path / "go"
    wait_for(lambda: counts(submit, "other") == {"idle": 1})
    waits = held(submit, mark)
    reason = wait_for(lambda: waits.get()["queue_reason"] if about(submit)["errors"] else "")
    assert reason == (
        "Waits for a node of 'cpu-cluster', which has 0 busy nodes. "
        "The workspace may have 1 compute nodes, and no more."
    )
    assert server.call("GET", f"{submit.workspace}/quota")["compute_nodes"] == 1
    server.call("PUT", f"{submit.workspace}/quota", {"compute_nodes": 2})
    mark.touch()
    assert waits.wait()["state"] == "Completed"
    assert about(submit)["errors"] == []


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("a", {}, "cannot be the name"),
        ("1abc", {}, "cannot be the name"),
        ("a" * 17, {}, "cannot be the name"),
        ("Local", {}, "a meaning of its own"),
        ("od-x", {}, "a meaning of its own"),
        ("good", {"max_nodes": 0}, "max_nodes is 0"),
        ("good", {"min_nodes": 3, "max_nodes": 2}, "more than max_nodes"),
        ("good", {"min_nodes": True}, "must be of type int"),
        ("good", {"nodes": 1}, "has no setting 'nodes'"),
        ("good", {"vm_priority": "cheap"}, "no priority"),
        ("good", {"idle_seconds_before_scaledown": -1}, "is -1"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(submit: Submitter, name: str, settings: Any, message: str):
    with pytest.raises(Refused) as refused:
        make(submit, name, **settings)
    assert refused.value.status == 400
    assert refused.value.body["code"] == "compute_target"
    assert message in refused.value.body["message"]


def test_name_is_unique_without_case_and_the_size_stays(submit: Submitter):
    made = make(submit, "Cpu", vm_size="STANDARD_D2_V2")
    assert make(submit, "cpu", vm_size="standard_d2_v2")["name"] == "Cpu"
    with pytest.raises(Refused) as refused:
        make(submit, "cpu", vm_size="STANDARD_NC6")
    assert refused.value.body["code"] == "compute_target_conflict"
    assert about(submit, "CPU")["created_at"] == made["created_at"]
    assert submit("print(1)", target="CPU").get()["target"] == "Cpu"


def test_workspace_with_a_cluster_is_deleted_whole(shared_server: RunningServer):
    submit = Submitter(shared_server, shared_server.workspace("goes"))
    make(submit, min_nodes=1)
    wait_for(lambda: counts(submit) == {"idle": 1})
    shared_server.call("DELETE", submit.workspace)
    assert shared_server.ask("GET", f"{submit.workspace}/computes").status == 404


def test_two_processes_give_each_run_its_nodes(tmp_path: Path, postgresql: PostgresqlCluster):
    server = RunningServer(tmp_path / "home", "--processes", "2", database=postgresql.make_database())
    server.start()
    submit = Submitter(server, server.workspace("two"))
    try:
        make(submit, max_nodes=2, idle_seconds_before_scaledown=1)
        runs = [submit("print(1)", target=NAME) for _ in range(5)]
        runs.append(submit("print(2)", target=NAME, node_count=2))
        assert {run.wait()["state"] for run in runs} == {"Completed"}
        wait_for(lambda: not nodes(submit))
    finally:
        submit.close()
        server.stop()
