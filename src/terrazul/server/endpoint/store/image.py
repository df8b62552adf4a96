"""The rows of images: deployments that are kept under a name and a version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
)

from terrazul.core.clock import to_text
from terrazul.server.sql.metadata import Json, metadata
from terrazul.server.sql.witness import made
from terrazul.wire.endpoint import Deployment, Image, NewImage

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
    Column("deleted", Boolean, nullable=False),
    UniqueConstraint("workspace", "name", "version"),
    UniqueConstraint("workspace", "registration_id"),
)
"""A version that was deleted keeps its row, so that it is not given again."""


def add(connection: Connection, workspace: int, new: NewImage, created_at: int, created_by: str) -> Image:
    """Enter a deployment as the next version of its name; one that is sent again stays as it is."""
    known = image.c.registration_id == new.registration_id
    row = connection.execute(select(image).where(image.c.workspace == workspace, known)).first()
    if row is not None:
        return _row(row)
    of_name = (image.c.workspace == workspace) & (image.c.name == new.name)
    last = connection.execute(select(func.max(image.c.version)).where(of_name)).scalar() or 0
    values = {
        "workspace": workspace,
        "name": new.name,
        "version": last + 1,
        "registration_id": new.registration_id,
        "deployment": msgspec.to_builtins(new.deployment),
        "description": new.description,
        "tags": new.tags,
        "properties": new.properties,
        "created_at": created_at,
        "created_by": created_by,
        "deleted": False,
    }
    connection.execute(image.insert().values(**values))
    made(connection, "image", f"{new.name}:{last + 1}")
    row = connection.execute(select(image).where(of_name, image.c.version == last + 1)).one()
    return _row(row)


def find(connection: Connection, workspace: int, name: str, version: int | None) -> Image | None:
    """A version of an image, or the newest of a name."""
    query = select(image).where(image.c.workspace == workspace, image.c.name == name, image.c.deleted.is_(False))
    if version is not None:
        query = query.where(image.c.version == version)
    row = connection.execute(query.order_by(image.c.version.desc()).limit(1)).first()
    return None if row is None else _row(row)


def list_all(connection: Connection, workspace: int) -> list[Image]:
    """The images of a workspace, newest first."""
    query = select(image).where(image.c.workspace == workspace, image.c.deleted.is_(False))
    return [_row(row) for row in connection.execute(query.order_by(image.c.id.desc()))]


def change(connection: Connection, workspace: int, of: Image, values: Mapping[str, object]) -> None:
    """Set columns of an image."""
    where = (image.c.workspace == workspace) & (image.c.name == of.name) & (image.c.version == of.version)
    connection.execute(image.update().where(where).values(**values))


def _row(row: Row[Any]) -> Image:
    return Image(
        id=f"{row.name}:{row.version}",
        name=row.name,
        version=row.version,
        deployment=msgspec.convert(row.deployment, Deployment),
        description=row.description,
        tags=row.tags,
        properties=row.properties,
        created_at=to_text(row.created_at),
        created_by=row.created_by,
    )
