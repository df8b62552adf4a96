"""The fields by which runs are searched: MLflow's, v1's and Terrazul's names for them."""

from __future__ import annotations

from terrazul.server.run.search.tree import Entity, Field, Kind, Schema

_TEXT, _NUMBER, _TIME = Kind.TEXT, Kind.NUMBER, Kind.TIME

_NAMES: dict[str, tuple[Kind, tuple[str, ...]]] = {
    "run_id": (_TEXT, ("run_id", "id")),
    "display_name": (_TEXT, ("run_name", "name", "display_name")),
    "description": (_TEXT, ("description",)),
    "state": (Kind.STATE, ("status", "state")),
    "type": (_TEXT, ("type",)),
    "target": (_TEXT, ("target",)),
    "number": (_NUMBER, ("number",)),
    "experiment": (_TEXT, ("experiment", "experiment_name")),
    "experiment_id": (_TEXT, ("experiment_id",)),
    "parent_run_id": (_TEXT, ("parent_run_id",)),
    "root_run_id": (_TEXT, ("root_run_id",)),
    "snapshot_id": (_TEXT, ("snapshot_id",)),
    "created_by": (_TEXT, ("user_id", "created_by")),
    "created_at": (_TIME, ("created", "created_at")),
    "started_at": (_TIME, ("start_time", "started_at")),
    "ended_at": (_TIME, ("end_time", "ended_at")),
    "duration": (_NUMBER, ("duration",)),
}
_ENTITIES: dict[Entity, tuple[Kind, tuple[str, ...]]] = {
    Entity.METRIC: (_NUMBER, ("metric", "metrics")),
    Entity.METRIC_MINIMUM: (_NUMBER, ("metric_min",)),
    Entity.METRIC_MAXIMUM: (_NUMBER, ("metric_max",)),
    Entity.PARAMETER: (_TEXT, ("param", "params", "parameter", "parameters")),
    Entity.TAG: (_TEXT, ("tag", "tags")),
    Entity.PROPERTY: (_TEXT, ("property", "properties")),
    Entity.ATTRIBUTE: (_TEXT, ("attribute", "attributes", "attr", "run")),
    Entity.DATASET: (_TEXT, ("dataset", "datasets")),
}


def attribute(key: str) -> Field:
    """An attribute of runs by its own name."""
    return Field(Entity.ATTRIBUTE, key, _NAMES[key][0])


RUN_SCHEMA = Schema(
    attributes={name: attribute(key) for key, (_, names) in _NAMES.items() for name in names},
    entities={name: (entity, kind) for entity, (kind, names) in _ENTITIES.items() for name in names},
    stand_ins={
        (Entity.TAG, "mlflow.runName"): attribute("display_name"),
        (Entity.TAG, "mlflow.note.content"): attribute("description"),
        (Entity.TAG, "mlflow.parentRunId"): attribute("parent_run_id"),
        (Entity.TAG, "mlflow.rootRunId"): attribute("root_run_id"),
    },
    keys={Entity.DATASET: ("name", "digest", "context")},
)
"""What can be searched of runs; some of MLflow's tags are attributes here."""
