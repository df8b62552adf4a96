"""PostgreSQL, for teams: several processes may share it.

All texts are compared and sorted by their code points (``COLLATE "C"``), as SQLite does it; small letters and capitals
are told apart by a collation of our own, which is made together with the tables.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Column, Connection, Engine, bindparam, create_engine, event, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql.base import PGTypeCompiler
from sqlalchemy.dialects.sqlite.dml import OnConflictDoNothing, OnConflictDoUpdate
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import NullPool
from sqlalchemy.types import Text

from terrazul.core.errors import Conflict, InsufficientStorage, InvalidInput, TerrazulError, Unavailable
from terrazul.server.sql.kind import Link, Thing
from terrazul.server.sql.pattern import LETTERS

WRITING = 0x7E44A201
"""The advisory lock of whoever writes; it makes writers of all processes go one after another."""
LEADING = 0x7E44A202
"""The advisory lock of the process that leads, held by its link."""
CHANGING_SCHEMA = 0x7E44A203
CHANNEL = "terrazul"
_BUILT_IN_COLLATION = 17_00_00
"""The first version of PostgreSQL that folds letters by itself, whatever it was built with."""
_CONNECT_SECONDS = 5
_ENDING_SECONDS = 5.0
_LOOK_SECONDS = 0.05
_FULL = "53100"
_UNDEFINED_TABLE = "42P01"
_READ_ONLY = "25006"
_NO_TURN = "55P03"
_NO_RIGHT = "42501"
_AWAY = ("08", "57P", "53", "58")
"""Classes of errors with which a server says that it cannot serve now."""
_REFUSED = {
    "54000": ("A name or a path is too long to be looked up.", "Use a shorter one."),
    "22003": ("A number is larger than the database can hold.", "Use one of at most 64 bits."),
    "22021": ("A text holds a character that cannot be kept.", "Take it out of names and values."),
}
_NUL = ("A text holds the character NUL, which PostgreSQL cannot keep.", "Take it out of names and values.")
_TELL = text("SELECT pg_notify(:channel, unnest(:told))").bindparams(bindparam("told", type_=ARRAY(Text)))
_TURN = text("SELECT pg_advisory_xact_lock(:turn)")


class PostgresqlDatabase:
    """A database by its address, as libpq reads it: ``postgresql://user:password@host:port/name``.

    Raises ``InvalidInput`` for what is no address.
    """

    readers = 4

    def __init__(self, url: str) -> None:
        try:
            parts = conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            raise InvalidInput(
                "The address of the database cannot be read.",
                target="database",
                hint="Write it as postgresql://user:password@host:port/name, with special characters as %40.",
            ) from None
        self._url = url
        place = parts.get("host") or parts.get("service") or os.environ.get("PGHOST") or "localhost"
        port = f":{parts['port']}" if parts.get("port") else ""
        name = parts.get("dbname") or os.environ.get("PGDATABASE") or parts.get("user") or ""
        self._address = f"postgresql://{place}{port}/{name}"

    @property
    def address(self) -> str:
        """Host and database, without the user and the password."""
        return self._address

    @property
    def _sender(self) -> int:
        """By which a process knows what it told itself; all processes of a server run on one machine."""
        return os.getpid()

    def engine(self) -> Engine:
        """Connections that are kept, so there is no pool."""
        engine = create_engine(
            "postgresql+psycopg://",
            creator=self._connect,
            poolclass=NullPool,
            hide_parameters=True,  # an error's text goes to the log, where no value of a user's belongs
            use_native_hstore=False,
        )
        engine.dialect.type_compiler_instance = _Types(engine.dialect)
        event.listen(engine, "handle_error", _refuse)
        return engine

    def writing(self, engine: Engine) -> Connection:
        """Each statement sees what was committed before it; the turn keeps the others from writing meanwhile."""
        return _configured(engine.connect(), psycopg.IsolationLevel.READ_COMMITTED, read_only=False)

    def reading(self, engine: Engine) -> Connection:
        """One snapshot for all reads of a transaction."""
        return _configured(engine.connect(), psycopg.IsolationLevel.REPEATABLE_READ, read_only=True)

    def take_turn(self, connection: Connection) -> None:
        """Writers of all processes go one after another, as they do within one: numbers are counted without gaps."""
        connection.execute(_TURN, {"turn": WRITING})

    def tell(self, connection: Connection, things: Sequence[Thing]) -> None:
        """NOTIFY, which is sent with the commit."""
        told = [msgspec.json.encode((self._sender, thing)).decode() for thing in dict.fromkeys(things)]
        connection.execute(_TELL, {"channel": CHANNEL, "told": told})

    def check_unused(self) -> None:
        """Nobody leads, once the connections of a server that was killed are gone."""
        deadline = time.monotonic() + _ENDING_SECONDS
        with self._connect() as connection:
            while connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (LEADING,)).fetchone() != (True,):
                if time.monotonic() > deadline:
                    raise Conflict(
                        f"The database {self._address} is used by another server.",
                        target=self._address,
                        hint="Its files are in that server's home. Stop it first, or make another database.",
                    )
                time.sleep(_LOOK_SECONDS)

    @contextlib.asynccontextmanager
    async def link(self) -> AsyncIterator[Link]:
        """A connection of its own, so that its locks are free as soon as this process is gone."""
        try:
            connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, **_CONNECTING)
        except psycopg.OperationalError:
            raise self._away() from None
        async with connection:
            yield await _Link.over(connection, self._sender)

    def explain(self, error: DBAPIError) -> TerrazulError | DBAPIError:
        """A full disk, or a server that is away."""
        code = getattr(error.orig, "sqlstate", None)
        if code == _FULL:
            return InsufficientStorage(
                "The disk of the database is full, so nothing more can be recorded.",
                hint="Free some space on it; the server goes on by itself.",
            )
        if code == _NO_TURN:
            return Unavailable("The database is busy.", hint="Try again in a moment.")
        if code == _READ_ONLY:
            return Unavailable("The database takes no writes: it is a standby.", hint="Name the primary server.")
        gone = error.connection_invalidated or (isinstance(error.orig, psycopg.OperationalError) and code is None)
        if gone or (code is not None and code.startswith(_AWAY)):
            return self._away()
        return error

    def revision(self) -> str | None:
        """What the database says."""
        try:
            with self._connect() as connection:
                row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except psycopg.errors.UndefinedTable:
            return None
        except psycopg.OperationalError as error:
            raise self._unreachable(error) from None
        return str(row[0]) if row else None

    @contextlib.contextmanager
    def changing_schema(self) -> Iterator[Connection]:
        """DDL is transactional; the collation is there before the first table."""
        engine = self.engine()
        try:
            with engine.begin() as connection:
                connection.execute(_TURN, {"turn": CHANGING_SCHEMA})
                _make_collation(connection)
                yield connection
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == _NO_RIGHT:
                raise Conflict(
                    f"The user of the database {self._address} may not make tables in it.",
                    target=self._address,
                    hint="GRANT ALL ON SCHEMA public TO that user, or let it own the database.",
                ) from None
            raise

    def overwrite_removed(self, connection: Connection) -> None:
        """Nothing: removed rows are in the files until the database vacuums them."""

    def clear_log(self) -> None:
        """Nothing: the log is the database's own."""

    def size(self, connection: Connection) -> int:
        """What PostgreSQL says."""
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._url, **_CONNECTING)

    def _away(self) -> Unavailable:
        return Unavailable(
            f"The database {self._address} cannot be reached.", target=self._address, hint="Try again in a moment."
        )

    def _unreachable(self, error: psycopg.OperationalError) -> Unavailable:
        reason = " ".join(str(error).split()).rstrip(".")
        return Unavailable(
            f"The database {self._address} cannot be reached: {reason}.",
            target=self._address,
            hint="Check the setting `database`, and that PostgreSQL is running and lets this machine in.",
        )


