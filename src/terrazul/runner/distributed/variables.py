"""What each process of a distributed run finds around it: v1's variables, and those of its framework. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from terrazul.wire.distribution import MPI, PARAMETER_SERVER, TENSORFLOW, TORCH, WORKER, Distribution, Task
from terrazul.wire.heartbeat import RunMember
from terrazul.wire.job import MEMBER_VARIABLE


def of_task(
    communicator: str, distribution: Distribution, task: Task, members: Sequence[RunMember], *, head: bool = False
) -> dict[str, str]:
    """The variables of one process; ``members`` are all nodes, by number.

    ``head`` where it is the head that starts it, on whatever node it counts as.
    """
    master, port = members[0].address, str(members[0].ports[0])
    addresses = [member.address for member in members]
    found = {
        MEMBER_VARIABLE: "0" if head else str(task.node),
        "AZ_BATCH_HOST_LIST": ",".join(addresses),
        "AZ_BATCH_NODE_LIST": ";".join(addresses),
        "AZ_BATCH_MASTER_NODE": f"{master}:{port}",
        "AZ_BATCH_IS_CURRENT_NODE_MASTER": "true" if task.node == 0 else "false",
        "AZ_BATCHAI_TASK_INDEX": str(task.index),
        "MASTER_ADDR": master,
        "MASTER_PORT": port,
        "NODE_RANK": str(task.node),
    }
    if communicator in MPI:
        found.update(_of_mpi(distribution, task, master))
    elif communicator in TORCH:
        found.update(_of_torch(distribution, task, f"tcp://{master}:{port}"))
    elif communicator == TENSORFLOW:
        found.update(_of_tensorflow(distribution, task, members))
    return found


def filled_in(arguments: Sequence[str], variables: Mapping[str, str]) -> list[str]:
    """Arguments such as ``$AZ_BATCHAI_TASK_INDEX``, with which v1's scripts tell each process its place."""
    return [variables.get(each[1:], each) if each.startswith("$AZ_BATCH") else each for each in arguments]


def _of_mpi(distribution: Distribution, task: Task, master: str) -> dict[str, str]:
    size, beside = str(len(distribution.tasks)), str(len(distribution.on_node(task.node)))
    return {
        "AZ_BATCHAI_MPI_MASTER_NODE": master,
        "OMPI_COMM_WORLD_RANK": str(task.rank),
        "OMPI_COMM_WORLD_SIZE": size,
        "OMPI_COMM_WORLD_LOCAL_RANK": str(task.local_rank),
        "OMPI_COMM_WORLD_LOCAL_SIZE": beside,
        "OMPI_COMM_WORLD_NODE_RANK": str(task.local_rank),
        "OMPI_UNIVERSE_SIZE": size,
    }


def _of_torch(distribution: Distribution, task: Task, url: str) -> dict[str, str]:
    return {
        "AZ_BATCHAI_PYTORCH_INIT_METHOD": url,
        "RANK": str(task.rank),
        "WORLD_SIZE": str(len(distribution.tasks)),
        "LOCAL_RANK": str(task.local_rank),
    }


def _of_tensorflow(distribution: Distribution, task: Task, members: Sequence[RunMember]) -> dict[str, str]:
    hosts = {
        kind: [_place(each, members) for each in distribution.of_kind(kind)] for kind in (WORKER, PARAMETER_SERVER)
    }
    configuration = {
        "cluster": {kind: places for kind, places in hosts.items() if places},
        "task": {"type": task.kind, "index": task.index},
        "environment": "cloud",
    }
    return {
        "TF_CONFIG": json.dumps(configuration),
        "AZ_BATCHAI_WORKER_HOSTS": ",".join(hosts[WORKER]),
        "AZ_BATCHAI_PS_HOSTS": ",".join(hosts[PARAMETER_SERVER]),
    }


def _place(task: Task, members: Sequence[RunMember]) -> str:
    """Where a process is to listen: each has a port of its own."""
    node = members[task.node]
    return f"{node.address}:{node.ports[1 + task.local_rank]}"
