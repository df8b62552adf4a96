"""The rows of users and groups."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Boolean, Column, Connection, ForeignKey, Integer, String, Table, Text, false, select

from terrazul.server.sql.metadata import metadata, primary_key
from terrazul.server.sql.witness import made
from terrazul.wire.identity import UserKind

user = Table(
    "user",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("kind", String(24), nullable=False),
    Column("display_name", Text, nullable=False),
    Column("is_admin", Boolean, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
)

group = Table(
    "user_group",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("follows_sign_in", Boolean, nullable=False, server_default=false()),
)

membership = Table(
    "user_group_member",
    metadata,
    Column("user_group", ForeignKey("user_group.id"), primary_key=True),
    Column("user", ForeignKey("user.id"), primary_key=True, index=True),
    sqlite_with_rowid=False,
)


class UserRow(NamedTuple):
    """A user as its table holds it."""

    key: int
    name: str
    kind: UserKind
    display_name: str
    is_admin: bool
    is_active: bool
    created_at: int
    created_by: str


class GroupRow(NamedTuple):
    """A group as its table holds it."""

    key: int
    name: str
    created_at: int
    created_by: str
    follows_sign_in: bool
    """Whether its members are those whom the provider of single sign-on names it for."""


def add(connection: Connection, row: UserRow) -> UserRow:
    """Enter a user; the key of the row that is given does not count."""
    values = {**row._asdict(), "kind": row.kind.value}
    del values["key"]
    made(connection, "user", row.name)
    return row._replace(key=primary_key(connection.execute(user.insert().values(values))))


def find(connection: Connection, name: str) -> UserRow | None:
    """The user of a name."""
    return _first(connection, user.c.name == name)


def find_by_key(connection: Connection, key: int) -> UserRow | None:
    """The user of a key."""
    return _first(connection, user.c.id == key)


def list_all(connection: Connection) -> list[UserRow]:
    """All users, by name."""
    return [_user(row) for row in connection.execute(select(user).order_by(user.c.name))]


def change(connection: Connection, key: int, values: dict[str, Any]) -> None:
    """Set columns of a user."""
    connection.execute(user.update().where(user.c.id == key).values(values))


def delete(connection: Connection, key: int) -> None:
    """Remove a user from all groups and for good."""
    connection.execute(membership.delete().where(membership.c.user == key))
    connection.execute(user.delete().where(user.c.id == key))


def add_group(connection: Connection, row: GroupRow) -> GroupRow:
    """Enter a group; the key of the row that is given does not count."""
    values = row._asdict()
    del values["key"]
    made(connection, "group", row.name)
    return row._replace(key=primary_key(connection.execute(group.insert().values(values))))


def find_group(connection: Connection, name: str) -> GroupRow | None:
    """The group of a name."""
    row = connection.execute(select(group).where(group.c.name == name)).first()
    return None if row is None else GroupRow(*row)


def list_groups(connection: Connection) -> list[GroupRow]:
    """All groups, by name."""
    return [GroupRow(*row) for row in connection.execute(select(group).order_by(group.c.name))]


def delete_group(connection: Connection, key: int) -> None:
    """Remove a group, not its members."""
    connection.execute(membership.delete().where(membership.c.user_group == key))
    connection.execute(group.delete().where(group.c.id == key))


def members_of(connection: Connection, key: int) -> list[str]:
    """The names of a group's members, sorted."""
    found = select(user.c.name).join(membership, membership.c.user == user.c.id).where(membership.c.user_group == key)
    return list(connection.execute(found.order_by(user.c.name)).scalars())


def keys_of_members(connection: Connection, key: int) -> list[int]:
    """The keys of a group's members."""
    return [*connection.execute(select(membership.c.user).where(membership.c.user_group == key)).scalars()]


def groups_of(connection: Connection, key: int) -> list[str]:
    """The names of a user's groups, sorted."""
    found = select(group.c.name).join(membership, membership.c.user_group == group.c.id).where(membership.c.user == key)
    return list(connection.execute(found.order_by(group.c.name)).scalars())


def set_members(connection: Connection, key: int, add: Iterable[int], remove: Iterable[int]) -> None:
    """Let users come to a group and go."""
    gone = [*remove]
    connection.execute(membership.delete().where(membership.c.user_group == key, membership.c.user.in_(gone)))
    there = set(connection.execute(select(membership.c.user).where(membership.c.user_group == key)).scalars())
    for each in dict.fromkeys(add):
        if each not in there:
            connection.execute(membership.insert().values(user_group=key, user=each))


def _first(connection: Connection, condition: Any) -> UserRow | None:
    row = connection.execute(select(user).where(condition)).first()
    return None if row is None else _user(row)


def _user(row: Any) -> UserRow:
    return UserRow(row[0], row[1], UserKind(row[2]), *row[3:])
