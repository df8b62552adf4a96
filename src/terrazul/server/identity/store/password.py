"""Passwords, as hashes that are costly to try, and how often somebody was wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Integer, Table, Text, select

from terrazul.server.sql.metadata import metadata

password = Table(
    "password",
    metadata,
    Column("user", ForeignKey("user.id"), primary_key=True),
    Column("hash", Text, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
)

attempt = Table(
    "sign_in_attempt",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("wrong", Integer, nullable=False),
    Column("blocked_until", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
)
"""By name and by address; a row goes when somebody signs in, or by age."""


class AttemptRow(NamedTuple):
    """How often somebody was wrong, and until when they have to wait."""

    subject: str
    wrong: int
    blocked_until: int
    last_at: int


def put(connection: Connection, user: int, hashed: str, changed_at: int) -> None:
    """Enter a password in the place of the one before."""
    delete(connection, user)
    connection.execute(password.insert().values(user=user, hash=hashed, changed_at=changed_at))


def find(connection: Connection, user: int) -> str | None:
    """The hash of a user's password."""
    found: str | None = connection.execute(select(password.c.hash).where(password.c.user == user)).scalar()
    return found


def delete(connection: Connection, user: int) -> None:
    """Remove the password of a user."""
    connection.execute(password.delete().where(password.c.user == user))


def find_attempt(connection: Connection, subject: str) -> AttemptRow | None:
    """What is known of a subject."""
    row = connection.execute(select(attempt).where(attempt.c.subject == subject)).first()
    return None if row is None else AttemptRow(*row)


def put_attempt(connection: Connection, row: AttemptRow) -> None:
    """Enter what is known of a subject, in the place of what was."""
    delete_attempts(connection, [row.subject])
    connection.execute(attempt.insert().values(row._asdict()))


def delete_attempts(connection: Connection, subjects: Iterable[str]) -> None:
    """Forget what is known of subjects."""
    connection.execute(attempt.delete().where(attempt.c.subject.in_([*subjects])))


def delete_attempts_before(connection: Connection, moment: int) -> None:
    """Forget attempts that are long ago."""
    connection.execute(attempt.delete().where(attempt.c.last_at < moment))
