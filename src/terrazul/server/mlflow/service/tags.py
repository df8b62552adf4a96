"""Tags of MLflow that are more than tags: a run's name, its description and its parent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from terrazul.server.run.store import run as runs
from terrazul.server.run.store.run import RunRow
from terrazul.wire.mlflow.error import InvalidParameter
from terrazul.wire.mlflow.rules import PARENT, divide


def set_tags(connection: Connection, row: RunRow, tags: Mapping[str, str]) -> None:
    """Set tags of a run. The parent is decided when the run begins; named later, it is a tag and no more."""
    divided = divide(tags)
    values: dict[str, Any] = {}
    if divided.run_name is not None:
        values["display_name"] = divided.run_name
    if divided.note is not None:
        values["description"] = divided.note
    if values:
        runs.change(connection, row.key, values)
    runs.set_tags(connection, row, {**divided.tags, **({PARENT: divided.parent} if divided.parent else {})})


def active_run(row: RunRow) -> RunRow:
    """The run itself. Raises ``InvalidParameter`` where it is deleted."""
    if row.deleted:
        raise InvalidParameter(
            f"The run {row.run_id} must be in the 'active' state. Current state is deleted.", target=row.run_id
        )
    return row
