"""The server is killed again and again while a cluster grows and shrinks: no run is lost or executed twice."""

import sqlite3
import time
from pathlib import Path

from terrazul.testing.server import RunningServer
from terrazul.testing.submission import TERMINAL, Submitter, wait_for

RUNS = 5
ROUNDS = 3
SCRIPT = """
import os, time
open({folder!r} + "/" + os.environ["AZUREML_RUN_ID"], "a").write("begun\\n")
time.sleep(0.4)
"""


def test_killed_server_goes_on_scaling_and_each_run_has_one_node(tmp_path: Path):
    begun = tmp_path / "begun"
    begun.mkdir()
    server = RunningServer(tmp_path / "home", "--concurrent-runs", "3")
    server.start()
    submit = Submitter(server, server.workspace("scaling"))
    cluster = f"{submit.workspace}/computes/cpu-cluster"
    try:
        settings = {"max_nodes": 3, "idle_seconds_before_scaledown": 0}
        server.call("POST", f"{submit.workspace}/computes", {"name": "cpu-cluster", "settings": settings})
        runs = [submit(SCRIPT.format(folder=str(begun)), target="cpu-cluster") for _ in range(RUNS)]
        for number in range(ROUNDS):
            time.sleep(0.05 + 0.15 * number)  # at another point of it each time
            server.kill()
            assert_nodes_are_sound(server)
            server.start()
        states = wait_for(lambda: [each for each in [[run.state for run in runs]] if set(each) <= TERMINAL], 120)
        assert set(states[0]) == {"Completed"}
        assert {file.name: file.read_text() for file in begun.iterdir()} == {run.run_id: "begun\n" for run in runs}
        wait_for(lambda: not server.call("GET", f"{cluster}/nodes"))
        server.call("DELETE", cluster)
        assert server.call("GET", f"{submit.workspace}/computes") == []
    finally:
        submit.close()
        server.stop()


def assert_nodes_are_sound(server: RunningServer) -> None:
    """What is on the disk at any moment: a busy node has a claimed run, and a claimed run has one node."""
    connection = sqlite3.connect(server.home.database_file)
    try:
        busy = [row[0] for row in connection.execute("SELECT run FROM compute_node WHERE state = 'running'")]
        claimed = [row[0] for row in connection.execute("SELECT run FROM queue_entry WHERE claimed_at IS NOT NULL")]
        (count,) = connection.execute("SELECT count(*) FROM compute_node WHERE state <> 'leaving'").fetchone()
    finally:
        connection.close()
    assert sorted(busy) == sorted(claimed)
    assert count <= 3
