"""Tokens, as hashes."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Integer, String, Table, Text, or_, select
from sqlalchemy.dialects.sqlite import insert

from terrazul.server.sql.metadata import Json, metadata
from terrazul.server.sql.witness import made

token = Table(
    "token",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("workspace", Integer, nullable=True),
    Column("workspace_id", String(36), nullable=True),
    Column("run_id", Text, nullable=True, index=True),
    Column("webservice", Text, nullable=True, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=True),
    Column("token_id", String(36), nullable=True, unique=True),
    Column("user", ForeignKey("user.id"), nullable=True, index=True),
    Column("label", Text, nullable=True),
    Column("actions", Json, nullable=True),
    Column("bounded_by", Integer, nullable=True, index=True),
    sqlite_with_rowid=False,
)
"""``token_id`` to ``actions`` are those of a user's token: its public id, whose it is, what for, and what it is
restricted to. ``bounded_by`` is for a run's: the user whose roles on folders bound it; 0 for one who is gone."""

NOBODY = 0
"""The key of no user."""
OWNERS_FILE = "the file `token`"
"""The label of the token that the server keeps in its home."""


class TokenRow(NamedTuple):
    """What a token stands for."""

    digest: str
    name: str
    workspace: int | None
    workspace_id: str | None
    run_id: str | None
    webservice: str | None
    created_at: int
    expires_at: int | None
    token_id: str | None = None
    user: int | None = None
    label: str | None = None
    actions: list[str] | None = None
    bounded_by: int | None = None


def put(connection: Connection, row: TokenRow) -> None:
    """Enter a token."""
    connection.execute(insert(token).values(**row._asdict()).on_conflict_do_nothing())
    if row.token_id is not None:
        made(connection, "token", row.token_id)


def find(connection: Connection, digest: str) -> TokenRow | None:
    """The token of a hash."""
    row = connection.execute(select(token).where(token.c.digest == digest)).first()
    return None if row is None else TokenRow(*row)


def delete_of_run(connection: Connection, workspace: int, run_id: str) -> None:
    """Remove the tokens of a run."""
    connection.execute(token.delete().where(token.c.workspace == workspace, token.c.run_id == run_id))


def delete_of_webservice(connection: Connection, workspace: int, name: str) -> None:
    """Remove the tokens of a web service."""
    connection.execute(token.delete().where(token.c.workspace == workspace, token.c.webservice == name))


def of_user(connection: Connection, user: int) -> list[TokenRow]:
    """The tokens of a user, the oldest first."""
    found = select(token).where(token.c.user == user).order_by(token.c.created_at, token.c.digest)
    return [TokenRow(*row) for row in connection.execute(found)]


def find_by_id(connection: Connection, token_id: str) -> TokenRow | None:
    """The user's token of a public id."""
    row = connection.execute(select(token).where(token.c.token_id == token_id)).first()
    return None if row is None else TokenRow(*row)


def delete(connection: Connection, digest: str) -> None:
    """Remove a token."""
    connection.execute(token.delete().where(token.c.digest == digest))


def delete_of_user(connection: Connection, user: int) -> None:
    """Remove the tokens of a user; those of runs that the user's roles bound are bounded by nobody's then."""
    connection.execute(token.delete().where(token.c.user == user))
    connection.execute(token.update().where(token.c.bounded_by == user).values(bounded_by=NOBODY))


def delete_of_file(connection: Connection) -> None:
    """Remove the tokens that the server's home ever held, also those of versions that knew no users."""
    nobodys = token.c.user.is_(None) & token.c.run_id.is_(None) & token.c.webservice.is_(None)
    connection.execute(token.delete().where(or_(nobodys, token.c.label == OWNERS_FILE)))
