"""How many processes a run has, and on which of its nodes: from its definition alone. Pure."""

from __future__ import annotations

from typing import Any, List, Optional

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import RunConfigurationException
from terrazul.wire.run_configuration import RunDefinition

MPI = frozenset(["OpenMpi", "IntelMpi"])
TORCH = frozenset(["Nccl", "Gloo"])
TENSORFLOW = "ParameterServer"
WORKER, PARAMETER_SERVER = "worker", "ps"
MOST_NODES = 1000
MOST_PROCESSES = 4096


@dataclass(frozen=True)
class Task:
    """One process of a run. ``rank`` counts all of them from 0, ``index`` those of its kind."""

    rank: int
    node: int
    local_rank: int
    kind: str = WORKER
    index: int = 0


@dataclass(frozen=True)
class Distribution:
    """All processes of a run, by rank. ``is_plain``: one, that nobody distributes, as in most runs."""

    node_count: int
    tasks: List[Task]
    is_plain: bool = False

    def on_node(self, node: int) -> List[Task]:
        """The processes of a node, by rank."""
        return [task for task in self.tasks if task.node == node]

    def of_kind(self, kind: str) -> List[Task]:
        """The processes of a kind, by index."""
        return [task for task in self.tasks if task.kind == kind]


def distribution_of(definition: RunDefinition) -> Distribution:
    """The processes of a run.

    Raises ``RunConfigurationException`` for numbers of nodes and processes that do not go together.
    """
    nodes = definition.node_count
    if not 1 <= nodes <= MOST_NODES:
        raise _wrong("node_count", f"A run cannot have {nodes} nodes", f"Give 1 to {MOST_NODES}.")
    if definition.communicator == TENSORFLOW:
        return _of_tensorflow(definition, nodes)
    per_node = _processes_per_node(definition, nodes)
    if nodes * per_node > MOST_PROCESSES:
        raise _too_many(nodes * per_node)
    tasks = [Task(rank, rank // per_node, rank % per_node, index=rank) for rank in range(nodes * per_node)]
    return Distribution(nodes, tasks, is_plain=len(tasks) == 1 and definition.communicator == "None")


def _processes_per_node(definition: RunDefinition, nodes: int) -> int:
    if definition.communicator in MPI:
        return _number(definition, "mpi", "processCountPerNode") or 1
    if definition.communicator not in TORCH:
        return 1
    processes = _number(definition, "pytorch", "processCount")
    if processes is None:
        return 1
    if processes % nodes:
        hint = "Give a process_count that is a multiple of node_count, or none for one process on each node."
        what = f"{processes} processes cannot be spread evenly over {nodes} nodes"
        raise _wrong("process_count", what, hint)
    return processes // nodes


def _of_tensorflow(definition: RunDefinition, nodes: int) -> Distribution:
    """Workers go round the nodes from the first, and so do parameter servers."""
    workers = _number(definition, "tensorflow", "workerCount") or 1
    servers = _number(definition, "tensorflow", "parameterServerCount", least=0)
    servers = 1 if servers is None else servers
    if workers + servers > MOST_PROCESSES:
        raise _too_many(workers + servers)
    if workers < nodes:
        what = f"{nodes} nodes are more than the {workers} workers"
        raise _wrong("worker_count", what, "Give as many workers as nodes, or more.")
    kinds = [(WORKER, index) for index in range(workers)] + [(PARAMETER_SERVER, index) for index in range(servers)]
    taken = [0] * nodes
    tasks = []
    for rank, (kind, index) in enumerate(kinds):
        node = index % nodes
        tasks.append(Task(rank, node, taken[node], kind, index))
        taken[node] += 1
    return Distribution(nodes, tasks)


def _number(definition: RunDefinition, section: str, key: str, least: int = 1) -> Optional[int]:
    """A number of a section; None where it says nothing."""
    content: Any = definition.sections.get(section)
    value = content.get(key) if isinstance(content, dict) else None
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST_PROCESSES:
        what = f"{key} of the section {section} is {str(value)[:40]!r}"
        raise _wrong(key, what, f"Give {least} to {MOST_PROCESSES}.")
    return value


def _too_many(count: int) -> RunConfigurationException:
    return _wrong("node_count", f"The run asks for {count} processes", f"It may have {MOST_PROCESSES}.")


def _wrong(target: str, what: str, hint: str) -> RunConfigurationException:
    return RunConfigurationException(f"{what}.", target=target, hint=hint)
