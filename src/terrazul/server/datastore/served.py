"""Kinds of databases that answer at a place of a network: what all of them have, in our names and in those of v1."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from terrazul.core.errors import InvalidInput
from terrazul.server.datastore.kind import Credential, Field, Settings, Surroundings
from terrazul.server.datastore.tables import ServedTables, destination_of

_CREDENTIAL = "Sql"


class Database(NamedTuple):
    """Where a database is, and how one signs in."""

    host: str
    port: int
    name: str
    user: str
    password: str
    tls: str


Open = Callable[[Database, Surroundings], ServedTables]


class ServedKind:
    """A kind by host and database, with a user and a password; the first of the modes of TLS is the usual one."""

    holds_files = False

    def __init__(self, name: str, description: str, port: int, tls_modes: Sequence[str], opens: Open) -> None:
        self.name = name
        self.description = description
        self._port = port
        self._tls_modes = tls_modes
        self._open = opens
        self.settings: Mapping[str, Field] = {
            "host": Field("The name or address of the server.", is_required=True),
            "database": Field("The database.", is_required=True),
            "port": Field(f"Default: {port}.", int),
            "tls": Field(f"One of {', '.join(tls_modes)}. Default: {tls_modes[0]}."),
        }
        self.credential: Mapping[str, Field] = {
            "user": Field("The user.", is_required=True),
            "password": Field("The user's password."),
        }

    def check(self, settings: Settings, credential: Credential) -> str:
        """A user and a password."""
        del credential
        mode = str(settings.get("tls") or self._tls_modes[0])
        if mode not in self._tls_modes:
            raise InvalidInput(
                f"{mode[:80]!r} is no mode of TLS.", target="tls", hint=f"The modes are {', '.join(self._tls_modes)}."
            )
        destination_of(str(settings["host"]), self._port_of(settings))
        return _CREDENTIAL

    def open(self, settings: Settings, credential: Credential, surroundings: Surroundings) -> ServedTables:
        """The tables of the database."""
        database = Database(
            str(settings["host"]),
            self._port_of(settings),
            str(settings["database"]),
            credential["user"],
            credential.get("password", ""),
            str(settings.get("tls") or self._tls_modes[0]),
        )
        return self._open(database, surroundings)

    def _port_of(self, settings: Settings) -> int:
        return int(settings.get("port") or self._port)


class AzureKind:
    """A kind that Azure serves, by v1's names. It speaks TLS only, unless ``enforce_ssl`` is a field and false."""

    holds_files = False

    def __init__(
        self, name: str, what: str, port: int, endpoint: str, opens: Open, further: Mapping[str, Field]
    ) -> None:
        self.name = name
        self.description = f"A database of {what}."
        self._port = port
        self._endpoint = endpoint
        self._open = opens
        self.settings: Mapping[str, Field] = {
            "server_name": Field("The server: its first name, or its whole name.", is_required=True),
            "database_name": Field("The database.", is_required=True),
            "port_number": Field(f"Default: {port}.", int),
            "endpoint": Field(f"What follows the server's first name. Default: {endpoint}."),
            **further,
        }
        self.credential: Mapping[str, Field] = {
            "user_id": Field("The user.", is_required=True),
            "user_password": Field("The user's password.", is_required=True),
        }

    def check(self, settings: Settings, credential: Credential) -> str:
        """A user and a password."""
        del credential
        destination_of(self._host_of(settings), self._port_of(settings))
        return _CREDENTIAL

    def open(self, settings: Settings, credential: Credential, surroundings: Surroundings) -> ServedTables:
        """The tables of the database."""
        tls = "require" if settings.get("enforce_ssl", True) else "prefer"
        host, port, name = self._host_of(settings), self._port_of(settings), str(settings["database_name"])
        return self._open(
            Database(host, port, name, credential["user_id"], credential["user_password"], tls), surroundings
        )

    def _host_of(self, settings: Settings) -> str:
        """The whole name of the server, of which v1 gives the first part, or all of it."""
        server = str(settings["server_name"])
        is_whole = "." in server or ":" in server or server == "localhost"
        return server if is_whole else f"{server}.{settings.get('endpoint') or self._endpoint}"

    def _port_of(self, settings: Settings) -> int:
        return int(settings.get("port_number") or self._port)
