"""The words of edges, and what those between runs and datasets say."""

from __future__ import annotations

from collections.abc import Iterable

from terrazul.core.errors import InvalidInput
from terrazul.core.ids import check_data_name, is_guid
from terrazul.wire.lineage import DatasetUse, Edge
from terrazul.wire.run_configuration import DataInput

MODEL, RUN, SNAPSHOT, DATASET, DATASTORE = "model", "run", "snapshot", "dataset", "datastore"
"""The types of things that edges lead from and to."""
READ = "read"
"""The role of a dataset that a script found by itself."""
_INPUT, _OUTPUT = "input ", "output "


def edge_of(run_id: str, use: DatasetUse) -> Edge:
    """A use as an edge: a run uses what it reads, and what it makes comes of it.

    Raises ``InvalidInput`` for a name or an id that cannot be one.
    """
    if not is_guid(use.dataset_id):
        raise InvalidInput(
            f"{use.dataset_id[:80]!r} is not the id of a dataset.", target="dataset_id", hint="Pass dataset.id."
        )
    if use.name or use.is_output:
        check_data_name(use.name)
    if use.is_output:
        return Edge(DATASET, use.dataset_id, RUN, run_id, _OUTPUT + use.name)
    return Edge(RUN, run_id, DATASET, use.dataset_id, _INPUT + use.name if use.name else READ)


def edges_of_inputs(run_id: str, inputs: Iterable[DataInput]) -> list[Edge]:
    """The datasets that a run was told to read."""
    return [edge_of(run_id, DatasetUse(each.dataset_id, each.name)) for each in inputs if each.dataset_id]


def uses_in(edges: Iterable[Edge]) -> list[DatasetUse]:
    """The uses of datasets by a run that its edges tell of; inputs by their names first."""
    found = []
    for each in edges:
        if each.used_type == DATASET and each.user_type == RUN:
            found.append(DatasetUse(each.used_id, each.role[len(_INPUT) :] if each.role.startswith(_INPUT) else ""))
        elif each.user_type == DATASET and each.used_type == RUN:
            found.append(DatasetUse(each.user_id, each.role[len(_OUTPUT) :], is_output=True))
    return sorted(found, key=lambda use: (use.is_output, not use.name, use.name, use.dataset_id))
