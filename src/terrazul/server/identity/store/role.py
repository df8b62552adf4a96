"""The rows of the roles that an installation made, and of who has which role in which workspace."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    or_,
    select,
)

from terrazul.server.identity.store.user import group, membership, user
from terrazul.server.sql.metadata import Json, metadata
from terrazul.server.sql.witness import made
from terrazul.server.workspace.store import workspace

role = Table(
    "role",
    metadata,
    Column("name", Text, primary_key=True),
    Column("description", Text, nullable=False),
    Column("actions", Json, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    sqlite_with_rowid=False,
)

assignment = Table(
    "role_assignment",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", ForeignKey("workspace.id"), nullable=False),
    Column("user", ForeignKey("user.id"), nullable=True, index=True),
    Column("user_group", ForeignKey("user_group.id"), nullable=True, index=True),
    Column("role", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("folder", Text, nullable=False, server_default=""),
    UniqueConstraint("workspace", "user", "role", "folder"),
    UniqueConstraint("workspace", "user_group", "role", "folder"),
)
"""Either of a user or of a group; in the workspace, or on a folder of its experiments."""


class RoleRow(NamedTuple):
    """A role as its table holds it."""

    name: str
    description: str
    actions: list[str]
    created_at: int
    created_by: str


class AssignmentRow(NamedTuple):
    """Who has a role in a workspace, by name."""

    user: str | None
    group: str | None
    role: str
    created_at: int
    created_by: str
    folder: str


class Given(NamedTuple):
    """A role that somebody has: in a workspace, or on a folder of experiments there."""

    workspace_id: str
    role: str
    folder: str


def put(connection: Connection, row: RoleRow) -> None:
    """Enter a role in the place of one of its name."""
    if find(connection, row.name) is None:
        made(connection, "role", row.name)
    delete(connection, row.name)
    connection.execute(role.insert().values(row._asdict()))


def find(connection: Connection, name: str) -> RoleRow | None:
    """The role of a name."""
    row = connection.execute(select(role).where(role.c.name == name)).first()
    return None if row is None else RoleRow(*row)


def list_all(connection: Connection) -> list[RoleRow]:
    """All of them, by name."""
    return [RoleRow(*row) for row in connection.execute(select(role).order_by(role.c.name))]


def delete(connection: Connection, name: str) -> None:
    """Remove a role; who has it has nothing of it any more."""
    connection.execute(role.delete().where(role.c.name == name))


def is_assigned(connection: Connection, name: str) -> bool:
    """True where somebody has a role."""
    return connection.execute(select(assignment.c.id).where(assignment.c.role == name).limit(1)).first() is not None


def assign(connection: Connection, values: dict[str, Any]) -> None:
    """Give a role, unless it is there."""
    if connection.execute(select(assignment.c.id).where(_same(values))).first() is None:
        connection.execute(assignment.insert().values(values))


def withdraw(connection: Connection, values: dict[str, Any]) -> bool:
    """Take a role away; False where it was not there."""
    return connection.execute(assignment.delete().where(_same(values))).rowcount > 0


def withdraw_all(connection: Connection, *, user_key: int | None = None, group_key: int | None = None) -> None:
    """Take all roles of a user, or of a group, away."""
    whose = assignment.c.user == user_key if group_key is None else assignment.c.user_group == group_key
    connection.execute(assignment.delete().where(whose))


def of_workspace(connection: Connection, workspace_key: int) -> list[AssignmentRow]:
    """Who has which role in a workspace: users first, by name."""
    found = (
        select(
            user.c.name,
            group.c.name,
            assignment.c.role,
            assignment.c.created_at,
            assignment.c.created_by,
            assignment.c.folder,
        )
        .outerjoin_from(assignment, user, assignment.c.user == user.c.id)
        .outerjoin(group, assignment.c.user_group == group.c.id)
        .where(assignment.c.workspace == workspace_key)
        .order_by(user.c.name.is_(None), user.c.name, group.c.name, assignment.c.folder, assignment.c.role)
    )
    return [AssignmentRow(*row) for row in connection.execute(found)]


def of_user(connection: Connection, user_key: int) -> list[Given]:
    """The roles of a user, those of the user's groups included."""
    groups = select(membership.c.user_group).where(membership.c.user == user_key)
    found = (
        select(workspace.c.workspace_id, assignment.c.role, assignment.c.folder)
        .join(workspace, workspace.c.id == assignment.c.workspace)
        .where(or_(assignment.c.user == user_key, assignment.c.user_group.in_(groups)))
        .order_by(workspace.c.workspace_id, assignment.c.role, assignment.c.folder)
        .distinct()
    )
    return [Given(*row) for row in connection.execute(found)]


def _same(values: dict[str, Any]) -> Any:
    whose = (
        assignment.c.user == values["user"]
        if values.get("user") is not None
        else assignment.c.user_group == values["user_group"]
    )
    given = (assignment.c.role == values["role"]) & (assignment.c.folder == values.get("folder", ""))
    return (assignment.c.workspace == values["workspace"]) & whose & given
