"""Database files of SQLite on the server's machine, read only."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from terrazul.server.datastore.database_file import FileKind
from terrazul.server.datastore.tables import ROWS_AT_ONCE, Answer, Deadline, Failed, Rows, refused_query, too_slow

if TYPE_CHECKING:
    import pyarrow as pa

_ALLOWED = frozenset({
    sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE,
})  # fmt: skip
"""What a query may do: above all it opens no other file."""
_TYPES = ("integer", "real", "text", "blob")


def _connected(file: Path, seconds: float) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=seconds, check_same_thread=False)
    connection.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY)
    return connection


def _look(file: Path) -> None:
    try:
        with contextlib.closing(_connected(file, 5)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        raise Failed("ask", f"{error}.") from None


def _asked(file: Path, text: str, deadline: Deadline) -> Answer:
    connection = _connected(file, deadline.left)
    timer = threading.Timer(deadline.left, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        with _explained(deadline):
            names = [column[0] for column in connection.execute(_within(text) + " LIMIT 0").description]
            schema = _schema(connection, text, names)
            cursor = connection.execute(text)
    except BaseException:
        timer.cancel()
        connection.close()
        raise
    return Answer(schema, _rows(connection, cursor, timer, deadline))


def _within(text: str) -> str:
    bare = text.strip().rstrip(";")
    return f"SELECT * FROM ({bare}\n)"  # noqa: S608  # the query is the user's own, and may only read


def _schema(connection: sqlite3.Connection, text: str, names: Sequence[str]) -> pa.Schema:
    """The columns, each of the type that all of its values have: SQLite has types of values, not of columns."""
    import pyarrow as pa  # noqa: PLC0415  # as above

    counts = ", ".join(
        f"sum(typeof(c{number}) = '{kind}')" for number in range(len(names)) for kind in _TYPES
    )  # fmt: skip
    columns = ", ".join(f"c{number}" for number in range(len(names)))
    bare = text.strip().rstrip(";")
    query = f"WITH q({columns}) AS (SELECT * FROM ({bare}\n)) SELECT {counts} FROM q"  # noqa: S608  # as above
    found = connection.execute(query).fetchone()
    kinds = [found[4 * number : 4 * number + 4] for number in range(len(names))]
    return pa.schema([(name, _type_of(*map(bool, kind))) for name, kind in zip(names, kinds, strict=True)])


def _type_of(integer: bool, real: bool, text: bool, blob: bool) -> Any:
    import pyarrow as pa  # noqa: PLC0415  # as above

    if text or (blob and (integer or real)):
        return pa.string()
    if blob:
        return pa.binary()
    return pa.float64() if real else pa.int64() if integer else pa.null()


def _rows(connection: sqlite3.Connection, cursor: sqlite3.Cursor, timer: threading.Timer, deadline: Deadline) -> Rows:
    try:
        with _explained(deadline):
            while group := cursor.fetchmany(ROWS_AT_ONCE):
                yield group
    finally:
        timer.cancel()
        connection.close()


@contextlib.contextmanager
def _explained(deadline: Deadline) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if str(error) == "interrupted":
            raise too_slow(deadline.seconds) from None
        raise refused_query(str(error)) from None
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise refused_query(str(error)) from None


KIND = FileKind("Sqlite", _look, _asked, ("pyarrow",))
