"""The rows of snapshots; a manifest is a content like any other."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Connection, Integer, String, Table, Text, select
from sqlalchemy.dialects.sqlite import insert

from terrazul.server.sql.metadata import metadata

snapshot = Table(
    "snapshot",
    metadata,
    Column("workspace", Integer, primary_key=True),
    Column("snapshot_id", String(36), primary_key=True),
    Column("manifest_digest", String(64), nullable=False),
    Column("file_count", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    sqlite_with_rowid=False,
)


class SnapshotRow(NamedTuple):
    """A snapshot and where its manifest is."""

    snapshot_id: str
    manifest_digest: str
    file_count: int
    size: int
    created_at: int
    created_by: str


_COLUMNS = select(
    snapshot.c.snapshot_id, snapshot.c.manifest_digest, snapshot.c.file_count, snapshot.c.size, snapshot.c.created_at,
    snapshot.c.created_by,
)  # fmt: skip


def add(connection: Connection, workspace: int, row: SnapshotRow) -> None:
    """Enter a snapshot; one of the same content stays as it is."""
    connection.execute(insert(snapshot).values(workspace=workspace, **row._asdict()).on_conflict_do_nothing())


def find(connection: Connection, workspace: int, snapshot_id: str) -> SnapshotRow | None:
    """The snapshot of an id."""
    query = _COLUMNS.where(snapshot.c.workspace == workspace, snapshot.c.snapshot_id == snapshot_id)
    row = connection.execute(query).first()
    return None if row is None else SnapshotRow(*row)
