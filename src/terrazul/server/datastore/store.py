"""The rows of datastores, and what those that come with a workspace hold."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Row, String, Table, Text, select
from sqlalchemy.dialects.sqlite import insert

from terrazul.server.sql.metadata import Json, metadata

datastore = Table(
    "datastore",
    metadata,
    Column("workspace", ForeignKey("workspace.id"), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("settings", Json, nullable=False),
    Column("credential_type", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

default = Table(
    "default_datastore",
    metadata,
    Column("workspace", ForeignKey("workspace.id"), primary_key=True, autoincrement=False),
    Column("key", String(255), nullable=False),
    sqlite_with_rowid=False,
)
"""Which datastore is the default of a workspace, where another one was made it."""

held = Table(
    "datastore_total",
    metadata,
    Column("workspace", ForeignKey("workspace.id"), primary_key=True, autoincrement=False),
    Column("bytes", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The size of all files in the datastores that come with a workspace, so that a quota is asked in no time."""


class DatastoreRow(NamedTuple):
    """A registered datastore."""

    key: str
    name: str
    kind: str
    settings: dict[str, Any]
    credential_type: str
    created_at: int
    created_by: str
    modified_at: int


_COLUMNS = [datastore.c[name] for name in DatastoreRow._fields]


def put(connection: Connection, workspace: int, row: DatastoreRow) -> None:
    """Enter a datastore, in the place of the one of that name."""
    delete(connection, workspace, row.key)
    connection.execute(datastore.insert().values(workspace=workspace, **row._asdict()))


def find(connection: Connection, workspace: int, key: str) -> DatastoreRow | None:
    """The datastore of a name."""
    query = select(*_COLUMNS).where(datastore.c.workspace == workspace, datastore.c.key == key)
    row = connection.execute(query).first()
    return None if row is None else _row(row)


def list_all(connection: Connection, workspace: int) -> list[DatastoreRow]:
    """All of a workspace, by name."""
    query = select(*_COLUMNS).where(datastore.c.workspace == workspace).order_by(datastore.c.key)
    return [_row(row) for row in connection.execute(query)]


def delete(connection: Connection, workspace: int, key: str) -> None:
    """Forget a datastore."""
    connection.execute(datastore.delete().where(datastore.c.workspace == workspace, datastore.c.key == key))


def default_of(connection: Connection, workspace: int) -> str | None:
    """The key of the default, where one was chosen."""
    return connection.execute(select(default.c.key).where(default.c.workspace == workspace)).scalar()


def set_default(connection: Connection, workspace: int, key: str | None) -> None:
    """Choose the default; None for the one that comes with the workspace."""
    connection.execute(default.delete().where(default.c.workspace == workspace))
    if key is not None:
        connection.execute(default.insert().values(workspace=workspace, key=key))


def size_of(connection: Connection, workspace: int) -> int:
    """The bytes that the datastores hold which come with a workspace."""
    return connection.execute(select(held.c.bytes).where(held.c.workspace == workspace)).scalar() or 0


def count(connection: Connection, workspace: int, change: int) -> None:
    """Note that they hold so much more, or less."""
    new = insert(held).values(workspace=workspace, bytes=max(0, change))
    total = held.c.bytes + change
    connection.execute(new.on_conflict_do_update(index_elements=["workspace"], set_={"bytes": total}))


def _row(row: Row[Any]) -> DatastoreRow:
    return DatastoreRow._make(row)
