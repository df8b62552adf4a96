"""Reading the tables of a database, SQLite's with the standard library and PostgreSQL's with psycopg."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Set
from urllib.parse import urlsplit, urlunsplit

from terrazul.core.errors import InvalidInput, NotFound, Unavailable

Row = Dict[str, Any]
_SQLITE = "sqlite:"
_MAGIC = b"SQLite format 3\x00"
_AT_ONCE = 5000


class Tables:
    """One database, that is read and never written. Closing it lets go of it."""

    def __init__(self, connection: Any, mark: str, known: Set[str]) -> None:
        self._connection = connection
        self._mark = mark
        self.known = known
        """The names of the tables that there are."""

    def rows(self, statement: str, *values: Any) -> Iterator[Row]:
        """The rows that a statement finds; ``?`` stands for each value. Read as they are asked for."""
        with contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(statement.replace("?", self._mark), values)
            names = [column[0] for column in cursor.description]
            while True:
                page = cursor.fetchmany(_AT_ONCE)
                if not page:
                    return
                for row in page:
                    yield dict(zip(names, row))

    def of(self, table: str, **equal: Any) -> List[Row]:
        """The rows of a table whose columns have these values; none where there is no such table."""
        if table not in self.known:
            return []
        condition = " AND ".join(f"{name} = ?" for name in equal)
        where = f" WHERE {condition}" if condition else ""
        return list(self.rows(f"SELECT * FROM {table}{where}", *equal.values()))  # noqa: S608  # names of ours

    def count(self, table: str) -> int:
        """How many rows a table has; none where there is no such table."""
        if table not in self.known:
            return 0
        return int(next(self.rows(f"SELECT COUNT(*) AS number FROM {table}"))["number"])  # noqa: S608  # as above

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()


def is_sqlite_file(path: Path) -> bool:
    """Whether a file is a database of SQLite."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def open_sqlite(path: Path) -> Tables:
    """A database of SQLite. Raises ``NotFound`` where there is none, ``InvalidInput`` where it cannot be read."""
    if not is_sqlite_file(path):
        kind = InvalidInput if path.exists() else NotFound
        message = f"{path} is not a database of SQLite."
        raise kind(message, target=str(path), hint="Name the file that MLflow's address sqlite:///… names.")
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except sqlite3.Error as error:
        message = f"The database {path} cannot be read: {error}."
        raise InvalidInput(message, target=str(path), hint="Is it whole, and may you read its folder?") from error
    return Tables(connection, "?", {row[0] for row in found})


def open_postgresql(address: str) -> Tables:
    """A database of PostgreSQL. Raises ``Unavailable`` where it does not answer, or psycopg is not there."""
    try:
        import psycopg  # noqa: PLC0415  # an optional package
    except ImportError:
        message = "Reading PostgreSQL needs the package psycopg, which is not installed."
        raise Unavailable(message, hint='Install it: pip install "psycopg[binary]".') from None
    parts = urlsplit(address)
    plain = urlunsplit(("postgresql", *parts[1:]))
    try:
        connection = psycopg.connect(plain, autocommit=False)
        connection.read_only = True
        query = "SELECT table_name FROM information_schema.tables WHERE table_schema = ANY (current_schemas(false))"
        found = connection.execute(query).fetchall()
    except psycopg.Error as error:
        reason = str(error).strip().partition("\n")[0]
        message = f"The database at {parts.hostname or 'the address'} cannot be read: {reason}."
        raise Unavailable(message, target=parts.hostname, hint="Write postgresql://user@host/name.") from None
    return Tables(connection, "%s", {row[0] for row in found})


def path_of(address: str) -> Path:
    """The file that ``sqlite:///path`` names."""
    return Path(address[len(_SQLITE) :].partition("?")[0].replace("///", "", 1))


def driver_of(scheme: str) -> str:
    """The kind of database that a scheme such as ``postgresql+psycopg2`` names."""
    return scheme.partition("+")[0]


def names_of(rows: Sequence[Row], column: str) -> List[str]:
    """The values of a column."""
    return [str(row[column]) for row in rows]
