"""PostgreSQL over psycopg: what its kinds share. Queries are asked in a transaction that changes nothing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
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

_NO_PASSWORD = "none"  # noqa: S105  # it is none
"""Given where there is none: the library would look for one around the server."""
TLS_MODES = ("prefer", "require", "verify-full", "disable")
_CANCELLED = "57014"
_TYPES = {
    16: "bool", 17: "binary", 20: "int64", 21: "int16", 23: "int32", 700: "float32", 701: "float64", 1700: "float64",
    1082: "date32", 1083: "time64[us]", 1114: "timestamp[us]", 1184: "timestamp[us, tz=UTC]", 1186: "duration[us]",
    26: "int64",
}  # fmt: skip
"""By the number that PostgreSQL gives each type; what stands for no number, time or bytes is text."""


def open_database(database: Database, surroundings: Surroundings) -> ServedTables:
    """The tables of a database."""
    import psycopg  # noqa: F401, PLC0415  # to tell at once where it is not installed
    import pyarrow as pa  # noqa: F401, PLC0415  # as above

    destination = destination_of(database.host, database.port)

    def look(addresses: Sequence[str]) -> None:
        with _connected(database, addresses, Deadline(10)) as connection:
            connection.execute("SELECT 1")

    def ask(addresses: Sequence[str], text: str, deadline: Deadline) -> Answer:
        return _asked(_connected(database, addresses, deadline), text, deadline)

    return ServedTables(destination, surroundings.outgoing, look, ask)


def _connected(database: Database, addresses: Sequence[str], deadline: Deadline) -> Any:
    """A connection to one of the addresses that were checked; the name is that which the certificate must have."""
    import psycopg  # noqa: PLC0415  # as above

    try:
        connection = psycopg.connect(
            host=",".join([database.host] * len(addresses)),
            hostaddr=",".join(addresses),
            port=database.port,
            dbname=database.name,
            user=database.user,
            password=database.password or _NO_PASSWORD,
            sslmode=database.tls,
            sslrootcert="system" if database.tls == "verify-full" else None,
            connect_timeout=5,
            application_name="terrazul",
            options=f"-c statement_timeout={max(1, int(deadline.left * 1000))}",
            passfile=os.devnull,
            gssencmode="disable",
        )
        connection.read_only = True
    except psycopg.OperationalError as error:
        why = told(str(error)).rpartition("FATAL: ")[2].strip() + "."
        if "does not exist" in why and "database" in why:
            raise Failed("find the database", why) from None
        raise Failed("sign in", why) from None
    return connection


def _asked(connection: Any, text: str, deadline: Deadline) -> Answer:
    import psycopg  # noqa: PLC0415  # as above
    import pyarrow as pa  # noqa: PLC0415  # as above

    cursor = connection.cursor(name="terrazul")
    try:
        cursor.execute(text)
        types = [(column.name, column.type_code) for column in cursor.description or []]
        schema = pa.schema([(name, _type_of(code)) for name, code in types])
    except psycopg.Error as error:
        _end(connection, cursor)
        raise _explained(error, deadline) from None
    return Answer(schema, _rows(connection, cursor, deadline))


def _rows(connection: Any, cursor: Any, deadline: Deadline) -> Rows:
    import psycopg  # noqa: PLC0415  # as above

    try:
        while group := cursor.fetchmany(ROWS_AT_ONCE):
            yield group
    except psycopg.Error as error:
        raise _explained(error, deadline) from None
    finally:
        _end(connection, cursor)


def _end(connection: Any, cursor: Any) -> None:
    import psycopg  # noqa: PLC0415  # as above

    with contextlib.suppress(psycopg.Error):
        cursor.close()
    connection.close()


def _type_of(code: int) -> Any:
    import pyarrow as pa  # noqa: PLC0415  # as above

    name = _TYPES.get(code, "string")
    with_unit = {
        "timestamp[us]": pa.timestamp("us"),
        "timestamp[us, tz=UTC]": pa.timestamp("us", "UTC"),
        "time64[us]": pa.time64("us"),
        "duration[us]": pa.duration("us"),
    }
    return with_unit.get(name) or pa.type_for_alias(name)


def _explained(error: Any, deadline: Deadline) -> Exception:
    if error.sqlstate == _CANCELLED:
        return too_slow(deadline.seconds)
    diagnosis = getattr(error, "diag", None)
    return refused_query(getattr(diagnosis, "message_primary", None) or str(error))
