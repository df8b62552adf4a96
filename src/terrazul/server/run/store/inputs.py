"""The rows of what runs were made with and what came of them: datasets as MLflow describes them, and logged models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    select,
)
from sqlalchemy.dialects.sqlite import insert

from terrazul.server.run.store.run import RunRow
from terrazul.server.sql.among import among
from terrazul.server.sql.metadata import Json, metadata
from terrazul.server.sql.statement import Statement

dataset_input = Table(
    "dataset_input",
    metadata,
    Column("workspace", Integer, nullable=False),
    Column("run", ForeignKey("run.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("source_type", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("schema", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("tags", Json, nullable=False),
    Index("ix_dataset_input_search", "workspace", "name", "digest"),
    sqlite_with_rowid=False,
)
"""A dataset that a run reads. ``context`` says what for, and is one of the tags."""

run_model = Table(
    "run_model",
    metadata,
    Column("workspace", Integer, nullable=False),
    Column("run", ForeignKey("run.id"), primary_key=True),
    Column("made", Boolean, primary_key=True),
    Column("model_id", String(64), primary_key=True),
    Column("step", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""A logged model that a run made, or that it reads."""


class DatasetRow(NamedTuple):
    """A dataset that a run reads."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str
    profile: str
    context: str
    tags: dict[str, str]


class ModelRow(NamedTuple):
    """A logged model of a run."""

    made: bool
    model_id: str
    step: int


_DATASETS = Statement(select(
    dataset_input.c.run, dataset_input.c.name, dataset_input.c.digest, dataset_input.c.source_type,
    dataset_input.c.source, dataset_input.c.schema, dataset_input.c.profile, dataset_input.c.context,
    dataset_input.c.tags,
).where(among(dataset_input.c.run, "keys")))  # fmt: skip
_MODELS = Statement(
    select(run_model.c.run, run_model.c.made, run_model.c.model_id, run_model.c.step).where(
        among(run_model.c.run, "keys")
    )
)


def put_datasets(connection: Connection, row: RunRow, datasets: Sequence[DatasetRow]) -> None:
    """Note datasets that a run reads; one that is noted already keeps its place, and its tags are the new ones."""
    rows: list[dict[str, Any]] = [{"workspace": row.workspace, "run": row.key, **each._asdict()} for each in datasets]
    if rows:
        statement = insert(dataset_input)
        changed = {"context": statement.excluded.context, "tags": statement.excluded.tags}
        statement = statement.on_conflict_do_update(index_elements=["run", "name", "digest"], set_=changed)
        connection.execute(statement, rows)


def put_models(connection: Connection, row: RunRow, models: Sequence[ModelRow]) -> None:
    """Note logged models of a run; one that is noted already gets the new step."""
    rows = [{"workspace": row.workspace, "run": row.key, **each._asdict()} for each in models]
    if rows:
        statement = insert(run_model)
        changed = {"step": statement.excluded.step}
        connection.execute(
            statement.on_conflict_do_update(index_elements=["run", "made", "model_id"], set_=changed), rows
        )


def datasets_of(connection: Connection, keys: Sequence[int]) -> dict[int, list[DatasetRow]]:
    """The datasets that runs read, by run."""
    found: dict[int, list[DatasetRow]] = {}
    for row in _DATASETS.all(connection, {"keys": keys}):
        found.setdefault(row[0], []).append(DatasetRow(*row[1:]))
    return found


def models_of(connection: Connection, keys: Sequence[int]) -> dict[int, list[ModelRow]]:
    """The logged models of runs, by run."""
    found: dict[int, list[ModelRow]] = {}
    for row in _MODELS.all(connection, {"keys": keys}):
        found.setdefault(row[0], []).append(ModelRow(*row[1:]))
    return found
