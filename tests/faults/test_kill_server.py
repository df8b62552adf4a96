"""The server is killed, stopped, away or without space while scripts log: nothing is lost, nothing is doubled."""

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from terrazul.testing.server import RunningServer
from terrazul.testing.submission import TERMINAL, SubmittedRun, Submitter, wait_for

SEED = 20260
ROUNDS = 5
STEPS = 60
PART = STEPS // ROUNDS
"""After each part a script waits, so that no server that is slow to start misses what is to happen."""
CHILDREN = range(5, STEPS, 20)
FILES = range(7, STEPS, 25)

RECORD = f"""
for step in range({STEPS}):
    while not os.path.exists({{gate!r}} + "/%d" % (step // {PART})):
        time.sleep(0.02)
    run.log("loss", step, step=step)
    run.log_row("row", a=step, b=str(step))
    print("step", step, flush=True)
    run.tag("step", step)
    if step in {CHILDREN}:
        with run.child_run(name="child %d" % step) as child:
            child.log("inner", step)
            child.tag("of", step)
    if step in {FILES}:
        open("made.txt", "w").write("made in step %d" % step)
        run.upload_file("files/%d.txt" % step, "made.txt")
    time.sleep(0.02)
run.add_properties({{{{"finished": "yes"}}}})
"""
SUBMITTED = (
    """
import os, time
from azureml.core import Run
run = Run.get_context()
print("ready", flush=True)
"""
    + RECORD
    + """
open("outputs/model.txt", "w").write("weights")
"""
)
INTERACTIVE = (
    """
import os, time
from azureml.core import Experiment, Workspace
run = Experiment(Workspace("local", "terrazul", "testing"), "tests").start_logging(run_id="interactive")
print("ready", flush=True)
"""
    + RECORD
    + """
run.complete()
"""
)


@pytest.fixture
def submit(server: RunningServer) -> Iterator[Submitter]:
    submitter = Submitter(server)
    yield submitter
    submitter.close()


