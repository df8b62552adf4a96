"""Which kind of database a setting names."""

from __future__ import annotations

from pathlib import Path

from terrazul.core.errors import InvalidInput, TerrazulError
from terrazul.server.sql.kind import DatabaseKind
from terrazul.server.sql.kinds.sqlite import SqliteDatabase

_POSTGRESQL = ("postgresql://", "postgres://")


def choose(address: str, file: Path) -> DatabaseKind:
    """The database at an address, or the one in the file where there is none.

    Raises ``InvalidInput`` for what is no address, ``TerrazulError`` where the driver is not installed. No message
    repeats the address: it may hold a password.
    """
    if not address:
        return SqliteDatabase(file)
    if not is_shared(address):
        raise InvalidInput(
            "The setting `database` is not the address of a PostgreSQL database.",
            target="database",
            hint="Write it as postgresql://user:password@host:port/name, or leave it out for the file in the home.",
        )
    try:
        from terrazul.server.sql.kinds.postgresql import PostgresqlDatabase  # noqa: PLC0415  # its driver is an extra
    except ImportError as error:
        raise TerrazulError(
            f"PostgreSQL needs the package {error.name!r}, which is not installed.",
            hint='Install it: pip install "terrazul[server,postgresql]".',
        ) from None
    return PostgresqlDatabase(address)


def is_shared(address: str) -> bool:
    """Whether several processes may open the database of an address."""
    return address.startswith(_POSTGRESQL)
