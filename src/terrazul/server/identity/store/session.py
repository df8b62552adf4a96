"""Sessions and codes that open them, as hashes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, String, Table, Text, or_, select

from terrazul.server.sql.metadata import metadata
from terrazul.server.sql.witness import made, removed

session = Table(
    "session",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("session_id", String(36), nullable=False, unique=True),
    Column("user", ForeignKey("user.id"), nullable=False, index=True),
    Column("method", String(16), nullable=False),
    Column("address", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

code = Table(
    "sign_in_code",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("user", ForeignKey("user.id"), nullable=False, index=True),
    Column("expires_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)


class SessionRow(NamedTuple):
    """A session as its table holds it."""

    digest: str
    session_id: str
    user: int
    method: str
    address: str
    created_at: int
    seen_at: int


def add(connection: Connection, row: SessionRow) -> None:
    """Enter a session."""
    connection.execute(session.insert().values(row._asdict()))
    made(connection, "session", row.session_id)


def find(connection: Connection, digest: str) -> SessionRow | None:
    """The session of a hash."""
    row = connection.execute(select(session).where(session.c.digest == digest)).first()
    return None if row is None else SessionRow(*row)


def find_by_id(connection: Connection, session_id: str) -> SessionRow | None:
    """The session of a public id."""
    row = connection.execute(select(session).where(session.c.session_id == session_id)).first()
    return None if row is None else SessionRow(*row)


def of_user(connection: Connection, user: int) -> list[SessionRow]:
    """The sessions of a user, the oldest first."""
    found = select(session).where(session.c.user == user).order_by(session.c.created_at, session.c.session_id)
    return [SessionRow(*row) for row in connection.execute(found)]


def see(connection: Connection, digest: str, seen_at: int) -> None:
    """Note when a session was used."""
    later = session.c.seen_at < seen_at
    connection.execute(session.update().where(session.c.digest == digest, later).values(seen_at=seen_at))


def delete(connection: Connection, rows: Iterable[SessionRow]) -> None:
    """Remove sessions."""
    gone = [*rows]
    for row in gone:
        connection.execute(session.delete().where(session.c.digest == row.digest))
    removed(connection, "session", *(row.session_id for row in gone))


def delete_older(connection: Connection, created_before: int, seen_before: int) -> None:
    """Remove sessions that have come to their end by themselves."""
    ended = or_(session.c.created_at < created_before, session.c.seen_at < seen_before)
    connection.execute(session.delete().where(ended))


def add_code(connection: Connection, digest: str, user: int, expires_at: int) -> None:
    """Enter a code."""
    connection.execute(code.insert().values(digest=digest, user=user, expires_at=expires_at))


def user_of_code(connection: Connection, digest: str, now: int) -> int | None:
    """The user of a code that is valid."""
    found: int | None = connection.execute(
        select(code.c.user).where(code.c.digest == digest, code.c.expires_at >= now)
    ).scalar()
    return found


def take_code(connection: Connection, digest: str, now: int) -> int | None:
    """The user of a code that is valid; it is so once. Codes whose time is over go with it."""
    user = user_of_code(connection, digest, now)
    connection.execute(code.delete().where(or_(code.c.digest == digest, code.c.expires_at < now)))
    return user


def delete_codes_of_user(connection: Connection, user: int) -> None:
    """Remove the codes of a user."""
    connection.execute(code.delete().where(code.c.user == user))
