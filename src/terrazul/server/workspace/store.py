"""The rows of workspaces. Names are compared without case, as v1 does."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Connection, Integer, Row, String, Table, Text, UniqueConstraint, func, select

from terrazul.core.clock import to_text
from terrazul.server.sql.metadata import Json, metadata, primary_key
from terrazul.server.sql.witness import made
from terrazul.wire.workspace import Workspace, WorkspaceScope

workspace = Table(
    "workspace",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace_id", String(36), nullable=False, unique=True),
    Column("subscription_id", Text, nullable=False),
    Column("resource_group", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("friendly_name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("tags", Json, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("last_experiment_number", Integer, nullable=False, default=0),
    UniqueConstraint("scope"),
)


class WorkspaceRow(NamedTuple):
    """A workspace with its key inside the database."""

    key: int
    workspace: Workspace


def scope_of(scope: WorkspaceScope) -> str:
    """The text under which a workspace is unique."""
    return "/".join(part.casefold() for part in (scope.subscription_id, scope.resource_group, scope.name))


def add(connection: Connection, new: Workspace, created_at: int) -> WorkspaceRow:
    """Enter a workspace."""
    scope = WorkspaceScope(new.subscription_id, new.resource_group, new.name)
    result = connection.execute(
        workspace.insert().values(
            workspace_id=new.workspace_id,
            subscription_id=new.subscription_id,
            resource_group=new.resource_group,
            name=new.name,
            scope=scope_of(scope),
            location=new.location,
            friendly_name=new.friendly_name,
            description=new.description,
            tags=new.tags,
            created_at=created_at,
            created_by=new.created_by,
        )
    )
    made(connection, "workspace", new.workspace_id)
    return WorkspaceRow(primary_key(result), new)


def find_by_scope(connection: Connection, scope: WorkspaceScope) -> WorkspaceRow | None:
    """The workspace of a scope."""
    return _one(connection.execute(select(workspace).where(workspace.c.scope == scope_of(scope))).first())


def find(connection: Connection, workspace_id: str) -> WorkspaceRow | None:
    """The workspace of an id."""
    return _one(connection.execute(select(workspace).where(workspace.c.workspace_id == workspace_id.lower())).first())


def find_oldest(connection: Connection) -> WorkspaceRow | None:
    """The workspace that was made first of those that there are."""
    return _one(connection.execute(select(workspace).order_by(workspace.c.id).limit(1)).first())


def list_all(connection: Connection, subscription_id: str | None, resource_group: str | None) -> list[WorkspaceRow]:
    """All workspaces, by name; those of a subscription and a resource group where they are given."""
    rows = [_row(row) for row in connection.execute(select(workspace).order_by(workspace.c.name))]
    return [
        row
        for row in rows
        if (subscription_id is None or row.workspace.subscription_id.casefold() == subscription_id.casefold())
        and (resource_group is None or row.workspace.resource_group.casefold() == resource_group.casefold())
    ]


def count(connection: Connection) -> int:
    """How many workspaces there are."""
    return connection.execute(select(func.count()).select_from(workspace)).scalar_one()


def get(connection: Connection, key: int) -> WorkspaceRow:
    """The workspace of a key that another row holds."""
    return _row(connection.execute(select(workspace).where(workspace.c.id == key)).one())


def next_experiment_number(connection: Connection, key: int) -> int:
    """Count a new experiment; returns its number, from 1, which is not given again."""
    query = (
        workspace.update()
        .where(workspace.c.id == key)
        .values(last_experiment_number=workspace.c.last_experiment_number + 1)
        .returning(workspace.c.last_experiment_number)
    )
    return int(connection.execute(query).scalar_one())


def change(connection: Connection, key: int, values: dict[str, object]) -> None:
    """Set columns of a workspace."""
    connection.execute(workspace.update().where(workspace.c.id == key).values(**values))


def delete(connection: Connection, key: int) -> None:
    """Remove a workspace with every row of every table that carries it."""
    for table in reversed(metadata.sorted_tables):
        if "workspace" in table.c:
            connection.execute(table.delete().where(table.c.workspace == key))
    connection.execute(workspace.delete().where(workspace.c.id == key))


def _one(row: Row[tuple[object, ...]] | None) -> WorkspaceRow | None:
    return None if row is None else _row(row)


def _row(row: Row[tuple[object, ...]]) -> WorkspaceRow:
    values = row._mapping  # noqa: SLF001  # SQLAlchemy's public name for it
    return WorkspaceRow(
        values["id"],
        Workspace(
            workspace_id=values["workspace_id"],
            subscription_id=values["subscription_id"],
            resource_group=values["resource_group"],
            name=values["name"],
            location=values["location"],
            friendly_name=values["friendly_name"],
            description=values["description"],
            tags=values["tags"],
            created_at=to_text(values["created_at"]),
            created_by=values["created_by"],
        ),
    )
