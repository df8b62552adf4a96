"""Each process of a distributed run finds the variables that v1's scripts read."""

import json
from typing import Any

import pytest

from terrazul.runner.distributed.variables import filled_in, of_task
from terrazul.wire.distribution import distribution_of
from terrazul.wire.heartbeat import MemberState, RunMember
from terrazul.wire.run_configuration import RunDefinition

MEMBERS = [
    RunMember(0, MemberState.READY, "10.0.0.4", [6000, 6001, 6002, 6003]),
    RunMember(1, MemberState.READY, "10.0.0.5", [7000, 7001, 7002, 7003]),
]
COMMON = {
    "AZ_BATCH_HOST_LIST": "10.0.0.4,10.0.0.5",
    "AZ_BATCH_NODE_LIST": "10.0.0.4;10.0.0.5",
    "AZ_BATCH_MASTER_NODE": "10.0.0.4:6000",
    "MASTER_ADDR": "10.0.0.4",
    "MASTER_PORT": "6000",
}


def found(rank: int, communicator: str, **sections: Any) -> dict[str, str]:
    definition = RunDefinition(script="train.py", communicator=communicator, node_count=2, sections=sections)
    distribution = distribution_of(definition)
    variables = of_task(communicator, distribution, distribution.tasks[rank], MEMBERS)
    node = distribution.tasks[rank].node
    own = {
        "TERRAZUL_MEMBER": str(node),
        "NODE_RANK": str(node),
        "AZ_BATCH_IS_CURRENT_NODE_MASTER": "true" if node == 0 else "false",
    }
    assert (COMMON | own).items() <= variables.items()
    return {name: value for name, value in variables.items() if name not in COMMON | own}


@pytest.mark.parametrize("communicator", ["IntelMpi", "OpenMpi"])
def test_mpi(communicator: str):
    assert found(3, communicator, mpi={"processCountPerNode": 2}) == {
        "AZ_BATCHAI_MPI_MASTER_NODE": "10.0.0.4",
        "AZ_BATCHAI_TASK_INDEX": "3",
        "OMPI_COMM_WORLD_RANK": "3",
        "OMPI_COMM_WORLD_SIZE": "4",
        "OMPI_COMM_WORLD_LOCAL_RANK": "1",
        "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
        "OMPI_COMM_WORLD_NODE_RANK": "1",
        "OMPI_UNIVERSE_SIZE": "4",
    }


@pytest.mark.parametrize("communicator", ["Nccl", "Gloo"])
def test_pytorch(communicator: str):
    assert found(2, communicator, pytorch={"processCount": 4}) == {
        "AZ_BATCHAI_PYTORCH_INIT_METHOD": "tcp://10.0.0.4:6000",
        "AZ_BATCHAI_TASK_INDEX": "2",
        "RANK": "2",
        "WORLD_SIZE": "4",
        "LOCAL_RANK": "0",
    }


def test_tensorflow():
    variables = found(2, "ParameterServer", tensorflow={"workerCount": 2, "parameterServerCount": 1})
    assert json.loads(variables.pop("TF_CONFIG")) == {
        "cluster": {"worker": ["10.0.0.4:6001", "10.0.0.5:7001"], "ps": ["10.0.0.4:6002"]},
        "task": {"type": "ps", "index": 0},
        "environment": "cloud",
    }
    assert variables == {
        "AZ_BATCHAI_TASK_INDEX": "0",
        "AZ_BATCHAI_WORKER_HOSTS": "10.0.0.4:6001,10.0.0.5:7001",
        "AZ_BATCHAI_PS_HOSTS": "10.0.0.4:6002",
    }
    without = found(1, "ParameterServer", tensorflow={"workerCount": 2, "parameterServerCount": 0})
    assert json.loads(without["TF_CONFIG"])["cluster"] == {"worker": ["10.0.0.4:6001", "10.0.0.5:7001"]}


def test_script_on_each_node_without_a_framework():
    assert found(1, "None") == {"AZ_BATCHAI_TASK_INDEX": "1"}


def test_arguments_name_variables_as_in_v1():
    arguments = ["--rank", "$AZ_BATCHAI_TASK_INDEX", "$AZ_BATCHAI_UNKNOWN", "$HOME"]
    assert filled_in(arguments, {"AZ_BATCHAI_TASK_INDEX": "1"}) == ["--rank", "1", "$AZ_BATCHAI_UNKNOWN", "$HOME"]
