"""Quotas: what has no room is refused or waits with its reason; nothing slips through beside another request."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from terrazul.testing.postgresql import PostgresqlCluster
from terrazul.testing.server import Refused, RunningServer
from terrazul.testing.submission import Submitter, send_snapshot, wait_for

from .conftest import digest_of, packed, run_of, send

GOES_ON = "import pathlib, sys, time\nwhile not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.05)"


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str]) -> Iterator[RunningServer]:
    """A server that executes many runs at once."""
    home = tmp_path_factory.mktemp("quota") / "home"
    running = RunningServer(home, "--concurrent-runs", "6", database=new_database())
    running.start()
    yield running
    running.stop()


def objects(server: RunningServer) -> set[str]:
    return {str(each) for each in server.home.blobs_folder.rglob("*") if each.is_file()}


@pytest.mark.each_database
def test_bytes_beyond_the_quota_are_refused_and_leave_nothing(shared_server: RunningServer):
    server, workspace = shared_server, shared_server.workspace("bytes")
    send(server, workspace, b"a" * 600)
    quota = server.call("PUT", f"{workspace}/quota", {"storage_bytes": 1000})
    assert (quota["storage_bytes"], quota["limits"]["storage_bytes"]) == (600, 1000)
    before = objects(server)
    large = b"b" * 401
    for method, path, body, status in (
        ("POST", f"{workspace}/contents", packed(b"a" * 600, large), 409),
        ("PUT", f"{workspace}/contents/{digest_of(large)}", large, 409),
        ("PUT", mlflow_file(server, workspace), large, 400),
    ):
        with pytest.raises(Refused) as refused:
            server.call(method, path, body)
        assert refused.value.status == status, refused.value
        assert "may keep 1000 bytes and keeps 600: no room for 401 more" in str(refused.value.body)
    assert objects(server) == before
    assert server.call("GET", f"{workspace}/quota")["storage_bytes"] == 600
    send(server, workspace, b"a" * 600, b"b" * 400)
    send(server, workspace, b"a" * 600, b"b" * 400)
    assert server.call("GET", f"{workspace}/quota")["storage_bytes"] == 1000
    server.call("PUT", f"{workspace}/quota", {})
    send(server, workspace, large)
    server.kill()
    server.start()
    assert server.call("GET", f"{workspace}/quota")["storage_bytes"] == 1401


def mlflow_file(server: RunningServer, workspace: str) -> str:
    run = run_of(server, workspace)
    experiment = server.call("GET", f"{workspace}/mlflow/api/2.0/mlflow/runs/get?run_id=r")["run"]["info"][
        "experiment_id"
    ]
    return f"{workspace}/mlflow/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run.rpartition('/')[2]}/artifacts/big"


@pytest.mark.each_database
def test_what_is_deleted_makes_room(shared_server: RunningServer):
    server, workspace = shared_server, shared_server.workspace("room")
    data = b"x" * 900
    send(server, workspace, data)
    run_of(server, workspace, "gone")
    artifact = {"run_id": "gone", "path": "f", "digest": digest_of(data), "size": 900, "time": 1}
    ended = {"run_id": "gone", "state": "Completed", "time": 2}
    server.call(
        "POST", f"{workspace}/writes", {"writer": "gone", "sequence": 2, "artifacts": [artifact], "states": [ended]}
    )
    server.call("PUT", f"{workspace}/quota", {"storage_bytes": 1000})
    deletion = {"deletion_id": "d", "selection": {"run_ids": ["gone"]}}
    server.call("POST", f"{workspace}/deletions", deletion)
    wait_for(lambda: server.call("GET", f"{workspace}/deletions/d?wait=5")["state"] == "Done")
    assert server.call("GET", f"{workspace}/quota")["storage_bytes"] == 0
    send(server, workspace, b"y" * 1000)


@pytest.mark.each_database
def test_runs_beyond_a_limit_wait_with_the_reason_and_begin_when_there_is_room(
    shared_server: RunningServer, tmp_path: Path
):
    server = shared_server
    workspace, other = server.workspace("queue"), server.workspace("beside")
    server.call("PUT", f"{workspace}/quota", {"concurrent_runs": 2, "running_per_user": 1, "waiting_per_user": 2})
    tokens = {name: token_of(server, name, workspace) for name in ("ana", "ben", "cy")}
    mark = tmp_path / "go on"
    snapshot = send_snapshot(server, workspace, {"s.py": GOES_ON.encode()})

    def submit(user: str, number: int) -> str:
        body = {
            "run_id": f"{user}-{number}",
            "experiment_name": "e",
            "snapshot_id": snapshot,
            "definition": {
                "script": "s.py",
                "arguments": [str(mark)],
                "environment": {"user_managed": True},
            },
        }
        return str(server.call("POST", f"{workspace}/runs", body, token=tokens[user])["run_id"])

    def about(run: str) -> Any:
        return server.call("GET", f"{workspace}/runs/{run}")

    def executed() -> set[str]:
        runs = server.call("GET", f"{workspace}/runs")["runs"]
        return {run["run_id"] for run in runs if run["state"] not in {"NotStarted", "Queued"}}

    first = [submit("ana", 1), submit("ana", 2), submit("ana", 3)]
    wait_for(lambda: executed() == {"ana-1"})
    assert about("ana-2")["queue_reason"] == "As many runs of ana are executed at once as may: 1."
    with pytest.raises(Refused) as refused:
        submit("ana", 4)
    assert (refused.value.status, refused.value.body["code"]) == (409, "quota_exceeded")
    assert "ana has as many runs that wait in this workspace as may: 2." in refused.value.body["message"]
    assert submit("ana", 3) == first[2]
    submit("ben", 1)
    wait_for(lambda: executed() == {"ana-1", "ben-1"})
    submit("cy", 1)
    listed = {run["run_id"]: run["queue_reason"] for run in server.call("GET", f"{workspace}/runs")["runs"]}
    assert listed["cy-1"] == "The workspace executes as many runs at once as it may: 2."
    assert listed["ana-1"] == ""
    users = server.call("GET", f"{workspace}/quota", token=tokens["cy"])["users"]
    assert {each["user"]: (each["running"], each["waiting"]) for each in users} == {
        "ana": (1, 2), "ben": (1, 0), "cy": (0, 1),
    }  # fmt: skip
    free = Submitter(server, other)("print('not held back')")
    assert free.wait()["state"] == "Completed"
    assert executed() == {"ana-1", "ben-1"}
    server.call("PUT", f"{workspace}/quota", {"concurrent_runs": 3, "running_per_user": 1})
    wait_for(lambda: executed() == {"ana-1", "ben-1", "cy-1"})
    mark.touch()
    wait_for(lambda: all(about(run)["state"] == "Completed" for run in (*first, "ben-1", "cy-1")))


@pytest.mark.each_database
def test_what_a_run_makes_is_kept_and_no_further_one_begins_in_a_full_workspace(shared_server: RunningServer):
    server, workspace = shared_server, shared_server.workspace("full")
    script = "import pathlib\npathlib.Path('outputs/model').write_bytes(b'm' * 5000)"
    submit = Submitter(server, workspace)
    begun = submit(script)
    server.call("PUT", f"{workspace}/quota", {"storage_bytes": 1500})
    ended = begun.wait()
    assert (ended["state"], ended["warnings"]) == ("Completed", [])
    assert begun.file("outputs/model") == b"m" * 5000
    waits = submit(script)
    reason = wait_for(lambda: waits.get()["queue_reason"])
    assert "no run begins where 1500 are reached" in reason
    server.call("PUT", f"{workspace}/quota", {"storage_bytes": 100_000})
    assert waits.wait()["state"] == "Completed"


def token_of(server: RunningServer, name: str, workspace: str) -> str:
    if server.ask("GET", f"/api/v1/users/{name}").status == 404:
        server.call("POST", "/api/v1/users", {"name": name})
    server.call("POST", f"{workspace}/members", {"user": name, "role": "Contributor"})
    return str(server.call("POST", "/api/v1/tokens", {"user": name})["token"])


@pytest.mark.each_database
def test_administrators_change_it_members_see_it_and_the_change_is_on_record(shared_server: RunningServer):
    server, workspace = shared_server, shared_server.workspace("rights")
    ana = token_of(server, "ana", workspace)
    server.call("POST", f"{workspace}/members", {"user": "ana", "role": "Owner"})
    assert server.call("GET", f"{workspace}/quota", token=ana)["limits"]["concurrent_runs"] == 0
    with pytest.raises(Refused) as refused:
        server.call("PUT", f"{workspace}/quota", {"concurrent_runs": 9}, token=ana)
    assert refused.value.status == 403
    server.call("PUT", f"{workspace}/quota", {"concurrent_runs": 9})
    lines = server.call("GET", f"{workspace}/activity?action=quota/")["lines"]
    assert [(each["user"] == "ana", each["status"]) for each in lines] == [(False, 200), (True, 403)]
    for wrong in ({"storage_bytes": -1}, {"concurrent_runs": 2**60}, {"running_per_user": "x"}):
        with pytest.raises(Refused) as refused:
            server.call("PUT", f"{workspace}/quota", wrong)
        assert refused.value.status == 400, wrong
    assert server.call("GET", f"{workspace}/quota")["own"]["concurrent_runs"] == 9


def test_settings_count_where_nothing_was_set(tmp_path: Path):
    server = RunningServer(tmp_path / "home", "--quota-storage-bytes", "100", "--quota-running-per-user", "7")
    server.start()
    try:
        workspace = server.workspace()
        with pytest.raises(Refused):
            send(server, workspace, b"x" * 101)
        server.call("PUT", f"{workspace}/quota", {"storage_bytes": 0})
        send(server, workspace, b"x" * 101)
        limits = server.call("GET", f"{workspace}/quota")["limits"]
        assert (limits["storage_bytes"], limits["running_per_user"]) == (0, 7)
        other = server.workspace("other")
        assert server.call("GET", f"{other}/quota")["storage_bytes"] == 0
        with pytest.raises(Refused):
            send(server, other, b"x" * 101)
    finally:
        server.stop()


def test_two_processes_let_no_more_through_than_one(tmp_path: Path, postgresql: PostgresqlCluster):
    server = RunningServer(tmp_path / "home", "--processes", "2", database=postgresql.make_database())
    server.start()
    try:
        workspace = server.workspace()
        server.call("PUT", f"{workspace}/quota", {"storage_bytes": 10_000, "waiting_per_user": 3, "concurrent_runs": 1})

        def upload(number: int) -> int:
            data = f"{number:04}".encode() * 250
            if number % 2:
                return server.ask("POST", f"{workspace}/contents", packed(data)).status
            return server.ask("PUT", f"{workspace}/contents/{digest_of(data)}", data).status

        with ThreadPoolExecutor(12) as threads:
            statuses = list(threads.map(upload, range(40)))
        assert sorted(set(statuses)) == [200, 409]
        assert statuses.count(200) == 10
        quota = server.call("GET", f"{workspace}/quota")
        assert quota["storage_bytes"] == 10_000
        server.call("PUT", f"{workspace}/quota", {"storage_bytes": 9_000, "waiting_per_user": 3})

        def submit(number: int) -> int:
            definition = {"command": ["true"], "environment": {"user_managed": True}}
            body = {"run_id": f"r{number}", "experiment_name": "e", "definition": definition}
            try:
                server.call("POST", f"{workspace}/runs", body)
            except Refused as refused:
                return refused.status
            return 200

        with ThreadPoolExecutor(8) as threads:
            statuses = list(threads.map(submit, range(16)))
        assert statuses.count(200) == 3
        assert sorted(set(statuses)) == [200, 409]
        assert server.call("GET", f"{workspace}/quota")["waiting"] == 3
    finally:
        server.stop()
