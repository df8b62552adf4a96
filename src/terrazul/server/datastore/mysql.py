"""MySQL and MariaDB over PyMySQL: what their kinds share. Queries are asked in a transaction that changes nothing."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator, Sequence
from typing import Any

from terrazul.server.datastore.kind import Surroundings
from terrazul.server.datastore.served import Database
from terrazul.server.datastore.tables import (
    ROWS_AT_ONCE,
    Answer,
    Deadline,
    Failed,
    Rows,
    ServedTables,
    destination_of,
    refused_query,
    told,
    too_slow,
)

TLS_MODES = ("require", "verify-full", "disable")
_UNKNOWN_DATABASE = {1044, 1049}
_TOO_SLOW = {1317, 1969, 3024}
_BINARY = 63
_UNSIGNED = 32
_WHOLE, _REAL, _BIG = {1, 2, 3, 9, 13, 16}, {0, 4, 5, 246}, {8}
_DATE, _MOMENT, _SPAN = {10, 14}, {7, 12}, {11}
"""By the numbers that the protocol gives types."""


def open_database(database: Database, surroundings: Surroundings) -> ServedTables:
    """The tables of a database."""
    import pyarrow as pa  # noqa: F401, PLC0415  # to tell at once where it is not installed
    import pymysql  # noqa: F401, PLC0415  # as above

    destination = destination_of(database.host, database.port)

    def look(addresses: Sequence[str]) -> None:
        connection = _connected(database, addresses, Deadline(10))
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    def ask(addresses: Sequence[str], text: str, deadline: Deadline) -> Answer:
        return _asked(_connected(database, addresses, deadline), text, deadline)

    return ServedTables(destination, surroundings.outgoing, look, ask)


def _connected(database: Database, addresses: Sequence[str], deadline: Deadline) -> Any:
    """A connection to one of the addresses that were checked; the name is that which the certificate must have."""
    import pymysql  # noqa: PLC0415  # as above
    from pymysql.cursors import SSCursor  # noqa: PLC0415  # as above

    connection: Any = pymysql.connect(
        host=database.host,
        port=database.port,
        user=database.user,
        password=database.password.encode(),  # a text would be sent as Latin-1
        database=database.name,
        charset="utf8mb4",
        cursorclass=SSCursor,
        ssl=_trust(database.tls),
        ssl_disabled=database.tls == "disable",
        read_timeout=int(deadline.left) + 5,
        write_timeout=10,
        local_infile=False,
        autocommit=False,
        defer_connect=True,
    )
    try:
        connection.connect(_way_to(addresses, database.port))
        with connection.cursor() as cursor:
            limit = _limit_of(connection.get_server_info(), deadline)
            cursor.execute(limit)
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
    except (pymysql.Error, OSError) as error:
        code = error.args[0] if error.args else None
        step = "find the database" if code in _UNKNOWN_DATABASE else "sign in"
        raise Failed(step, told(str(error.args[-1] if error.args else error)) + ".") from None
    return connection


def _trust(tls: str) -> ssl.SSLContext | None:
    if tls == "disable":
        return None
    context = ssl.create_default_context()
    if tls == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _way_to(addresses: Sequence[str], port: int) -> socket.socket:
    problem: OSError = OSError("there is no address")
    for address in addresses:
        try:
            return socket.create_connection((address, port), 5)
        except OSError as error:  # noqa: PERF203  # the next may answer
            problem = error
    raise problem


def _limit_of(version: str, deadline: Deadline) -> str:
    if "mariadb" in version.lower():
        return f"SET SESSION max_statement_time={deadline.left:.3f}"
    return f"SET SESSION max_execution_time={max(1, int(deadline.left * 1000))}"


def _asked(connection: Any, text: str, deadline: Deadline) -> Answer:
    import pyarrow as pa  # noqa: PLC0415  # as above

    try:
        with _explained(deadline):
            cursor = connection.cursor()
            cursor.execute(text)
            schema = pa.schema([(field.name, _type_of(field)) for field in _fields_of(cursor)])
    except BaseException:
        connection.close()
        raise
    return Answer(schema, _rows(connection, cursor, deadline))


def _fields_of(cursor: Any) -> Sequence[Any]:
    """The columns with their signs and charsets. Raises ``InvalidInput`` where there are none."""
    fields: Sequence[Any] = cursor._result.fields if cursor._result else []  # noqa: SLF001  # `description` lacks these
    if not fields:
        raise refused_query("it gives no rows")
    return fields


def _rows(connection: Any, cursor: Any, deadline: Deadline) -> Rows:
    try:
        with _explained(deadline):
            while group := cursor.fetchmany(ROWS_AT_ONCE):
                yield group
    finally:
        connection._force_close()  # noqa: SLF001  # `close` would read the rest of the rows


def _type_of(field: Any) -> Any:
    import pyarrow as pa  # noqa: PLC0415  # as above

    whole = pa.uint64() if field.type_code in _BIG and field.flags & _UNSIGNED else pa.int64()
    types = {
        **dict.fromkeys(_WHOLE | _BIG, whole),
        **dict.fromkeys(_REAL, pa.float64()),
        **dict.fromkeys(_DATE, pa.date32()),
        **dict.fromkeys(_MOMENT, pa.timestamp("us")),
        **dict.fromkeys(_SPAN, pa.duration("us")),
    }
    return types.get(field.type_code, pa.binary() if field.charsetnr == _BINARY else pa.string())


@contextlib.contextmanager
def _explained(deadline: Deadline) -> Iterator[None]:
    import pymysql  # noqa: PLC0415  # as above

    try:
        yield
    except pymysql.Error as error:
        if error.args and error.args[0] in _TOO_SLOW:
            raise too_slow(deadline.seconds) from None
        raise refused_query(str(error.args[-1] if error.args else error)) from None
