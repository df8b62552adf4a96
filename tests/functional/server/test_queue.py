"""The order of the queue as users see it, and runs that are held after their script has failed."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from terrazul.testing.server import Refused, RunningServer
from terrazul.testing.submission import TERMINAL, SubmittedRun, Submitter, wait_for

GOES_ON = "import pathlib, time\nwhile not pathlib.Path({!r}).exists(): time.sleep(0.05)"
FAILS = "import pathlib\npathlib.Path('left.txt').write_text('what it left')\nraise SystemExit(3)"
NAME = "cpu-cluster"
TERRAZUL = str(Path(sys.executable).with_name("terrazul"))


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str]) -> Iterator[RunningServer]:
    """A server that executes many runs at once."""
    home = tmp_path_factory.mktemp("queue") / "home"
    running = RunningServer(home, "--concurrent-runs", "4", database=new_database())
    running.start()
    yield running
    running.stop()


@pytest.fixture
def submit(shared_server: RunningServer, request: pytest.FixtureRequest) -> Iterator[Submitter]:
    """Submits into a workspace of the test's own."""
    submitter = Submitter(shared_server, shared_server.workspace(f"w{abs(hash(request.node.name))}"[:30]))
    yield submitter
    for run in submitter.runs:
        run.cancel()
    for run in submitter.runs:
        wait_for(lambda run=run: run.state in TERMINAL)


def make(submit: Submitter, **settings: Any) -> None:
    submit.server.call("POST", f"{submit.workspace}/computes", {"name": NAME, "settings": settings})


def nodes(submit: Submitter) -> list[Any]:
    return list(submit.server.call("GET", f"{submit.workspace}/computes/{NAME}/nodes"))


def token_of(submit: Submitter, name: str, role: str = "Contributor") -> str:
    if submit.server.ask("GET", f"/api/v1/users/{name}").status == 404:
        submit.server.call("POST", "/api/v1/users", {"name": name})
    submit.server.call("POST", f"{submit.workspace}/members", {"user": name, "role": role})
    return str(submit.server.call("POST", "/api/v1/tokens", {"user": name})["token"])


def order_of(runs: list[SubmittedRun]) -> list[SubmittedRun]:
    """The runs, which have ended, in the order in which they began."""
    return sorted(runs, key=lambda run: str(run.get()["started_at"]))


@pytest.mark.each_database
def test_users_share_a_cluster_and_each_run_is_told_its_place(submit: Submitter, tmp_path: Path):
    make(submit, max_nodes=1)
    ana, ben = token_of(submit, "ana"), token_of(submit, "ben")
    mark = tmp_path / "go"
    first, second, third = (submit(GOES_ON.format(str(mark)), target=NAME, token=ana) for _ in range(3))
    wait_for(lambda: first.state == "Running")
    bens = submit("print(1)", target=NAME, token=ben)
    told = {run.run_id: run.get() for run in (bens, second, third)}
    assert [told[run.run_id]["queue_position"] for run in (bens, second, third)] == [1, 2, 3]
    expected = "Waits for a node of 'cpu-cluster': 1 of 1 node is busy; 2 runs are before it."
    assert told[third.run_id]["queue_reason"] == expected
    listed = submit.server.call("GET", f"{submit.workspace}/runs?state=Queued")["runs"]
    assert {run["run_id"]: run["queue_position"] for run in listed} == {
        bens.run_id: 1, second.run_id: 2, third.run_id: 3,
    }  # fmt: skip
    assert first.get()["queue_position"] is None
    mark.touch()
    assert {run.wait()["state"] for run in (first, bens, second, third)} == {"Completed"}
    assert order_of([first, bens, second, third]) == [first, bens, second, third]


def test_priority_goes_first_and_is_for_those_who_may_give_one(submit: Submitter, tmp_path: Path):
    make(submit, max_nodes=1)
    scientist = token_of(submit, "sci", "Data Scientist")
    mark = tmp_path / "go"
    first = submit(GOES_ON.format(str(mark)), target=NAME)
    wait_for(lambda: first.state == "Running")
    later = submit("print(1)", target=NAME, priority=-5, token=scientist)
    plain, urgent = submit("print(2)", target=NAME), submit("print(3)", target=NAME, priority=10)
    assert [run.get()["queue_position"] for run in (urgent, plain, later)] == [1, 2, 3]
    assert urgent.get("/definition")["priority"] == 10
    with pytest.raises(Refused) as refused:
        submit("print(4)", target=NAME, priority=1, token=scientist)
    assert (refused.value.status, refused.value.body["code"]) == (403, "forbidden")
    assert "sci may not give a run the priority 1" in refused.value.body["message"]
    for wrong in (1001, -1001):
        with pytest.raises(Refused) as refused:
            submit("print(5)", priority=wrong)
        assert refused.value.status == 400
    mark.touch()
    assert {run.wait()["state"] for run in (first, later, plain, urgent)} == {"Completed"}
    assert order_of([later, plain, urgent]) == [urgent, plain, later]


def test_no_more_runs_of_a_user_are_executed_on_a_target_than_may(submit: Submitter, tmp_path: Path):
    make(submit, max_nodes=3, max_running_per_user=1)
    ana, ben = token_of(submit, "ana"), token_of(submit, "ben")
    mark = tmp_path / "go"
    first, waits = (submit(GOES_ON.format(str(mark)), target=NAME, token=ana) for _ in range(2))
    bens = submit(GOES_ON.format(str(mark)), target=NAME, token=ben)
    wait_for(lambda: {first.state, bens.state} == {"Running"})
    told = waits.get()
    expected = "As many runs of ana are executed at once on this compute target as may: 1."
    assert (told["queue_reason"], told["queue_position"]) == (expected, None)
    mark.touch()
    assert {run.wait()["state"] for run in (first, waits, bens)} == {"Completed"}


