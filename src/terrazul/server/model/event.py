"""What webhooks are told of models. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping

from terrazul.server.model.rules import ModelId
from terrazul.server.webhook.rules import (
    Event,
    model_version_created,
    registered_model_created,
    tag_deleted,
    tag_set,
)
from terrazul.wire.model import Model, ModelChange

REGISTRY = "mlflow-artifacts:/registry"
"""Where versions lie for MLflow, each below its name and its number."""


def place_in_registry(name: str, version: int, mlflow: Mapping[str, object] | None) -> str:
    """Where a version's files are for MLflow: the folder that holds its ``MLmodel``, where it has one."""
    folder = str((mlflow or {}).get("folder") or "")
    return f"{REGISTRY}/{name}/{version}" + (f"/{folder}" if folder else "")


def of_registration(model: Model, source: str, *, is_new_name: bool) -> list[Event]:
    """A version was registered; MLflow's clients see its properties among its tags."""
    told = source or place_in_registry(model.name, model.version, model.mlflow)
    tags = {**model.properties, **model.tags}
    version = model_version_created(model.name, model.version, told, model.run_id, tags, model.description)
    return [registered_model_created(model.name, {}, ""), version] if is_new_name else [version]


def of_change(row: ModelId, before: Mapping[str, str], added: Mapping[str, str], change: ModelChange) -> list[Event]:
    """A version was changed that had these tags, and that was given these properties."""
    name, version = row.name, row.version or 0
    gone = [key for key in before if key in change.remove_tags and key not in change.set_tags]
    fresh = {**added, **change.set_tags}
    if change.replace_tags is not None:
        after = {key: value for key, value in change.replace_tags.items() if key not in change.remove_tags}
        gone = [key for key in before if key not in after and key not in change.set_tags]
        fresh = {**added, **after, **change.set_tags}
    return [
        *(tag_deleted(name, version, key) for key in gone),
        *(tag_set(name, version, key, value) for key, value in fresh.items()),
    ]
