"""How many processes a run has, and where, follows from its definition."""

from typing import Any

import pytest

from terrazul.core.errors import RunConfigurationException
from terrazul.wire.distribution import PARAMETER_SERVER, WORKER, Task, distribution_of
from terrazul.wire.run_configuration import RunDefinition


def definition(communicator: str = "None", nodes: int = 1, **sections: Any) -> RunDefinition:
    return RunDefinition(script="train.py", communicator=communicator, node_count=nodes, sections=sections)


def test_most_runs_are_one_process_that_nobody_distributes():
    assert distribution_of(definition()).is_plain
    assert not distribution_of(definition("Gloo")).is_plain
    assert not distribution_of(definition(nodes=2)).is_plain


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        (definition(nodes=2), [(0, 0), (1, 0)]),
        (definition("IntelMpi", 2, mpi={"processCountPerNode": 2}), [(0, 0), (0, 1), (1, 0), (1, 1)]),
        (definition("OpenMpi", 2), [(0, 0), (1, 0)]),
        (definition("Nccl", 2, pytorch={"processCount": 4}), [(0, 0), (0, 1), (1, 0), (1, 1)]),
        (definition("Gloo", 2, pytorch={"processCount": None}), [(0, 0), (1, 0)]),
        (definition("Gloo", 1, pytorch={"processCount": 3, "nodeCount": 9}), [(0, 0), (0, 1), (0, 2)]),
    ],
    ids=str,
)
def test_ranks_fill_one_node_after_the_other(wanted: RunDefinition, places: list[tuple[int, int]]):
    found = distribution_of(wanted)
    assert [(task.node, task.local_rank) for task in found.tasks] == places
    assert [task.rank for task in found.tasks] == list(range(len(places)))


def test_workers_and_parameter_servers_go_round_the_nodes():
    section = {"workerCount": 3, "parameterServerCount": 2}
    found = distribution_of(definition("ParameterServer", 2, tensorflow=section))
    assert found.of_kind(WORKER) == [Task(0, 0, 0), Task(1, 1, 0, index=1), Task(2, 0, 1, index=2)]
    servers = [Task(3, 0, 2, PARAMETER_SERVER), Task(4, 1, 1, PARAMETER_SERVER, 1)]
    assert found.of_kind(PARAMETER_SERVER) == servers
    assert found.on_node(1) == [found.tasks[1], found.tasks[4]]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (definition(nodes=0), "0 nodes"),
        (definition(nodes=10**6), "1000000 nodes"),
        (definition("Nccl", 2, pytorch={"processCount": 3}), "3 processes cannot be spread evenly over 2 nodes"),
        (definition("Nccl", 1, pytorch={"processCount": 0}), "processCount of the section pytorch is '0'"),
        (definition("OpenMpi", 1, mpi={"processCountPerNode": True}), "processCountPerNode of the section mpi"),
        (definition("OpenMpi", 1000, mpi={"processCountPerNode": 1000}), "asks for 1000000 processes"),
        (definition("ParameterServer", 3, tensorflow={"workerCount": 2}), "3 nodes are more than the 2 workers"),
        (definition("ParameterServer", 1, tensorflow={"parameterServerCount": -1}), "parameterServerCount"),
    ],
    ids=str,
)
def test_what_does_not_go_together_is_told(wanted: RunDefinition, words: str):
    with pytest.raises(RunConfigurationException, match=words):
        distribution_of(wanted)
