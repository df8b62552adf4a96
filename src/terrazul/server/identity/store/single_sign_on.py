"""Whom the provider of single sign-on knows by which user, and the sign-ins that have begun there."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    or_,
    select,
)

from terrazul.server.sql.metadata import metadata
from terrazul.server.sql.witness import made, removed

link = Table(
    "sign_in_link",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("user", ForeignKey("user.id"), nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("issuer", "user"),
    sqlite_with_rowid=False,
)

flow = Table(
    "sign_in_flow",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("origin", Text, nullable=False, index=True),
    Column("callback", Text, nullable=False),
    Column("page", Text, nullable=False),
    Column("session", String(64), nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
)


class FlowRow(NamedTuple):
    """A sign-in that has begun, as its table holds it."""

    digest: str
    """Of the secret that the browser keeps meanwhile."""
    origin: str
    """Where the browser is, by its address."""
    callback: str
    """Whereto the provider sends it back."""
    page: str
    """Of ours, to be shown at the end."""
    session: str
    """The hash of the session that it has now, and that ends when the next one begins."""
    expires_at: int


def add_link(connection: Connection, issuer: str, subject: str, user: int, created_at: int) -> None:
    """Let a subject be a user from now on."""
    connection.execute(link.insert().values(issuer=issuer, subject=subject, user=user, created_at=created_at))
    made(connection, "sign_in_link", subject)


def user_of(connection: Connection, issuer: str, subject: str) -> int | None:
    """The key of the user that a subject is."""
    found: int | None = connection.execute(
        select(link.c.user).where(link.c.issuer == issuer, link.c.subject == subject)
    ).scalar()
    return found


def subject_of(connection: Connection, issuer: str, user: int) -> str | None:
    """The subject that a user is."""
    found: str | None = connection.execute(
        select(link.c.subject).where(link.c.issuer == issuer, link.c.user == user)
    ).scalar()
    return found


def delete_link(connection: Connection, issuer: str, user: int) -> None:
    """Let a user be nobody to an issuer."""
    subject = subject_of(connection, issuer, user)
    if subject is not None:
        connection.execute(link.delete().where(link.c.issuer == issuer, link.c.user == user))
        removed(connection, "sign_in_link", subject)


def delete_links_of(connection: Connection, user: int) -> None:
    """Let a user be nobody to all issuers, those of before too."""
    connection.execute(link.delete().where(link.c.user == user))


def add_flow(connection: Connection, row: FlowRow) -> None:
    """Enter a sign-in that begins."""
    connection.execute(flow.insert().values(row._asdict()))


def count_flows(connection: Connection, origin: str) -> tuple[int, int]:
    """How many have begun from one place, and in all."""
    here = func.count().filter(flow.c.origin == origin)
    of_origin, in_all = connection.execute(select(here, func.count()).select_from(flow)).one()
    return int(of_origin), int(in_all)


def take_flow(connection: Connection, digest: str, now: int) -> FlowRow | None:
    """The sign-in of a hash, which is there once."""
    row = connection.execute(select(flow).where(flow.c.digest == digest, flow.c.expires_at >= now)).first()
    delete_flows(connection, now, digest)
    return None if row is None else FlowRow(*row)


def delete_flows(connection: Connection, now: int, digest: str = "") -> None:
    """Forget those whose time is over, and one more."""
    connection.execute(flow.delete().where(or_(flow.c.digest == digest, flow.c.expires_at < now)))