def test_failed_run_is_held_with_its_node_and_folder_until_it_is_released(submit: Submitter):
    server = submit.server
    make(submit, max_nodes=1)
    failed = submit(FAILS, target=NAME, hold_on_failure_seconds=3600, environment_variables={"COLOUR": "azul"})
    ended = failed.wait()
    assert (ended["state"], ended["error"]["exit_code"]) == ("Failed", 3)
    (node,) = nodes(submit)
    assert (node["state"], node["run_id"], node["held_until"]) == ("held", failed.run_id, ended["held_until"])
    waits = submit("print(1)", target=NAME)
    reason = "Waits for a node of 'cpu-cluster': 1 of 1 node is busy, 1 of them held for a run that failed."
    assert waits.get()["queue_reason"] == reason
    kept = failed.get("/hold")
    assert (kept["folder"], kept["until"]) == (str(failed.folder), ended["held_until"])
    server.kill()
    server.start()
    inside = shell(
        server, submit, failed, "cat left.txt; echo ' '$COLOUR; pwd; python -c 'import sys; print(sys.prefix)'"
    )
    assert inside.returncode == 0, inside.stderr
    assert inside.stdout.split() == ["what", "it", "left", "azul", str(failed.folder / "work"), sys.prefix]
    assert shell(server, submit, failed, "env | grep -c 'AZUREML_RUN'; exit 7").returncode == 7
    assert_hinders(submit, failed)
    released = cli(server, submit, "run", "release", failed.run_id)
    assert released.returncode == 0, released.stderr
    assert waits.wait()["state"] == "Completed"
    wait_for(lambda: not (failed.folder / "work").exists())
    assert failed.get()["held_until"] is None
    again = cli(server, submit, "run", "release", failed.run_id)
    assert again.returncode != 0
    assert "is not held" in again.stderr
    lines = server.call("GET", f"{submit.workspace}/activity?object_type=run&object_id={failed.run_id}")["lines"]
    (release,) = [each for each in lines if each["action"] == "run/hold/release" and each["method"] == "DELETE"][-1:]
    assert release["status"] == 204
    assert any(each["reason"].startswith("It has failed, and is held until ") for each in lines)


def assert_hinders(submit: Submitter, failed: SubmittedRun) -> None:
    """While it is held, neither the run nor its target goes."""
    server = submit.server
    with pytest.raises(Refused) as refused:
        server.call("DELETE", f"{submit.workspace}/computes/{NAME}")
    assert f"holds a run ({failed.run_id})" in refused.value.body["message"]
    with pytest.raises(Refused) as refused:
        server.call("DELETE", failed.route)
    assert "is held" in refused.value.body["message"]


def test_hold_ends_with_its_time_and_what_it_left_goes(submit: Submitter):
    failed = submit(FAILS, hold_on_failure_seconds=1)
    assert failed.wait()["state"] == "Failed"
    wait_for(lambda: failed.get()["held_until"] is None and not (failed.folder / "work").exists())
    assert failed.log("75_job_post_log.txt")
    lines = submit.server.call("GET", f"{submit.workspace}/activity?object_type=run&object_id={failed.run_id}")["lines"]
    assert any(each["kind"] == "server" and "is so no longer" in each["reason"] for each in lines)


def test_only_a_script_that_failed_is_held(submit: Submitter, tmp_path: Path):
    good = submit("print(1)", hold_on_failure_seconds=600)
    canceled = submit(GOES_ON.format(str(tmp_path / "never")), hold_on_failure_seconds=600)
    never = submit(
        "print(1)", hold_on_failure_seconds=600, environment={"user_managed": True, "interpreter_path": "/no/python"}
    )
    wait_for(lambda: canceled.state == "Running")
    canceled.cancel()
    for run, state in ((good, "Completed"), (canceled, "Canceled"), (never, "Failed")):
        assert (run.wait()["state"], run.get()["held_until"]) == (state, None)
        wait_for(lambda run=run: not (run.folder / "work").exists())
        with pytest.raises(Refused) as refused:
            run.get("/hold")
        assert refused.value.status == 404
    for wrong in (-1, 7 * 86400 + 1):
        with pytest.raises(Refused) as refused:
            submit("print(1)", hold_on_failure_seconds=wrong)
        assert "cannot be held" in refused.value.body["message"]


def test_folder_on_another_machine_is_told(submit: Submitter):
    failed = submit(FAILS, hold_on_failure_seconds=600)
    failed.wait()
    failed.folder.rename(failed.folder.with_name("elsewhere"))
    told = shell(submit.server, submit, failed, "true")
    assert told.returncode != 0
    assert f"The folder of the run {failed.run_id} is not on this machine." in told.stderr
    assert str(failed.folder) in told.stderr
    submit.server.call("DELETE", f"{failed.route}/hold")


def shell(server: RunningServer, submit: Submitter, run: SubmittedRun, line: str) -> "subprocess.CompletedProcess[str]":
    return cli(server, submit, "run", "shell", run.run_id, "--command", line)


def cli(server: RunningServer, submit: Submitter, *words: str) -> "subprocess.CompletedProcess[str]":
    """The command line, beside the server."""
    name = server.call("GET", submit.workspace)["name"]
    return subprocess.run(
        [TERRAZUL, *words, "-w", name],
        capture_output=True,
        text=True,
        env={**os.environ, **server.environment},
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )
