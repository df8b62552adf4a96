"""The rows of web services and of their revisions."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from terrazul.server.sql.metadata import Json, metadata

webservice = Table(
    "webservice",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", ForeignKey("workspace.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("compute_type", String(16), nullable=False),
    Column("description", Text, nullable=False),
    Column("tags", Json, nullable=False),
    Column("properties", Json, nullable=False),
    Column("deployment_id", String(64), nullable=False),
    Column("port", Integer, nullable=False, unique=True),
    Column("primary_key", Text, nullable=False),
    Column("secondary_key", Text, nullable=False),
    Column("wanted_revision", Integer, nullable=False),
    Column("orders", Integer, nullable=False),
    Column("reloads", Integer, nullable=False),
    Column("deleting", Boolean, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("placement", Json, nullable=True),
    Column("state", String(16), nullable=False),
    Column("phase", Text, nullable=False),
    Column("error", Json, nullable=True),
    Column("orders_carried_out", Integer, nullable=False),
    Column("serving_revision", Integer, nullable=False),
    Column("workers", Integer, nullable=False),
    Column("reported_at", BigInteger, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("workspace", "name"),
)
"""How a web service is to be (``wanted_revision`` … ``deleting``), and how its supervisor last said that it is."""

revision = Table(
    "webservice_revision",
    metadata,
    Column("workspace", Integer, nullable=False),
    Column("webservice", ForeignKey("webservice.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("deployment", Json, nullable=False),
    Column("settings", Json, nullable=False),
    Column("image_id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    sqlite_with_rowid=False,
)
