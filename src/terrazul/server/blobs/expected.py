"""The objects that clients may put into the storage by themselves: which were asked for, and when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, String, Table, select

from terrazul.server.sql.metadata import metadata
from terrazul.server.sql.variables import in_groups

expected_object = Table(
    "expected_object",
    metadata,
    Column("key", String(128), primary_key=True),
    Column("workspace", Integer, nullable=False),
    Column("upload", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("user", Integer, nullable=True),
    Column("asked_at", BigInteger, nullable=False, index=True),
    Index("ix_expected_object_upload", "workspace", "upload"),
    sqlite_with_rowid=False,
)
"""``upload`` is the digest of a part, or the id of an upload whose parts have numbers from 1 on; ``user`` is set for
who may name only what that user has sent. A row outlives the address that was signed, and what came by it."""

_NONE = 0
"""The key of no workspace."""


class Expected(NamedTuple):
    """An object that a client may have put into the storage."""

    key: str
    upload: str
    number: int


_COLUMNS = select(expected_object.c.key, expected_object.c.upload, expected_object.c.number)


def add(connection: Connection, workspace: int, objects: Sequence[Expected], user: int | None, now: int) -> None:
    """Note what a client is told that it may put."""
    about = {"workspace": workspace, "user": user, "asked_at": now}
    if objects:
        connection.execute(expected_object.insert(), [{**each._asdict(), **about} for each in objects])


def find(connection: Connection, workspace: int, uploads: Iterable[str], user: int | None = None) -> list[Expected]:
    """What was asked for under these names, the latest last; with a ``user``, by that user only."""
    its = expected_object.c.user == user if user is not None else expected_object.c.user.is_(None)
    query = _COLUMNS.where(expected_object.c.workspace == workspace, its).order_by(expected_object.c.asked_at)
    return [
        Expected(*row)
        for group in in_groups(uploads)
        for row in connection.execute(query.where(expected_object.c.upload.in_(group)))
    ]


def asked_before(connection: Connection, time: int, limit: int) -> list[tuple[str, int]]:
    """Keys and workspaces of what nobody can put any more."""
    query = select(expected_object.c.key, expected_object.c.workspace).where(expected_object.c.asked_at < time)
    return [(key, workspace) for key, workspace in connection.execute(query.limit(limit))]


def remove(connection: Connection, keys: Iterable[str]) -> None:
    """Expect them no longer."""
    for group in in_groups(keys):
        connection.execute(expected_object.delete().where(expected_object.c.key.in_(group)))


def leave_behind(connection: Connection, workspace: int) -> None:
    """Let the rows stay when those of their workspace go: something may still be put at their addresses."""
    its = expected_object.c.workspace == workspace
    connection.execute(expected_object.update().where(its).values(workspace=_NONE))
