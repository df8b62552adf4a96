"""Members of a run on several nodes are killed, and so is the server: the run ends or goes on as a whole."""

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from terrazul.testing.server import RunningServer
from terrazul.testing.submission import TALKATIVE, TERMINAL, SubmittedRun, Submitter, wait_for

HELD = (
    TALKATIVE
    + """
rank, size = int(os.environ['RANK']), int(os.environ['WORLD_SIZE'])
log(f'rank {rank}', 1)
while not os.path.exists({mark!r}): time.sleep(0.05)
log(f'rank {rank}', 2)
"""
)
COUNTED = """
import os, time
open({folder!r} + "/" + os.environ["AZUREML_RUN_ID"], "a").write(os.environ["RANK"])
time.sleep(0.4)
"""


@pytest.fixture(scope="module")
def submit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Submitter]:
    """Submits to a server with a cluster of three nodes."""
    server = RunningServer(tmp_path_factory.mktemp("gangs") / "home", "--concurrent-runs", "3")
    server.start()
    submitter = Submitter(server, server.workspace("gangs"))
    settings = {"max_nodes": 3, "idle_seconds_before_scaledown": 600}
    server.call("POST", f"{submitter.workspace}/computes", {"name": "trio", "settings": settings})
    try:
        yield submitter
    finally:
        for run in submitter.runs:
            run.cancel()
        wait_for(lambda: all(run.state in TERMINAL for run in submitter.runs))
        submitter.close()
        server.stop()


def gang(submit: Submitter, text: str) -> SubmittedRun:
    sections = {"pytorch": {"processCount": 2}}
    return submit(text, target="trio", node_count=2, communicator="Gloo", sections=sections)


def runner_of(run: SubmittedRun, member: int) -> int:
    folder = run.folder if member == 0 else run.folder.with_name(f"1.{member}")
    return int((folder / "runner.pid").read_text())


def scripts_of(run: SubmittedRun) -> list[psutil.Process]:
    """The processes of the run that its script's text is executed in."""
    marks = {"AZUREML_RUN_ID": run.run_id, "AZUREML_WORKSPACE_ID": run.workspace.rpartition("/")[2]}
    found = []
    for process in psutil.process_iter():
        try:
            mine = marks.items() <= process.environ().items() and "train.py" in process.cmdline()
        except psutil.Error:
            continue
        if mine and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def test_killed_runner_ends_the_members_of_all_nodes_and_is_the_cause(submit: Submitter, tmp_path: Path):
    for member in (1, 0):
        run = gang(submit, HELD.replace("{mark!r}", repr(str(tmp_path / "never"))))
        wait_for(lambda run=run: len(run.metrics) == 2)
        os.kill(runner_of(run, member), signal.SIGKILL)
        ended = run.wait()
        assert ended["state"] == "Failed"
        assert ended["error"]["message"] == f"The runner of node {member} was killed before the run had ended."
        assert ended["error"]["code"] == "SystemError"
        assert run.metrics == {"rank 0": [1], "rank 1": [1]}
        wait_for(lambda run=run: not scripts_of(run))
    nodes = submit.server.call("GET", f"{submit.workspace}/computes/trio")["nodes"]
    assert nodes["running"] == 0


def test_gangs_go_on_while_the_server_is_killed_and_each_member_starts_once(submit: Submitter, tmp_path: Path):
    begun = tmp_path / "begun"
    begun.mkdir()
    held = gang(submit, HELD.replace("{mark!r}", repr(str(tmp_path / "go"))))
    wait_for(lambda: len(held.metrics) == 2)
    runs = [gang(submit, COUNTED.format(folder=str(begun))) for _ in range(2)]
    for number in range(3):
        time.sleep(0.05 + 0.3 * number)  # at another point of it each time
        submit.server.kill()
        assert_nodes_are_sound(submit.server)
        (tmp_path / "go").touch()
        submit.server.start()
    wait_for(lambda: all(run.state in TERMINAL for run in [held, *runs]), 120)
    assert {run.state for run in [held, *runs]} == {"Completed"}
    assert held.metrics == {"rank 0": [1, 2], "rank 1": [1, 2]}
    assert {file.name: sorted(file.read_text()) for file in begun.iterdir()} == {run.run_id: ["0", "1"] for run in runs}


def assert_nodes_are_sound(server: RunningServer) -> None:
    """What is on the disk at any moment: a claimed gang has two nodes, and nobody else has one."""
    connection = sqlite3.connect(server.home.database_file)
    try:
        busy = [row[0] for row in connection.execute("SELECT run FROM compute_node WHERE state = 'running'")]
        claimed = [row[0] for row in connection.execute("SELECT run FROM queue_entry WHERE claimed_at IS NOT NULL")]
    finally:
        connection.close()
    assert sorted(busy) == sorted(claimed * 2)