_CONNECTING: dict[str, Any] = {
    "connect_timeout": _CONNECT_SECONDS,
    "application_name": "terrazul",
    "client_encoding": "UTF8",
    # A half-open connection is noticed within half a minute, on either side; a process that stands still and has the
    # turn loses it after a minute.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "options": "-c synchronous_commit=on -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 "
    "-c tcp_keepalives_count=3 -c lock_timeout=30s -c idle_in_transaction_session_timeout=60s",
}


class _Link:
    """A connection that listens."""

    def __init__(self, connection: psycopg.AsyncConnection[Any], sender: int) -> None:
        self._connection = connection
        self._sender = sender

    @classmethod
    async def over(cls, connection: psycopg.AsyncConnection[Any], sender: int) -> _Link:
        """Begin to listen."""
        await connection.execute(f"LISTEN {CHANNEL}")
        return cls(connection, sender)

    async def lead(self) -> bool:
        """Take the leader's lock, if nobody holds it."""
        try:
            cursor = await self._connection.execute("SELECT pg_try_advisory_lock(%s)", (LEADING,))
            row = await cursor.fetchone()
        except psycopg.OperationalError as error:
            raise Unavailable("The link to the database was cut.") from error
        return bool(row and row[0])

    async def hear(self, seconds: float) -> list[Thing]:
        """What has been notified by others than this process."""
        try:
            notices = [each async for each in self._connection.notifies(timeout=seconds, stop_after=1)]
        except psycopg.OperationalError as error:
            raise Unavailable("The link to the database was cut.") from error
        told = [msgspec.json.decode(each.payload, type=tuple[int, Thing]) for each in notices]
        return [thing for sender, thing in told if sender != self._sender]


