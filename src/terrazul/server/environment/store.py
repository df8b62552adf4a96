"""The rows of environments."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
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
from terrazul.core.errors import Conflict
from terrazul.server.sql.metadata import Json, metadata
from terrazul.server.sql.witness import made
from terrazul.wire.environment import Environment, EnvironmentDefinition

environment = Table(
    "environment",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", ForeignKey("workspace.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("definition", Json, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    UniqueConstraint("workspace", "name", "version"),
)


def add(
    connection: Connection,
    workspace: int,
    definition: EnvironmentDefinition,
    digest: str,
    now: int,
    user: str,
    wanted: int | None = None,
) -> Environment:
    """Enter a definition as the next version of its name.

    With a wanted version it is that one. Raises ``Conflict`` where the name has passed it.
    """
    of_name = (environment.c.workspace == workspace) & (environment.c.name == definition.name)
    last = connection.execute(select(func.max(environment.c.version)).where(of_name)).scalar() or 0
    version = last + 1 if wanted is None else wanted
    if version <= last:
        raise Conflict(
            f"The environment {definition.name!r} has passed the version {version}: its newest is {last}.",
            target=f"{definition.name}:{version}",
            hint="Import into another workspace, where the name is free.",
        )
    values = {
        "workspace": workspace,
        "name": definition.name,
        "version": version,
        "definition": msgspec.to_builtins(definition),
        "digest": digest,
        "created_at": now,
        "created_by": user,
    }
    connection.execute(environment.insert().values(**values))
    made(connection, "environment", f"{definition.name}:{version}")
    return Environment(definition.name, str(version), definition, to_text(now), user)


def digest_of(connection: Connection, workspace: int, name: str, version: int) -> str | None:
    """By what the definition of a version is told from others; ``None`` where there is no such version."""
    of_version = (environment.c.name == name) & (environment.c.version == version)
    query = select(environment.c.digest).where(environment.c.workspace == workspace, of_version)
    return connection.execute(query).scalar()


def find_same(connection: Connection, workspace: int, name: str, digest: str) -> Environment | None:
    """The newest version, where it has this definition."""
    newest = list_all(connection, workspace, name)[:1]
    row = connection.execute(
        select(environment.c.digest)
        .where(environment.c.workspace == workspace, environment.c.name == name)
        .order_by(environment.c.version.desc())
        .limit(1)
    ).scalar()
    return newest[0] if row == digest else None


def list_all(connection: Connection, workspace: int, name: str | None) -> list[Environment]:
    """All versions, newest first; of one name where it is given."""
    query = select(environment).where(environment.c.workspace == workspace).order_by(environment.c.id.desc())
    if name is not None:
        query = query.where(environment.c.name == name)
    return [_row(row) for row in connection.execute(query)]


def _row(row: Row[Any]) -> Environment:
    definition = msgspec.convert(row.definition, EnvironmentDefinition)
    return Environment(row.name, str(row.version), definition, to_text(row.created_at), row.created_by)