class Gate:
    """Lets scripts go on, part by part."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def open(self, part: int) -> None:
        (self.folder / str(part)).touch()

    def open_all(self) -> None:
        for part in range(ROUNDS):
            self.open(part)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


def started(submit: Submitter, gate: Gate) -> SubmittedRun:
    """A run whose script waits at the gate."""
    run = submit(SUBMITTED.format(gate=str(gate.folder)))
    run.wait_for_line("ready")
    return run


def check_records(run: SubmittedRun) -> None:
    """Everything that `RECORD` says, once and in order."""
    assert run.metrics["loss"] == list(range(STEPS))
    assert run.metrics["row"] == [{"a": step, "b": str(step)} for step in range(STEPS)]
    about = run.get()
    assert (about["tags"], about["properties"]["finished"]) == ({"step": str(STEPS - 1)}, "yes")
    listed = run.server.call("GET", f"{run.workspace}/runs?parent_run_id={run.run_id}&limit=1000")["runs"]
    assert sorted(int(child["tags"]["of"]) for child in listed) == list(CHILDREN)
    for child in listed:
        inner = SubmittedRun(run.server, run.workspace, child["run_id"])
        assert inner.metrics == {"inner": [int(child["tags"]["of"])]}
        assert child["display_name"] == f"child {child['tags']['of']}"
        check_one_end(inner, "Completed")
    for step in FILES:
        assert run.file(f"files/{step}.txt").decode() == f"made in step {step}"
    check_one_end(run, "Completed")


def check_one_end(run: SubmittedRun, state: str) -> None:
    states = [event["state"] for event in run.get("/events") if event["state"] in TERMINAL]
    assert (states, run.state) == ([state], state)


def check_submitted(run: SubmittedRun) -> None:
    assert run.wait()["error"] is None
    check_records(run)
    assert run.log().splitlines() == ["ready", *(f"step {step}" for step in range(STEPS))]
    assert run.file("outputs/model.txt") == b"weights"
    assert run.get()["warnings"] == []


def check_nothing_is_left(server: RunningServer) -> None:
    """No process of a run, nothing half written, a sound database."""
    assert [process for process in psutil.process_iter() if works_for(process, server)] == []
    assert list((server.home.blobs_folder / "incoming").iterdir()) == []
    with sqlite3.connect(f"file:{server.home.database_file}?mode=ro", uri=True) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()


def works_for(process: psutil.Process, server: RunningServer) -> bool:
    """Whether a living process, the server aside, has to do with its home."""
    try:
        words = [*process.cmdline(), process.cwd(), process.environ().get("AZUREML_WORKSPACE_ID", "")]
        ours = any(str(server.home.path) in word for word in words) or words[-1] == server.workspace()[-36:]
        return ours and process.pid != server.pid and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def seconds_of_imports() -> float:
    """CPU seconds of an interpreter that imports what the server is built on."""
    program = "import litestar, sqlalchemy, time, uvicorn; print(time.process_time())"
    return float(subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True).stdout)


def test_server_is_killed_again_and_again_while_runs_log(submit: Submitter, gate: Gate):
    """A start takes 2 seconds of CPU at the most; where others use the machine beside this test, and all takes longer,
    four times of what importing its frameworks takes then.
    """
    server = submit.server
    chance = random.Random(SEED)  # noqa: S311  # chance, not a secret
    runs = [started(submit, gate) for _ in range(2)]
    environment = {**os.environ, **server.environment}
    program = INTERACTIVE.format(gate=str(gate.folder))
    with subprocess.Popen(
        [sys.executable, "-c", program], env=environment, cwd=gate.folder, stdout=subprocess.PIPE
    ) as interactive:
        assert interactive.stdout
        assert interactive.stdout.readline() == b"ready\n"
        for part in range(ROUNDS):
            gate.open(part)
            time.sleep(chance.uniform(0.02, 0.4))
            server.kill()
            time.sleep(chance.uniform(0, 0.3))
            server.start()
            spent = psutil.Process(server.pid).cpu_times()
            assert spent.user + spent.system < max(2, 4 * seconds_of_imports())
        assert interactive.wait(60) == 0
    for run in runs:
        check_submitted(run)
    check_records(SubmittedRun(server, server.workspace(), "interactive"))
    check_nothing_is_left(server)


def test_server_is_away_until_after_the_scripts_end(submit: Submitter, gate: Gate):
    run = started(submit, gate)
    submit.server.kill()
    gate.open_all()
    run.wait_for_line("the run is over", "75_job_post_log.txt")
    submit.server.start()
    check_submitted(run)
    check_nothing_is_left(submit.server)


def test_server_is_killed_at_the_launch(submit: Submitter, gate: Gate):
    """Before the runner has fetched anything: it waits, and there is still one runner for one attempt."""
    run = submit(SUBMITTED.format(gate=str(gate.folder)))
    wait_for((run.folder / "job.json").exists)
    submit.server.kill()
    submit.server.start()
    run.wait_for_line("ready")
    gate.open_all()
    check_submitted(run)
    assert run.get()["attempt"] == 1
    check_nothing_is_left(submit.server)


def test_server_is_stopped_politely_in_the_middle(submit: Submitter, gate: Gate):
    run = started(submit, gate)
    gate.open(0)
    run.wait_for_line(f"step {PART // 2}")
    terrazul = str(Path(sys.executable).with_name("terrazul"))
    environment = {**os.environ, **submit.server.environment}
    down = subprocess.run([terrazul, "down"], env=environment, capture_output=True, text=True, check=False)
    assert down.returncode == 0, down.stderr
    submit.server.stop()
    assert run.runner_alive
    gate.open(1)
    run.wait_for_line(f"step {PART + PART // 2}")
    submit.server.start()
    gate.open_all()
    check_submitted(run)
    check_nothing_is_left(submit.server)


@pytest.mark.parametrize("what", ["terrazul.db", "blobs"])
def test_disk_of_the_server_is_full_for_a_while(disk: Path, tmp_path: Path, gate: Gate, what: str):
    """Of its database, then of its bytes; the runner's own files lie on a disk with room."""
    mark = tmp_path / "full"
    home = tmp_path / "home"
    variables = {"LD_PRELOAD": str(disk), "DISK_ROOT": str(home / what), "DISK_FULL": str(mark)}
    server = RunningServer(home, variables=variables)
    server.start()
    run = started(Submitter(server), gate)
    gate.open(0)
    run.wait_for_line(f"step {PART - 1}")
    mark.touch()
    gate.open(1)
    run.wait_for_line(f"step {2 * PART - 1}")
    assert run.state == "Running"
    mark.unlink()
    gate.open_all()
    check_submitted(run)
    check_nothing_is_left(server)
    server.stop()
