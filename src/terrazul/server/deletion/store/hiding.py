"""Putting what is doomed out of everybody's sight, in one transaction; its names are free from then on."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Text, cast, literal, select

from terrazul.server.deletion.store.doomed import Doomed, experiments_counted
from terrazul.server.experiment import store as experiments
from terrazul.server.experiment.store import DEFAULT_NUMBER, experiment
from terrazul.server.lineage import store as lineage
from terrazul.server.lineage.rules import MODEL
from terrazul.server.mlflow import registry_store as registry
from terrazul.server.model import store as models
from terrazul.server.run.store import logged_model
from terrazul.server.run.store.run import run
from terrazul.server.sql.variables import in_groups
from terrazul.server.sql.witness import removed

_NO_RUN_ID = "~"
_NO_EXPERIMENT_NAME = "\x1f"
"""Beginnings that no id and no name has: what is doomed keeps none that somebody could want."""


def hide(connection: Connection, workspace: int, doomed: Doomed, deletion: int, now: int) -> None:
    """Mark runs and experiments, for ``removal`` to remove them; models go at once."""
    going = [row for row in doomed.experiments if row.number != DEFAULT_NUMBER]
    _count_runs_off(connection, doomed, {row.key for row in going}, now)
    for group in in_groups(doomed.runs):
        run_ids = list(connection.execute(select(run.c.run_id).where(run.c.id.in_(group))).scalars())
        removed(connection, "run", *run_ids)
        lineage.forget_runs(connection, workspace, run_ids)
        unnamed = literal(_NO_RUN_ID) + cast(run.c.id, Text)
        values = {"deletion": deletion, "run_id": unnamed, "parent": None}
        connection.execute(run.update().where(run.c.id.in_(group)).values(values))
    removed(connection, "experiment", *(row.experiment.experiment_id for row in going))
    for row in going:
        unnamed_experiment = {"name": f"{_NO_EXPERIMENT_NAME}{row.key}", "number": -row.key}
        experiments.change(connection, row.key, {**unnamed_experiment, "deletion": deletion})
    for row in doomed.experiments:
        if row.number == DEFAULT_NUMBER:  # MLflow's protocol has it always: it is emptied
            emptied: dict[str, Any] = {"description": "", "tags": {}, "archived_at": None, "deleted_at": None}
            experiments.change(connection, row.key, {**emptied, "updated_at": now})
    logged_model.delete(connection, workspace, doomed.logged_models, now)
    _remove_models(connection, workspace, doomed, now)


def _count_runs_off(connection: Connection, doomed: Doomed, going: set[int], now: int) -> None:
    for key, number in experiments_counted(connection, doomed.runs).items():
        if key not in going:
            fewer = experiment.c.run_count - number
            experiments.change(connection, key, {"run_count": fewer, "updated_at": now})


def _remove_models(connection: Connection, workspace: int, doomed: Doomed, now: int) -> None:
    for version in doomed.versions:
        lineage.remove_user(connection, workspace, MODEL, version.id)
        registry.forget_version(connection, version.registered_model, version.version)
        models.delete(connection, workspace, version.key, now)
        removed(connection, "model", version.id)
    for name in doomed.names:
        registry.delete_name(connection, name.key)