class _Types(PGTypeCompiler):
    """Columns of text are sorted as SQLite sorts them and have no length; what is compared with them may be longer."""

    def visit_TEXT(self, type_: Any, **options: Any) -> str:  # noqa: N802, ARG002  # SQLAlchemy's name and signature
        """Text."""
        return 'TEXT COLLATE "C"' if isinstance(options.get("type_expression"), Column) else "TEXT"

    def visit_VARCHAR(self, type_: Any, **options: Any) -> str:  # noqa: N802  # as above
        """Text, too: SQLite knows no lengths, and what has one is checked before."""
        return self.visit_TEXT(type_, **options)

    def visit_INTEGER(self, type_: Any, **options: Any) -> str:  # noqa: N802  # as above
        """A number that a column is compared with may be larger than any in it."""
        column = isinstance(options.get("type_expression"), Column)
        return super().visit_INTEGER(type_, **options) if column else "BIGINT"


@compiles(OnConflictDoNothing, "postgresql")
def _render_do_nothing(element: Any, compiler: Any, **options: Any) -> str:
    """SQLite has ON CONFLICT from here, word for word; only a constraint's name it cannot say."""
    element.constraint_target = None
    return str(compiler.visit_on_conflict_do_nothing(element, **options))


@compiles(OnConflictDoUpdate, "postgresql")
def _render_do_update(element: Any, compiler: Any, **options: Any) -> str:
    """As above."""
    element.constraint_target = None
    return str(compiler.visit_on_conflict_do_update(element, **options))


def _configured(connection: Connection, level: psycopg.IsolationLevel, *, read_only: bool) -> Connection:
    driver: Any = connection.connection.driver_connection
    driver.isolation_level = level
    driver.read_only = read_only
    return connection


def _refuse(context: ExceptionContext) -> None:
    """Raise ``InvalidInput`` where a value cannot be kept, at the statement that was given it."""
    error = context.original_exception
    told = _REFUSED.get(getattr(error, "sqlstate", None) or "")
    if told is None and isinstance(error, psycopg.DataError) and "NUL" in str(error):
        told = _NUL
    if told is not None:
        raise InvalidInput(told[0], hint=told[1]) from None


def _make_collation(connection: Connection) -> None:
    known = connection.execute(text("SELECT 1 FROM pg_collation WHERE collname = :name"), {"name": LETTERS}).first()
    if known:
        return
    version = int(connection.execute(text("SHOW server_version_num")).scalar_one())
    made = (
        "(provider = icu, locale = 'und')"
        if version < _BUILT_IN_COLLATION
        else ("(provider = builtin, locale = 'C.UTF-8')")
    )
    connection.exec_driver_sql(f"CREATE COLLATION {LETTERS} {made}")
