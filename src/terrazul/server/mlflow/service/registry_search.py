"""What the registry is searched by: names, versions, and the columns behind each field."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Text, cast, func, literal

from terrazul.server.mlflow import registry_store as store
from terrazul.server.mlflow.registry_store import NO_STAGE
from terrazul.server.mlflow.selection import Listing
from terrazul.server.model import store as models
from terrazul.server.model.event import REGISTRY
from terrazul.server.model.store import model, registered_model
from terrazul.server.run.search.tree import Entity, Field, Kind, Schema
from terrazul.server.sql.text_map import text_at

_NO_PROMPT = {"mlflow.prompt.is_prompt": "false"}
"""What stands for the tag of prompts where it is missing: MLflow's client asks for ``!= 'true'`` in each search."""
_TAGS = dict.fromkeys(("tag", "tags"), (Entity.TAG, Kind.TEXT))


def _schema(**attributes: Kind) -> Schema:
    return Schema(
        attributes={name: Field(Entity.ATTRIBUTE, name, kind) for name, kind in attributes.items()},
        entities={**dict.fromkeys(("attribute", "attributes", "attr"), (Entity.ATTRIBUTE, Kind.TEXT)), **_TAGS},
    )


NAME_SCHEMA = _schema(
    name=Kind.TEXT, timestamp=Kind.TIME, creation_timestamp=Kind.TIME, last_updated_timestamp=Kind.TIME
)
VERSION_SCHEMA = _schema(
    name=Kind.TEXT, run_id=Kind.TEXT, source_path=Kind.TEXT, version_number=Kind.NUMBER, current_stage=Kind.TEXT,
    creation_timestamp=Kind.TIME, last_updated_timestamp=Kind.TIME,
)  # fmt: skip

_NAME_COLUMNS: dict[str, ColumnElement[Any]] = {
    "name": registered_model.c.name,
    "timestamp": func.coalesce(store.detail.c.updated_at, registered_model.c.created_at),
    "creation_timestamp": registered_model.c.created_at,
    "last_updated_timestamp": func.coalesce(store.detail.c.updated_at, registered_model.c.created_at),
}
_FOLDER = func.nullif(text_at(model.c.mlflow, "folder"), "")
_ADDRESS = literal(f"{REGISTRY}/") + registered_model.c.name + "/" + cast(model.c.version, Text)
_VERSION_COLUMNS: dict[str, ColumnElement[Any]] = {
    "name": registered_model.c.name,
    "run_id": model.c.run_id,
    "source_path": func.coalesce(
        func.nullif(store.origin.c.source, ""), _ADDRESS + func.coalesce(literal("/") + _FOLDER, "")
    ),
    "version_number": model.c.version,
    "current_stage": func.coalesce(store.origin.c.stage, NO_STAGE),
    "creation_timestamp": model.c.created_at,
    "last_updated_timestamp": model.c.modified_at,
}


def _value_of_name(field: Field) -> ColumnElement[Any]:
    if field.entity is Entity.ATTRIBUTE:
        return _NAME_COLUMNS[field.key]
    return _or_no_prompt(field.key, store.name_tag.value_of(registered_model.c.id, field.key))


def _value_of_version(field: Field) -> ColumnElement[Any]:
    if field.entity is Entity.ATTRIBUTE:
        return _VERSION_COLUMNS[field.key]
    texts = (kind.value_of(model.c.id, field.key) for kind in (models.tag, models.property_))
    return _or_no_prompt(field.key, *texts)


def _or_no_prompt(key: str, *values: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(*values, _NO_PROMPT.get(key))


NAMES = Listing(store.NAME_SOURCE, registered_model.c.id, registered_model.c.created_at, _value_of_name)
VERSIONS = Listing(store.VERSION_SOURCE, model.c.id, model.c.modified_at, _value_of_version)
