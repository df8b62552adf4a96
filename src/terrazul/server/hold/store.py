"""The rows of holds: from the failure of a run until what was kept has been removed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Integer, Table, func, select

from terrazul.server.sql.metadata import Json, metadata
from terrazul.server.sql.variables import in_groups

hold = Table(
    "run_hold",
    metadata,
    Column("workspace", Integer, nullable=False),
    Column("run", ForeignKey("run.id"), primary_key=True),
    Column("placement", Json, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("released_at", BigInteger, nullable=True),
)
"""``released_at`` is set once the nodes are free; the row goes with what was kept of the run."""


class HoldRow(NamedTuple):
    """What is kept of a run."""

    workspace: int
    run: int
    placement: dict[str, Any]
    since: int
    until: int
    released_at: int | None


_COLUMNS = select(*(hold.c[name] for name in HoldRow._fields))
_LASTS = hold.c.released_at.is_(None)


def add(connection: Connection, row: HoldRow) -> None:
    """Begin to hold a run."""
    connection.execute(hold.insert().values(**row._asdict()))


def find(connection: Connection, run: int) -> HoldRow | None:
    """The hold of a run; None where it is not held (any more)."""
    row = connection.execute(_COLUMNS.where(hold.c.run == run, _LASTS)).first()
    return None if row is None else HoldRow(*row)


def all_rows(connection: Connection) -> list[HoldRow]:
    """All holds, and those of which something is left to remove."""
    return [HoldRow(*row) for row in connection.execute(_COLUMNS.order_by(hold.c.until))]


def until_of(connection: Connection, runs: Iterable[int]) -> dict[int, int]:
    """Until when runs are held, for those that are."""
    query = select(hold.c.run, hold.c.until).where(_LASTS)
    return {
        row.run: row.until
        for group in in_groups(runs)
        for row in connection.execute(query.where(hold.c.run.in_(group)))
    }


def count(connection: Connection, workspace: int) -> int:
    """How many runs of a workspace are held."""
    query = select(func.count()).select_from(hold).where(hold.c.workspace == workspace, _LASTS)
    return int(connection.execute(query).scalar_one())


def release(connection: Connection, run: int, now: int) -> bool:
    """Note that a run is held no longer; false where it was not held."""
    query = hold.update().where(hold.c.run == run, _LASTS).values(released_at=now)
    return connection.execute(query).rowcount == 1


def remove(connection: Connection, runs: Iterable[int]) -> None:
    """Forget the holds of runs."""
    for group in in_groups(runs):
        connection.execute(hold.delete().where(hold.c.run.in_(group)))
