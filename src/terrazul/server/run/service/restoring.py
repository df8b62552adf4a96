"""Bringing back what was deleted softly, as a part of a transaction; both faces restore through this."""

from __future__ import annotations

from sqlalchemy import Connection

from terrazul.server.experiment import store as experiments
from terrazul.server.experiment.store import ExperimentRow
from terrazul.server.run.store import run as runs


def restore_experiment(connection: Connection, row: ExperimentRow, deleted_at: int, now: int) -> None:
    """Bring an experiment back, with the runs that were deleted together with it."""
    runs.restore_all_of(connection, row.key, deleted_at)
    experiments.change(connection, row.key, {"deleted_at": None, "updated_at": now})
