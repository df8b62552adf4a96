"""Database files of DuckDB on the server's machine, read only."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from terrazul.core.errors import InvalidInput
from terrazul.server.datastore.database_file import FileKind
from terrazul.server.datastore.tables import ROWS_AT_ONCE, Answer, Batches, Deadline, Failed, refused_query, too_slow

_CONFIGURATION = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "lock_configuration": "true",
}
"""A query opens no other file and fetches nothing."""


def _connected(file: Path) -> Any:
    import duckdb  # noqa: PLC0415  # as above

    return duckdb.connect(str(file), read_only=True, config=dict(_CONFIGURATION))


def _look(file: Path) -> None:
    import duckdb  # noqa: PLC0415  # as above

    try:
        _connected(file).close()
    except duckdb.Error as error:
        raise Failed("ask", f"{str(error).partition(chr(10))[0]}.") from None


def _asked(file: Path, text: str, deadline: Deadline) -> Answer:
    import duckdb  # noqa: PLC0415  # as above

    connection = _connected(file)
    timer = threading.Timer(deadline.left, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        relation = connection.sql(_only(connection, text))
        reader = _with_rows(relation).to_arrow_reader(ROWS_AT_ONCE)
    except duckdb.Error as error:
        timer.cancel()
        connection.close()
        raise _explained(error, deadline) from None
    except BaseException:
        timer.cancel()
        connection.close()
        raise
    return Answer(reader.schema, _batches(connection, reader, timer, deadline))


def _only(connection: Any, text: str) -> Any:
    """The text of a query. Raises ``InvalidInput`` where it is several."""
    statements = connection.extract_statements(text)
    if len(statements) != 1:
        raise refused_query(f"it is {len(statements)} statements, and one is asked at a time")
    return text


def _with_rows(relation: Any) -> Any:
    """What a query gives. Raises ``InvalidInput`` where that is nothing."""
    if relation is None:
        raise refused_query("it gives no rows")
    return relation


def _batches(connection: Any, reader: Any, timer: threading.Timer, deadline: Deadline) -> Batches:
    import duckdb  # noqa: PLC0415  # as above
    import pyarrow as pa  # noqa: PLC0415  # as above

    try:
        yield from reader
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise _explained(error, deadline) from None
    finally:
        timer.cancel()
        connection.close()


def _explained(error: Exception, deadline: Deadline) -> InvalidInput:
    if "interrupt" in str(error).lower():
        return too_slow(deadline.seconds)
    return refused_query(str(error).partition("\n")[0])


KIND = FileKind("DuckDb", _look, _asked, ("duckdb", "pyarrow"))
