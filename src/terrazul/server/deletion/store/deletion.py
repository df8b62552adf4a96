"""The rows of deletions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
)

from terrazul.core.clock import to_text
from terrazul.server.run.store.run import run
from terrazul.server.sql.metadata import Json, metadata, primary_key
from terrazul.server.sql.witness import made
from terrazul.server.workspace.store import workspace
from terrazul.wire.deletion import Deletion, DeletionState, Selection

deletion = Table(
    "deletion",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", ForeignKey("workspace.id"), nullable=False),
    Column("deletion_id", String(64), nullable=False),
    Column("selection", Json, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("experiments", Integer, nullable=False),
    Column("runs", Integer, nullable=False),
    Column("models", Integer, nullable=False),
    Column("files", Integer, nullable=False),
    Column("freed_bytes", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("ended_at", BigInteger, nullable=True),
    UniqueConstraint("workspace", "deletion_id"),
)


class DeletionRow(NamedTuple):
    """What carries a deletion out needs of it."""

    key: int
    workspace: int
    state: DeletionState
    selection: Selection
    created_at: int


class Place(NamedTuple):
    """The ids of a deletion and of its workspace."""

    workspace_id: str
    deletion_id: str


_ROW = select(
    deletion.c.id, deletion.c.workspace, deletion.c.state, deletion.c.selection, deletion.c.created_at
)  # fmt: skip


def add(connection: Connection, values: Mapping[str, Any]) -> int:
    """Enter a deletion; returns its key."""
    made(connection, "deletion", values["deletion_id"])
    return primary_key(connection.execute(deletion.insert().values(**values)))


def find(connection: Connection, workspace: int, deletion_id: str) -> DeletionRow | None:
    """The deletion of an id."""
    query = _ROW.where(deletion.c.workspace == workspace, deletion.c.deletion_id == deletion_id)
    row = connection.execute(query).first()
    return None if row is None else _row(row)


def place_of(connection: Connection, key: int) -> Place | None:
    """Where a deletion is, as it is known outside; None where it has gone with its workspace."""
    query = select(workspace.c.workspace_id, deletion.c.deletion_id).join(
        workspace, workspace.c.id == deletion.c.workspace
    )
    row = connection.execute(query.where(deletion.c.id == key)).first()
    return None if row is None else Place(*row)


def pending(connection: Connection) -> list[DeletionRow]:
    """The deletions that are not done, oldest first."""
    query = _ROW.where(deletion.c.state != DeletionState.DONE.value).order_by(deletion.c.id)
    return [_row(row) for row in connection.execute(query)]


def come_to(connection: Connection, key: int, state: DeletionState, now: int) -> None:
    """Note how far a deletion is."""
    ended_at = now if state is DeletionState.DONE else None
    connection.execute(deletion.update().where(deletion.c.id == key).values(state=state.value, ended_at=ended_at))


def note_freed(connection: Connection, key: int, size: int) -> None:
    """Count bytes that a deletion has freed."""
    freed = deletion.c.freed_bytes + size
    connection.execute(deletion.update().where(deletion.c.id == key).values(freed_bytes=freed))


def list_all(connection: Connection, workspace: int, limit: int) -> list[Deletion]:
    """The deletions of a workspace, newest first."""
    query = select(deletion).where(deletion.c.workspace == workspace).order_by(deletion.c.id.desc()).limit(limit)
    return [_told(connection, row) for row in connection.execute(query).all()]


def load(connection: Connection, key: int) -> Deletion:
    """A deletion as it travels."""
    return _told(connection, connection.execute(select(deletion).where(deletion.c.id == key)).one())


def _row(row: Any) -> DeletionRow:
    return DeletionRow(row[0], row[1], DeletionState(row[2]), msgspec.convert(row[3], Selection), row[4])


def _told(connection: Connection, row: Any) -> Deletion:
    left = 0
    if row.state == DeletionState.REMOVING.value:
        query = select(func.count()).select_from(run).where(run.c.deletion == row.id)
        left = int(connection.execute(query).scalar_one())
    return Deletion(
        deletion_id=row.deletion_id,
        state=DeletionState(row.state),
        experiments=row.experiments,
        runs=row.runs,
        models=row.models,
        files=row.files,
        created_at=to_text(row.created_at),
        created_by=row.created_by,
        runs_left=left,
        freed_bytes=row.freed_bytes,
        ended_at=None if row.ended_at is None else to_text(row.ended_at),
    )
