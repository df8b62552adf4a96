"""Runs on several nodes: their members start together, find each other, and end together."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from terrazul.testing.needs import needs_program
from terrazul.testing.server import Refused, RunningServer
from terrazul.testing.submission import TALKATIVE, TERMINAL, SubmittedRun, Submitter, wait_for

MEETING = (
    TALKATIVE
    + """
import socket
rank, size = int(os.environ['RANK']), int(os.environ['WORLD_SIZE'])
place = os.environ['MASTER_ADDR'], int(os.environ['MASTER_PORT'])
def meet():
    if rank == 0:
        with socket.create_server(place) as server:
            links = [server.accept()[0] for _ in range(size - 1)]
            seen = {int(link.recv(10)) for link in links}
            for link in links:
                link.sendall(b'all here')
            return seen, links
    while True:
        try:
            link = socket.create_connection(place)
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    link.sendall(str(rank).encode())
    return link.recv(10), [link]
met, links = meet()
print('rank', rank, 'met', met)
log(f'rank {rank}', size)
"""
)
"""Rank 0 listens where all are told that it does; the others come."""


@pytest.fixture
def submit(shared_server: RunningServer, request: pytest.FixtureRequest) -> Iterator[Submitter]:
    """Submits into a workspace of the test's own, which has a cluster of two nodes."""
    submitter = Submitter(shared_server, shared_server.workspace(f"w{abs(hash(request.node.name))}"[:30]))
    settings = {"max_nodes": 2, "idle_seconds_before_scaledown": 600}
    shared_server.call("POST", f"{submitter.workspace}/computes", {"name": "pair", "settings": settings})
    yield submitter
    for run in submitter.runs:
        run.cancel()
    for run in submitter.runs:
        wait_for(lambda run=run: run.state in TERMINAL)


def torch(submit: Submitter, text: str, processes: int = 2, **more: Any) -> SubmittedRun:
    sections = {"pytorch": {"processCount": processes}}
    more = {"target": "pair", "node_count": 2, "communicator": "Gloo", "sections": sections, **more}
    return submit(text, **more)


def busy(submit: Submitter) -> int:
    return int(submit.server.call("GET", f"{submit.workspace}/computes/pair")["nodes"]["running"])


def test_processes_of_two_nodes_meet_and_all_that_they_record_is_in_one_run(submit: Submitter):
    text = MEETING + "open(f'outputs/{rank}.txt', 'w').write('x')\nopen(f'logs/{rank}.log', 'w').write('y')\n"
    run = torch(submit, text, processes=4)
    ended = run.wait()
    assert (ended["state"], ended["error"]) == ("Completed", None), ended
    assert run.metrics == {f"rank {rank}": [4] for rank in range(4)}
    print(run.files, ended, list(run.folder.parent.glob("*/azureml-logs/*")))
    assert "rank 0 met {1, 2, 3}" in run.log("70_driver_log_0.txt")
    assert "rank 3 met b'all here'" in run.log("70_driver_log_3.txt")
    wanted = {f"outputs/{rank}.txt" for rank in range(4)} | {f"logs/{rank}.log" for rank in range(4)}
    wanted |= {f"azureml-logs/65_job_prep_log_{node}.txt" for node in range(2)}
    assert wanted <= set(run.files)
    assert ended["warnings"] == []
    assert busy(submit) == 0


def test_failure_of_one_rank_ends_all_and_is_the_error_of_the_run(submit: Submitter):
    text = MEETING + "if rank == 1: raise ValueError('no such layer')\ntime.sleep(600)\n"
    ended = torch(submit, text).wait()
    error = ended["error"]
    assert ended["state"] == "Failed"
    assert error["message"] == "Rank 1 of 2 failed: the script failed with ValueError: no such layer."
    assert (error["log_path"], error["code"]) == ("azureml-logs/70_driver_log_1.txt", "UserError")
    assert error["last_error_line"] == "ValueError: no such layer"
