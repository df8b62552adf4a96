"""The rows of images: deployments that are kept under a name and a version."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table, Text, UniqueConstraint

from terrazul.server.sql.metadata import Json, metadata

image = Table(
    "image",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", ForeignKey("workspace.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("registration_id", String(64), nullable=False),
    Column("deployment", Json, nullable=False),
    Column("description", Text, nullable=False),
    Column("tags", Json, nullable=False),
    Column("properties", Json, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    UniqueConstraint("workspace", "name", "version"),
    UniqueConstraint("workspace", "registration_id"),
)
