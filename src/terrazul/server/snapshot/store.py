"""The rows of snapshots; a manifest is a content like any other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Connection, Integer, String, Table, Text, or_, select
from sqlalchemy.dialects.sqlite import insert

from terrazul.core.errors import NotFound
from terrazul.server.sql.metadata import metadata
from terrazul.server.sql.variables import in_groups
from terrazul.server.sql.witness import made

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
    Column("asked_at", BigInteger, nullable=True),
    Column("released_at", BigInteger, nullable=True),
    sqlite_with_rowid=False,
)
"""``asked_at`` and ``released_at`` are those of a content: a client counts on it; something that named it has gone."""


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
    """Enter a snapshot; one of the same content stays as it is, for whoever named it again."""
    if find(connection, workspace, row.snapshot_id) is None:
        made(connection, "snapshot", row.snapshot_id)
    statement = insert(snapshot).values(workspace=workspace, **row._asdict())
    again = {"asked_at": row.created_at}
    connection.execute(statement.on_conflict_do_update(index_elements=["workspace", "snapshot_id"], set_=again))


def find(connection: Connection, workspace: int, snapshot_id: str) -> SnapshotRow | None:
    """The snapshot of an id."""
    query = _COLUMNS.where(snapshot.c.workspace == workspace, snapshot.c.snapshot_id == snapshot_id)
    row = connection.execute(query).first()
    return None if row is None else SnapshotRow(*row)


def no_snapshot(snapshot_id: str) -> NotFound:
    """What is said of a snapshot that there is not, or not for the caller."""
    return NotFound(f"There is no snapshot {snapshot_id[:80]!r} in this workspace.", target=snapshot_id[:80])


def all_of(connection: Connection, workspace: int) -> dict[str, str]:
    """The digests of the manifests of all snapshots, by snapshot."""
    query = select(snapshot.c.snapshot_id, snapshot.c.manifest_digest).where(snapshot.c.workspace == workspace)
    return {row[0]: row[1] for row in connection.execute(query)}


def release(connection: Connection, workspace: int, snapshot_ids: Iterable[str], now: int) -> None:
    """Note that something which named these snapshots has gone."""
    for group in in_groups(snapshot_ids):
        named = (snapshot.c.workspace == workspace) & snapshot.c.snapshot_id.in_(group)
        connection.execute(snapshot.update().where(named).values(released_at=now))


def release_old(connection: Connection, workspace: int, created_before: int, now: int) -> None:
    """Have all snapshots looked at that were named long ago."""
    old = (snapshot.c.workspace == workspace) & (snapshot.c.created_at < created_before)
    connection.execute(snapshot.update().where(old, snapshot.c.released_at.is_(None)).values(released_at=now))


def released(connection: Connection, workspace: int, asked_before: int) -> list[str]:
    """The snapshots that something let go of, and that no client counts on."""
    query = select(snapshot.c.snapshot_id).where(
        snapshot.c.workspace == workspace,
        snapshot.c.released_at.is_not(None),
        or_(snapshot.c.asked_at.is_(None), snapshot.c.asked_at < asked_before),
    )
    return list(connection.execute(query).scalars())


def workspaces_with_released(connection: Connection) -> list[int]:
    """The workspaces in which snapshots wait for a collection."""
    query = select(snapshot.c.workspace).where(snapshot.c.released_at.is_not(None)).distinct()
    return list(connection.execute(query).scalars())


def retain(connection: Connection, workspace: int, snapshot_ids: Iterable[str]) -> None:
    """Note that these snapshots are named by something else: they stay."""
    for group in in_groups(snapshot_ids):
        named = (snapshot.c.workspace == workspace) & snapshot.c.snapshot_id.in_(group)
        connection.execute(snapshot.update().where(named).values(released_at=None))


def remove(connection: Connection, workspace: int, snapshot_ids: Iterable[str]) -> None:
    """Forget snapshots."""
    for group in in_groups(snapshot_ids):
        named = (snapshot.c.workspace == workspace) & snapshot.c.snapshot_id.in_(group)
        connection.execute(snapshot.delete().where(named))
