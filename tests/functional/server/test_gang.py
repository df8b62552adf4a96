"""Runs on several nodes: their members start together, find each other, and end together."""

import os
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

TORCH_PYTHON = "TERRAZUL_TEST_TORCH"


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


def test_canceled_gang_ends_on_all_nodes_and_makes_room(submit: Submitter):
    run = torch(submit, MEETING + "time.sleep(600)\n")
    other = torch(submit, MEETING)
    wait_for(lambda: len(run.metrics) == 2)
    reason = other.get()["queue_reason"]
    assert "2 nodes of 'pair': 2 of 2 nodes are busy" in reason, reason
    for member in ({"number": 2}, {"number": -1}, {"number": 0, "ports": [70_000]}, {"number": 0, "address": "a\0"}):
        with pytest.raises(Refused, match="400"):
            submit.server.call("POST", f"{run.route}/heartbeat", {"attempt": 1, "member": member})
    run.cancel()
    assert run.wait()["state"] == "Canceled"
    assert other.wait()["state"] == "Completed"


def test_whole_takes_no_longer_than_its_maximum_duration(submit: Submitter):
    text = "import os, time\nif os.environ['RANK'] == '1': time.sleep(600)\n"
    ended = torch(submit, text, max_run_duration_seconds=2).wait()
    assert ended["state"] == "Failed"
    assert "longer than the 2 s" in ended["error"]["message"]


def test_failure_before_the_script_says_on_which_node(submit: Submitter):
    ended = torch(submit, "", command=["/no/such/program"], processes=2).wait()
    assert ended["error"]["message"].endswith("was not found: /no/such/program: No such file or directory")
    ended = torch(submit, "pass", environment={"user_managed": True, "interpreter_path": "/no/python"}).wait()
    assert ended["error"]["message"].startswith("Node ")
    assert ended["error"]["log_path"].startswith("azureml-logs/65_job_prep_log_")


def test_more_nodes_than_there_can_be_are_refused(submit: Submitter):
    for more, words in (
        ({"node_count": 3, "processes": 3}, "asks for 3 nodes; the compute target 'pair' has 2 at most"),
        ({"target": "local"}, "asks for 2 nodes; 'local' is one"),
        ({"processes": 3}, "3 processes cannot be spread evenly over 2 nodes"),
        ({"node_count": 10**9}, "cannot have 1000000000 nodes"),
        ({"sections": {"pytorch": {"processCount": "x"}}}, "processCount of the section pytorch is 'x'"),
    ):
        with pytest.raises(Refused, match=words):
            torch(submit, "pass", **more)


def test_parameter_servers_last_as_long_as_workers(submit: Submitter):
    text = """
import json, os, time
task = json.loads(os.environ['TF_CONFIG'])['task']
print(os.environ['TF_CONFIG'])
if task['type'] == 'ps': time.sleep(600)
time.sleep(task['index'])
"""
    sections = {"tensorflow": {"workerCount": 2, "parameterServerCount": 1}}
    run = submit(text, target="pair", node_count=2, communicator="ParameterServer", sections=sections)
    assert run.wait()["state"] == "Completed"
    assert '"task": {"type": "ps", "index": 0}' in run.log("70_driver_log_2.txt")


def test_several_processes_share_this_machine_without_a_cluster(submit: Submitter):
    run = torch(submit, MEETING, target="local", node_count=1, processes=2)
    assert run.wait()["state"] == "Completed"
    assert run.metrics == {"rank 0": [2], "rank 1": [2]}
    assert "azureml-logs/65_job_prep_log.txt" in run.files


MPI = """
import ctypes, os, sys
mpi = ctypes.CDLL('libmpi.so.40', mode=ctypes.RTLD_GLOBAL)
mpi.MPI_Init(None, None)
def handle(name):
    return ctypes.c_void_p(ctypes.addressof(ctypes.c_char.in_dll(mpi, name)))
world, integer, plus = map(handle, ('ompi_mpi_comm_world', 'ompi_mpi_int', 'ompi_mpi_op_sum'))
rank, total = ctypes.c_int(), ctypes.c_int()
mpi.MPI_Comm_rank(world, ctypes.byref(rank))
mpi.MPI_Allreduce(ctypes.byref(ctypes.c_int(rank.value + 1)), ctypes.byref(total), 1, integer, plus, world)
assert rank.value == int(os.environ['OMPI_COMM_WORLD_RANK'])
print('rank', rank.value, 'local', os.environ['OMPI_COMM_WORLD_LOCAL_RANK'], 'sum', total.value, *sys.argv[1:])
"""


def mpi(submit: Submitter, text: str, **more: Any) -> SubmittedRun:
    sections = {"mpi": {"processCountPerNode": 2}}
    return submit(text, target="pair", node_count=2, communicator="IntelMpi", sections=sections, **more)


def test_open_mpi_joins_the_processes_of_two_nodes(submit: Submitter):
    needs_program("mpirun")
    run = mpi(submit, MPI + "mpi.MPI_Finalize()\n", arguments=["$AZ_BATCHAI_TASK_INDEX"])
    ended = run.wait()
    assert ended["state"] == "Completed", (ended, run.log("70_mpi_log.txt"))
    for rank in range(4):
        assert run.log(f"70_driver_log_{rank}.txt") == f"rank {rank} local {rank % 2} sum 10 {rank}\n"
    ended = mpi(submit, MPI + "if rank.value == 3: raise ValueError('three')\nimport time; time.sleep(600)\n").wait()
    assert ended["error"]["message"] == "Rank 3 of 4 failed: the script failed with ValueError: three."
    assert ended["error"]["log_path"] == "azureml-logs/70_driver_log_3.txt"


TORCH = """
import torch, torch.distributed as dist
from azureml.core import Run
dist.init_process_group("gloo")
total = torch.tensor([float(dist.get_rank() + 1)])
dist.all_reduce(total)
if dist.get_rank() == 0:
    Run.get_context().log("total", total.item())
"""


@pytest.mark.skipif(TORCH_PYTHON not in os.environ, reason=f"not asked for: {TORCH_PYTHON} names a Python with torch")
def test_torch_joins_the_processes_of_two_nodes(submit: Submitter):
    python = {"user_managed": True, "interpreter_path": os.environ[TORCH_PYTHON]}
    run = torch(submit, TORCH, processes=4, environment=python)
    assert run.wait(180)["error"] is None
    assert run.metrics == {"total": [10]}
