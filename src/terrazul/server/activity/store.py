"""The rows of the activity log. They are added, and neither changed nor removed: the database refuses both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Index,
    Integer,
    String,
    Table,
    Text,
    event,
    select,
)

from terrazul.server.activity.rules import REFUSED
from terrazul.server.sql.metadata import metadata
from terrazul.server.sql.pattern import begins_with
from terrazul.wire.activity import FIRST_PREVIOUS, ActivityLine, hash_of

activity = Table(
    "activity",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("time", String(27), nullable=False),
    Column("workspace_id", Text, nullable=True),
    Column("user", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("through", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("change", String(16), nullable=False),
    Column("object_type", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("ix_activity_workspace", "workspace_id", "sequence"),
    Index("ix_activity_object", "object_id", "sequence"),
)
"""``workspace_id`` is the id outside of the database: the lines of a workspace stay when it is deleted."""

_REFUSAL = "the activity log is never changed"
_GUARDS = {
    "sqlite": [
        f"CREATE TRIGGER activity_no_{verb.lower()} BEFORE {verb} ON activity "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        (
            "CREATE FUNCTION activity_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
        ),
        (
            "CREATE TRIGGER activity_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON activity "
            "FOR EACH STATEMENT EXECUTE FUNCTION activity_refuse()"
        ),
    ],
}


@event.listens_for(activity, "after_create")
def _guard(_table: Table, connection: Connection, **_options: object) -> None:
    for statement in _GUARDS[connection.dialect.name]:
        connection.exec_driver_sql(statement)


_LAST = "SELECT sequence, hash FROM activity WHERE sequence = (SELECT max(sequence) FROM activity)"
_ALL = select(activity)


class Wanted(NamedTuple):
    """Which lines are asked for; None asks for all."""

    workspace_id: str | None = None
    since: str | None = None
    until: str | None = None
    user: str | None = None
    action: str | None = None
    """How the action begins."""
    object_type: str | None = None
    object_id: str | None = None
    result: str | None = None


def add(connection: Connection, lines: Sequence[dict[str, Any]]) -> None:
    """Chain lines to the last one, part of the caller's transaction. They lack sequence and hashes, which they get."""
    entry = _entry_for(connection.dialect)
    driver: Any = connection.connection.driver_connection  # read for each line, and five times as fast without the way
    last = driver.execute(_LAST).fetchone()
    sequence, previous = (last[0], last[1]) if last else (0, FIRST_PREVIOUS)
    rows: list[Any] = []
    for line in lines:
        sequence += 1
        line["sequence"], line["previous_hash"] = sequence, previous
        line["hash"] = previous = hash_of(line)
        rows.append(line if entry.names is None else tuple([line[name] for name in entry.names]))
    connection.exec_driver_sql(entry.statement, rows if len(rows) > 1 else rows[0])


class _Entry(NamedTuple):
    statement: str
    names: list[str] | None
    """Which columns its marks stand for, in their order; None where marks have names."""


@lru_cache(maxsize=4)
def _entry_for(dialect: Dialect) -> _Entry:
    """How a line is entered, made once: to let SQLAlchemy make it each time would take as long as all the rest."""
    compiled = activity.insert().compile(dialect=dialect)
    return _Entry(str(compiled), compiled.positiontup if compiled.positional else None)


def last_sequence(connection: Connection) -> int:
    """The number of the last line; 0 where there is none."""
    row = connection.exec_driver_sql(_LAST).first()
    return row[0] if row else 0


def newest(connection: Connection, wanted: Wanted, before: int | None, limit: int) -> list[ActivityLine]:
    """Lines, the newest first, older than the one of a sequence."""
    query = _ALL.where(*_conditions(wanted)).order_by(activity.c.sequence.desc()).limit(limit)
    if before is not None:
        query = query.where(activity.c.sequence < before)
    return _lines(connection.execute(query))


def following(connection: Connection, wanted: Wanted, after: int, until: int, limit: int) -> list[ActivityLine]:
    """Lines, the oldest first, after the one of a sequence and up to another."""
    within = (activity.c.sequence > after, activity.c.sequence <= until)
    return _lines(
        connection.execute(_ALL.where(*within, *_conditions(wanted)).order_by(activity.c.sequence).limit(limit))
    )


def _lines(rows: Iterable[Any]) -> list[ActivityLine]:
    return [ActivityLine(*row) for row in rows]


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    table = activity.c
    equal = ("workspace_id", "user", "object_type", "object_id")
    conditions = [table[name] == getattr(wanted, name) for name in equal if getattr(wanted, name) is not None]
    if wanted.since is not None:
        conditions.append(table.time >= wanted.since)
    if wanted.until is not None:
        conditions.append(table.time < wanted.until)
    if wanted.action:
        conditions.append(begins_with(table.action, wanted.action))
    refused = table.status.in_(sorted(REFUSED))
    if wanted.result == "refused":
        conditions.append(refused)
    elif wanted.result is not None:
        done = table.status < 400  # noqa: PLR2004  # the first status of an error
        conditions += [done] if wanted.result == "done" else [~done, ~refused]
    return conditions
