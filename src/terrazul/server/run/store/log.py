"""The rows of logs that grow: each append is a chunk at an offset, small ones inside the row, others as an object."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    select,
)

from terrazul.server.sql.metadata import metadata, primary_key

log = Table(
    "log",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", Integer, nullable=False),
    Column("run", ForeignKey("run.id"), nullable=False),
    Column("path", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("open", Boolean, nullable=False),
    UniqueConstraint("run", "path"),
)

chunk = Table(
    "log_chunk",
    metadata,
    Column("workspace", Integer, nullable=False),
    Column("log", ForeignKey("log.id"), primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("data", LargeBinary, nullable=True),
    Column("key", Text, nullable=True),
)


class LogRow(NamedTuple):
    """A log and how far it has come."""

    key: int
    path: str
    size: int
    open: bool


class Chunk(NamedTuple):
    """Bytes of a log from an offset: in ``data``, or in the object under ``key``."""

    offset: int
    size: int
    data: bytes | None
    key: str | None


_COLUMNS = select(log.c.id, log.c.path, log.c.size, log.c.open)


def find(connection: Connection, run: int, path: str) -> LogRow | None:
    """The log of a path."""
    row = connection.execute(_COLUMNS.where(log.c.run == run, log.c.path == path)).first()
    return None if row is None else LogRow(*row)


def list_all(connection: Connection, run: int) -> list[LogRow]:
    """The logs of a run, by path."""
    return [LogRow(*row) for row in connection.execute(_COLUMNS.where(log.c.run == run).order_by(log.c.path))]


def add(connection: Connection, workspace: int, run: int, path: str) -> LogRow:
    """Begin a log."""
    result = connection.execute(log.insert().values(workspace=workspace, run=run, path=path, size=0, open=True))
    return LogRow(primary_key(result), path, 0, open=True)


def append(
    connection: Connection, workspace: int, row: LogRow, data: bytes | None, key: str | None, size: int
) -> LogRow:
    """Add bytes at the end."""
    connection.execute(
        chunk.insert().values(workspace=workspace, log=row.key, offset=row.size, size=size, data=data, key=key)
    )
    connection.execute(log.update().where(log.c.id == row.key).values(size=row.size + size))
    return row._replace(size=row.size + size)


def chunks(connection: Connection, key: int, offset: int, limit: int) -> list[Chunk]:
    """The chunks that hold the bytes from ``offset`` to ``offset + limit``, in order."""
    query = (
        select(chunk.c.offset, chunk.c.size, chunk.c.data, chunk.c.key)
        .where(chunk.c.log == key, chunk.c.offset + chunk.c.size > offset, chunk.c.offset < offset + limit)
        .order_by(chunk.c.offset)
    )
    return [Chunk(*row) for row in connection.execute(query)]


def seal(connection: Connection, key: int) -> None:
    """Close a log whose bytes are an artifact now; its chunks go."""
    connection.execute(chunk.delete().where(chunk.c.log == key))
    connection.execute(log.update().where(log.c.id == key).values(open=False))


def objects_of(connection: Connection, workspace: int) -> list[str]:
    """The keys of the objects in which parts of a workspace's logs lie."""
    query = select(chunk.c.key).where(chunk.c.workspace == workspace, chunk.c.key.is_not(None))
    return [key for key in connection.execute(query).scalars() if key]
