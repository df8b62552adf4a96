"""The rows of the queue: every submitted run until it ends."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Boolean, Column, Connection, ForeignKey, Index, Integer, Table, Text, func, select

from terrazul.server.sql.metadata import Json, metadata

entry = Table(
    "queue_entry",
    metadata,
    Column("workspace", Integer, nullable=False),
    Column("run", ForeignKey("run.id"), primary_key=True),
    Column("target", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("queued_at", BigInteger, nullable=False),
    Column("claimed_at", BigInteger, nullable=True),
    Column("placement", Json, nullable=True),
    Column("reads_secrets", Boolean, nullable=False),
    Index("ix_queue_entry_order", "claimed_at", "priority", "queued_at"),
)


class Length(NamedTuple):
    """How many runs wait, and how many have been claimed and not ended."""

    waiting: int
    claimed: int


class Entry(NamedTuple):
    """A run in the queue; ``placement`` is set once it has been claimed."""

    run: int
    target: str
    placement: dict[str, Any] | None


_COLUMNS = select(entry.c.run, entry.c.target, entry.c.placement)


def add(connection: Connection, workspace: int, run: int, target: str, queued_at: int, *, reads_secrets: bool) -> None:
    """Put a run at the end of the queue; ``reads_secrets`` where who submits it may read those of the workspace."""
    values = {"workspace": workspace, "run": run, "target": target, "priority": 0, "queued_at": queued_at}
    connection.execute(entry.insert().values(**values, reads_secrets=reads_secrets))


def waiting(connection: Connection, limit: int) -> list[Entry]:
    """The next entries to claim."""
    query = (
        _COLUMNS.where(entry.c.claimed_at.is_(None))
        .order_by(entry.c.priority.desc(), entry.c.queued_at, entry.c.run)
        .limit(limit)
    )
    return [Entry(*row) for row in connection.execute(query)]


def claimed(connection: Connection) -> list[Entry]:
    """The entries that have been claimed and not ended."""
    return [Entry(*row) for row in connection.execute(_COLUMNS.where(entry.c.claimed_at.is_not(None)))]


def length(connection: Connection) -> Length:
    """How long the queue is."""
    total, claims = connection.execute(select(func.count(), func.count(entry.c.claimed_at))).one()
    return Length(total - claims, claims)


def claim(connection: Connection, run: int, placement: dict[str, Any], now: int) -> None:
    """Note that an entry has been claimed, and where its runner will be."""
    connection.execute(entry.update().where(entry.c.run == run).values(claimed_at=now, placement=placement))


def find(connection: Connection, run: int) -> Entry | None:
    """The entry of a run; None once it has ended."""
    row = connection.execute(_COLUMNS.where(entry.c.run == run)).first()
    return None if row is None else Entry(*row)


def reads_secrets(connection: Connection, run: int) -> bool:
    """Whether a run that has not ended may read secrets, as far as its submission decides."""
    return bool(connection.execute(select(entry.c.reads_secrets).where(entry.c.run == run)).scalar())


def remove(connection: Connection, run: int) -> None:
    """Take a run that has ended out of the queue."""
    connection.execute(entry.delete().where(entry.c.run == run))


def count_active_runs(connection: Connection, workspace: int) -> int:
    """How many runs of a workspace wait or are being executed."""
    query = select(func.count()).select_from(entry).where(entry.c.workspace == workspace)
    return int(connection.execute(query).scalar_one())
