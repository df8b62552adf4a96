"""Models as a deployment sees them: files, and what a driver must know."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from terrazul.core.errors import ModelNotFoundException
from terrazul.server.model.store import model, model_file, registered_model
from terrazul.wire.endpoint import DeployedModel
from terrazul.wire.model import ModelFile


class ModelRow(NamedTuple):
    """What there is to know of a model that is to be deployed."""

    key: int
    id: str
    name: str
    version: int
    mlflow: dict[str, Any] | None
    file_count: int


def existing(connection: Connection, workspace: int, model_id: str) -> ModelRow:
    """The model of an id. Raises ``ModelNotFoundException``."""
    name, _, version = model_id.rpartition(":")
    row = None
    if version.isascii() and version.isdigit() and len(version) < 10:  # noqa: PLR2004  # what an integer column holds
        query = (
            select(model.c.id, model.c.mlflow, model.c.file_count)
            .join(registered_model)
            .where(
                registered_model.c.workspace == workspace,
                registered_model.c.name == name,
                model.c.version == int(version),
            )
        )
        row = connection.execute(query).first()
    if row is None:
        raise ModelNotFoundException(
            f"There is no model {model_id[:80]!r} in this workspace.",
            target=model_id[:80],
            hint="List what there is with `terrazul model list`; an id is name:version.",
        )
    return ModelRow(row.id, f"{name}:{int(version)}", name, int(version), row.mlflow, row.file_count)


def with_files(connection: Connection, row: ModelRow) -> DeployedModel:
    """A model with its files."""
    query = select(model_file.c.path, model_file.c.digest, model_file.c.size).where(model_file.c.model == row.key)
    files = [ModelFile(*each) for each in connection.execute(query.order_by(model_file.c.path))]
    return DeployedModel(row.name, row.version, files)
