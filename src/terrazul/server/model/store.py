"""The rows of models, with their files, tags and properties."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from terrazul.server.sql.metadata import Json, metadata

registered_model = Table(
    "registered_model",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", ForeignKey("workspace.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("last_version", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    UniqueConstraint("workspace", "name"),
)
"""A name, with the last version that was given: one that was deleted is not given again."""

model = Table(
    "model",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", ForeignKey("workspace.id"), nullable=False),
    Column("registered_model", ForeignKey("registered_model.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("registration_id", String(64), nullable=False),
    Column("description", Text, nullable=False),
    Column("framework", Text, nullable=False),
    Column("framework_version", Text, nullable=False),
    Column("mlflow", Json, nullable=True),
    Column("sample_input_dataset_id", Text, nullable=False),
    Column("sample_output_dataset_id", Text, nullable=False),
    Column("resource_configuration", Json, nullable=True),
    Column("datasets", Json, nullable=False),
    Column("run_id", Text, nullable=True),
    Column("experiment_name", Text, nullable=False),
    Column("snapshot_id", String(36), nullable=True),
    Column("parent_id", Text, nullable=False),
    Column("file_count", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    UniqueConstraint("registered_model", "version"),
    UniqueConstraint("workspace", "registration_id"),
    Index("ix_model_newest", "workspace", "created_at", "id"),
    Index("ix_model_of_run", "workspace", "run_id"),
)

model_file = Table(
    "model_file",
    metadata,
    Column("workspace", Integer, nullable=False),
    Column("model", ForeignKey("model.id"), primary_key=True),
    Column("path", Text, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)


def _named_texts(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("workspace", Integer, nullable=False),
        Column("model", ForeignKey("model.id"), primary_key=True),
        Column("key", Text, primary_key=True),
        Column("value", Text, nullable=False),
        Index(f"ix_{name}_search", "workspace", "key", "value"),
        sqlite_with_rowid=False,
    )


tag = _named_texts("model_tag")
property_ = _named_texts("model_property")
