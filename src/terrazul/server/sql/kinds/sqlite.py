"""SQLite, embedded: one file, one process."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from terrazul.core.errors import InsufficientStorage, TerrazulError, Unavailable
from terrazul.server.sql.kind import Thing

_DURABLE = ("journal_mode=WAL", "synchronous=FULL")
_MAPPED = "mmap_size=2000000000"
"""So many bytes of the file are read where the system keeps them, without a call for each page."""
_SETTINGS = (*_DURABLE, "busy_timeout=10000", "foreign_keys=ON", "cache_size=-8000", "temp_store=MEMORY", _MAPPED)


class SqliteDatabase:
    """A database file; the lock of the home directory sees to it that one process opens it."""

    readers = 3

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def address(self) -> str:
        """The path."""
        return str(self._path)

    def engine(self) -> Engine:
        """Write-ahead log, flushed at every commit."""
        return _engine(self._path, _SETTINGS, "BEGIN")

    def writing(self, engine: Engine) -> Connection:
        """Any connection writes."""
        return engine.connect()

    def reading(self, engine: Engine) -> Connection:
        """A transaction sees the state of its first read."""
        return engine.connect()

    def take_turn(self, connection: Connection) -> None:
        """Nothing: this process is the only one."""

    def tell(self, connection: Connection, things: Sequence[Thing]) -> None:
        """Nothing, as above."""

    def check_unused(self) -> None:
        """Nothing, as above."""

    def link(self) -> None:
        """None, as above."""

    def explain(self, error: DBAPIError) -> TerrazulError | DBAPIError:
        """A full disk, or a file that is locked from outside."""
        text = str(error.orig)
        if "disk is full" in text or "disk I/O error" in text or "No space left" in text:
            return InsufficientStorage(
                "The disk of the server is full, so nothing more can be recorded.",
                hint="Free some space on it; the server goes on by itself.",
            )
        if "database is locked" in text:
            return Unavailable("The database is busy.", hint="Try again in a moment.")
        return error

    def revision(self) -> str | None:
        """What the file says, without an engine: it is asked at every start."""
        if not self._path.exists():
            return None
        connection = sqlite3.connect(self._path)
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:
            return None
        finally:
            connection.close()
        return str(row[0]) if row else None

    @contextmanager
    def changing_schema(self) -> Iterator[Connection]:
        """Without foreign keys, since tables are written anew."""
        engine = _engine(self._path, _DURABLE, "BEGIN IMMEDIATE")
        with engine.begin() as connection:
            yield connection

    def overwrite_removed(self, connection: Connection) -> None:
        """Zeros in the place of what is removed, for as long as the connection lives."""
        connection.exec_driver_sql("PRAGMA secure_delete=ON")

    def clear_log(self) -> None:
        """Have everything that was committed in the file itself, and nothing in the log beside it."""
        with closing(sqlite3.connect(self._path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def size(self, connection: Connection) -> int:  # noqa: ARG002  # others ask their server
        """The size of the file."""
        return self._path.stat().st_size


def _engine(path: Path, settings: Sequence[str], begin_statement: str) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=NullPool,
        hide_parameters=True,  # an error's text goes to the log, where no value of a user's belongs
        connect_args={"check_same_thread": False, "cached_statements": 512},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        # Transactions are begun by the listener below; the driver's own way would commit before savepoints.
        connection.isolation_level = None
        for setting in settings:
            connection.execute(f"PRAGMA {setting}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection  # every read and write begins here
        driver.execute(begin_statement)

    return engine
