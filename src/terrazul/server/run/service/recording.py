"""What a run is made of and what is recorded of it, as parts of a transaction; both faces record through these."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from terrazul.core.clock import to_text
from terrazul.core.errors import AlreadyExists, InvalidInput
from terrazul.server.experiment import store as experiments
from terrazul.server.run.rules import new_properties
from terrazul.server.run.store import run as runs
from terrazul.server.run.store.run import RunRow
from terrazul.wire.run import RunEvent, RunState
from terrazul.wire.write import NewRun


def begin_run(
    connection: Connection, workspace: int, new: NewRun, parent: RunRow | None, experiment: int, user: str
) -> RunRow:
    """Enter a run that its writer conducts itself. Raises ``AlreadyExists`` where its id is taken."""
    if runs.find(connection, workspace, new.run_id):
        raise AlreadyExists(f"There is a run {new.run_id!r} already.", target=new.run_id)
    if new.state.terminal:
        raise InvalidInput("A run cannot begin in a state that ends it.", target=new.run_id)
    runs.add(
        connection,
        {
            "workspace": workspace,
            "run_id": new.run_id,
            "experiment": experiment,
            "number": experiments.next_run_number(connection, experiment),
            "type": new.type,
            "state": new.state.value,
            "display_name": new.display_name,
            "description": new.description,
            "created_at": new.time,
            "created_by": user,
            "started_at": new.time if new.state is RunState.RUNNING else None,
            "target": "local",
            "snapshot_id": new.snapshot_id,
            "warnings": [],
            "attempt": 1,
            "interactive": True,
        },
        parent,
    )
    row = runs.existing(connection, workspace, new.run_id)
    runs.set_tags(connection, row, new.tags)
    runs.add_properties(connection, row, new.properties)
    runs.add_parameters(connection, row, new.parameters)
    runs.add_event(connection, row, RunEvent(to_text(new.time), new.state), new.time)
    return row


def add_properties(connection: Connection, row: RunRow, wanted: Mapping[str, str]) -> None:
    """Set properties. Raises ``AlreadyExists`` where one has another value."""
    there = runs.properties_of(connection, row.key)
    runs.add_properties(connection, row, new_properties(there, wanted, f"run {row.run_id}"))


def add_parameters(connection: Connection, row: RunRow, wanted: Mapping[str, str]) -> None:
    """Set parameters. Raises ``ParameterConflict`` where one has another value."""
    there = runs.parameters_of(connection, row.key)
    for key, value in wanted.items():
        if there.get(key, value) != value:
            raise ParameterConflict(
                f"Changing param values is not allowed. Param with key='{key}' was already logged with "
                f"value='{there[key]}' for run ID='{row.run_id}'. Attempted logging new value '{value}'.",
                target=key,
                hint="A parameter keeps its first value; log what changes as a metric, or in a run of its own.",
            )
    runs.add_parameters(connection, row, {key: value for key, value in wanted.items() if key not in there})


class ParameterConflict(InvalidInput):
    """A parameter was to get another value."""
