"""SQL Server over mssql-python: what its kinds share. A query's transaction is rolled back, whatever it did.

A server may send who signs in on to another one, and the driver goes there. So only those are called that an
administrator allowed, and Azure's, whose certificate is looked at before.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Sequence
from typing import Any

from terrazul.core.errors import DestinationRefused
from terrazul.server.datastore.kind import Surroundings
from terrazul.server.datastore.served import Database
from terrazul.server.datastore.tables import (
    ROWS_AT_ONCE,
    Answer,
    Batches,
    Deadline,
    Failed,
    ServedTables,
    destination_of,
    refused_query,
    told,
    too_slow,
)

TLS_MODES = ("verify-full", "require", "disable")
AZURE_ENDPOINT = "database.windows.net"
_AZURES = (f".{AZURE_ENDPOINT}", ".database.usgovcloudapi.net", ".database.chinacloudapi.cn")
_LOGIN_SECONDS = 5
_SPEAKERS = re.compile(r"^(?:\[[^\]]*\])+")
_TOO_SLOW = "timeout expired"
_NO_DATABASE = "cannot open database"
_NOT_LOADED = "failed to load the driver"
_LIBRARIES = (
    "the driver finds no libltdl or libgssapi_krb5 on the server's machine. On Debian and Ubuntu: "
    "apt-get install libltdl7 libgssapi-krb5-2."
)


def open_database(database: Database, surroundings: Surroundings) -> ServedTables:
    """The tables of a database. Raises ``DestinationRefused`` for a server that neither is allowed nor Azure's."""
    import mssql_python  # noqa: PLC0415  # to tell at once where it is not installed
    import pyarrow as pa  # noqa: F401, PLC0415  # as above

    destination = destination_of(database.host, database.port)
    is_azures = destination.host.lower().endswith(_AZURES) and database.tls == "verify-full"
    if not (is_azures or surroundings.outgoing.is_allowed(destination.place)):
        raise DestinationRefused(
            f"{destination.place} is not called: a SQL Server can send its clients elsewhere.",
            target=database.host,
            hint=f"An administrator can allow it: --allowed-destinations {destination.place}.",
        )
    mssql_python.pooling(enabled=False)

    def look(_addresses: Sequence[str]) -> None:
        deadline = Deadline(10)
        with contextlib.closing(_connected(database, deadline)) as connection:
            connection.cursor().execute("SELECT 1")

    def ask(_addresses: Sequence[str], text: str, deadline: Deadline) -> Answer:
        return _asked(_connected(database, deadline), text, deadline)

    return ServedTables(destination, surroundings.outgoing, look, ask)


def open_azure_database(database: Database, surroundings: Surroundings) -> ServedTables:
    """The tables of a database that Azure serves."""
    return open_database(database._replace(tls="verify-full"), surroundings)


def _connected(database: Database, deadline: Deadline) -> Any:
    import mssql_python  # noqa: PLC0415  # as above

    fields = {
        "Server": f"tcp:{database.host},{database.port}",
        "Database": database.name,
        "UID": database.user,
        "PWD": database.password,
        "Encrypt": "no" if database.tls == "disable" else "yes",
        "TrustServerCertificate": "no" if database.tls == "verify-full" else "yes",
        "ConnectRetryCount": "0",
    }
    text = "".join(f"{name}={_quoted(value)};" for name, value in fields.items())
    try:
        connection = mssql_python.connect(text, autocommit=False, timeout=_LOGIN_SECONDS)
    except mssql_python.Error as error:
        why = _why(error)
        if _NOT_LOADED in why.lower():
            raise Failed("sign in", _LIBRARIES) from None
        step = "find the database" if _NO_DATABASE in why.lower() else "sign in"
        raise Failed(step, f"{why}.") from None
    connection.timeout = max(1, math.ceil(deadline.left))
    return connection


def _quoted(value: str) -> str:
    return "{" + value.replace("}", "}}") + "}"


def _asked(connection: Any, text: str, deadline: Deadline) -> Answer:
    import mssql_python  # noqa: PLC0415  # as above

    try:
        cursor = connection.cursor()
        cursor.execute(text)
        reader = _with_rows(cursor).arrow_reader(ROWS_AT_ONCE)
    except mssql_python.Error as error:
        connection.close()
        raise _explained(error, deadline) from None
    except BaseException:
        connection.close()
        raise
    return Answer(reader.schema, _batches(connection, reader, deadline))


def _with_rows(cursor: Any) -> Any:
    """What a query gives. Raises ``InvalidInput`` where that is nothing."""
    if not cursor.description:
        raise refused_query("it gives no rows")
    return cursor


def _batches(connection: Any, reader: Any, deadline: Deadline) -> Batches:
    import mssql_python  # noqa: PLC0415  # as above

    try:
        yield from reader
    except mssql_python.Error as error:
        raise _explained(error, deadline) from None
    finally:
        reader.close()
        connection.close()


def _explained(error: Any, deadline: Deadline) -> Exception:
    why = _why(error)
    return too_slow(deadline.seconds) if _TOO_SLOW in why.lower() else refused_query(why)


def _why(error: Any) -> str:
    """The server's own words, without the names of those who pass them on."""
    return told(_SPEAKERS.sub("", str(getattr(error, "ddbc_error", "") or error)))
