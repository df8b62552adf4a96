"""Which contents are held, and where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Connection, Integer, String, Table, bindparam, func, select
from sqlalchemy.dialects.sqlite import insert

from terrazul.server.sql.metadata import metadata
from terrazul.server.sql.variables import in_groups

content = Table(
    "content",
    metadata,
    Column("workspace", Integer, primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("key", String(128), nullable=False),
    Column("offset", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)


class Content(NamedTuple):
    """Where the bytes of a digest lie: a part of the object under ``key``."""

    digest: str
    size: int
    key: str
    offset: int


def add(connection: Connection, workspace: int, contents: Sequence[Content]) -> None:
    """Remember where contents lie; what is known already keeps its place."""
    if contents:
        rows = [{"workspace": workspace, **each._asdict()} for each in contents]
        connection.execute(insert(content).on_conflict_do_nothing(), rows)


_FIND = select(content.c.digest, content.c.size, content.c.key, content.c.offset).where(
    content.c.workspace == bindparam("in_workspace"), content.c.digest.in_(bindparam("digests", expanding=True))
)


def find(connection: Connection, workspace: int, digests: Iterable[str]) -> dict[str, Content]:
    """The contents that are held, by digest."""
    found = {}
    for group in in_groups(digests):
        for row in connection.execute(_FIND, {"in_workspace": workspace, "digests": group}):
            found[row[0]] = Content(*row)
    return found


def total_size(connection: Connection) -> int:
    """The bytes of all contents of all workspaces."""
    return int(connection.execute(select(func.coalesce(func.sum(content.c.size), 0))).scalar_one())
