"""Tokens, as hashes."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Connection, Integer, String, Table, Text, select
from sqlalchemy.dialects.sqlite import insert

from terrazul.server.sql.metadata import metadata

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
    sqlite_with_rowid=False,
)


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


def put(connection: Connection, row: TokenRow) -> None:
    """Enter a token."""
    connection.execute(insert(token).values(**row._asdict()).on_conflict_do_nothing())


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


def delete_owners(connection: Connection) -> None:
    """Remove the owner's tokens."""
    connection.execute(token.delete().where(token.c.run_id.is_(None), token.c.webservice.is_(None)))
