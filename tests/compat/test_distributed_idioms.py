"""How public v1 code trains on several nodes; the code is ours, its lines are what they have in common."""

import sys
from pathlib import Path

import pytest

from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.core.compute_target import ComputeTargetException
from azureml.core.runconfig import MpiConfiguration
from azureml.train.dnn import Mpi
from azureml.train.estimator import Estimator

HELPERS = """
import os

def set_environment_variables_for_nccl_backend(single_node=False, master_port=6105):
    if not single_node:
        master_node_params = os.environ["AZ_BATCH_MASTER_NODE"].split(":")
        os.environ["MASTER_ADDR"] = master_node_params[0]
        if "MASTER_PORT" not in os.environ:
            os.environ["MASTER_PORT"] = str(master_port)
    else:
        os.environ["MASTER_ADDR"] = os.environ["AZ_BATCHAI_MPI_MASTER_NODE"]
        os.environ["MASTER_PORT"] = "54965"

def get_rank():
    return int(os.environ["OMPI_COMM_WORLD_RANK"])

def get_local_size():
    return int(os.environ["OMPI_COMM_WORLD_LOCAL_SIZE"])
"""
TRAIN = """
import os, socket, time
from azureml.core import Run
from helpers import get_local_size, get_rank, set_environment_variables_for_nccl_backend

set_environment_variables_for_nccl_backend(get_local_size() == int(os.environ["OMPI_COMM_WORLD_SIZE"]))
address = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
rank, world_size = get_rank(), int(os.environ["OMPI_COMM_WORLD_SIZE"])
if rank == 0:
    with socket.create_server(address) as server:
        gradients = [float(server.accept()[0].recv(20)) for _ in range(world_size - 1)]
else:
    while True:
        try:
            socket.create_connection(address).sendall(b"0.5")
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
run = Run.get_context()
run.log("world_size", world_size) if rank == 0 else None
print("rank %d of %d" % (rank, world_size))
run.complete()
"""


def test_training_with_mpi_on_two_nodes(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """By ``ScriptRunConfig`` and by the older estimator, whose mistake is told before anything is sent."""
    folder = project / "distributed"
    folder.mkdir()
    (folder / "train.py").write_text(TRAIN)
    (folder / "helpers.py").write_text(HELPERS)
    ws = Workspace.from_config()
    try:
        cluster = ComputeTarget(workspace=ws, name="gpu-cluster")
    except ComputeTargetException:
        config = AmlCompute.provisioning_configuration(vm_size="STANDARD_NC6", max_nodes=2)
        cluster = ComputeTarget.create(ws, "gpu-cluster", config)
        cluster.wait_for_completion(show_output=True)
    environment = Environment("mine")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = sys.executable
    experiment = Experiment(ws, name="distributed")
    src = ScriptRunConfig(
        source_directory=str(folder),
        script="train.py",
        compute_target=cluster,
        environment=environment,
        distributed_job_config=MpiConfiguration(process_count_per_node=2, node_count=2),
    )
    run = experiment.submit(src)
    run.wait_for_completion(show_output=True)
    assert run.get_metrics() == {"world_size": 4}
    details = run.get_details()
    assert (details["status"], details["runDefinition"]["nodeCount"]) == ("Completed", 2)
    logs = {f"azureml-logs/70_driver_log_{rank}.txt" for rank in range(4)}
    assert logs <= set(details["logFiles"])
    shown = capsys.readouterr().out
    assert all(f"rank {rank} of 4" in shown for rank in range(4))

    estimator = Estimator(
        source_directory=str(folder),
        entry_script="train.py",
        compute_target=cluster,
        node_count=2,
        distributed_training=Mpi(process_count_per_node=1),
        environment_definition=environment,
    )
    again = experiment.submit(estimator)
    again.wait_for_completion()
    assert again.get_metrics() == {"world_size": 2}
    estimator.run_config.node_count = 3
    with pytest.raises(Exception, match="asks for 3 nodes; the compute target 'gpu-cluster' has 2 at most"):
        experiment.submit(estimator)
    cluster.delete()
