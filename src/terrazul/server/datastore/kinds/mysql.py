"""Databases of MySQL and MariaDB."""

from __future__ import annotations

from collections.abc import Mapping

from terrazul.server.datastore import mysql
from terrazul.server.datastore.kind import Credential, Field, Settings, Surroundings
from terrazul.server.datastore.tables import ServedTables, destination_of

_PORT = 3306


class MySql:
    """Registered by host and database, with a user and a password."""

    name = "MySql"
    description = "A database of MySQL or MariaDB."
    settings: Mapping[str, Field] = {
        "host": Field("The name or address of the server.", is_required=True),
        "database": Field("The database.", is_required=True),
        "port": Field(f"Default: {_PORT}.", int),
        "tls": Field(f"One of {', '.join(mysql.TLS_MODES)}. Default: require."),
    }
    credential: Mapping[str, Field] = {
        "user": Field("The user.", is_required=True),
        "password": Field("The user's password."),
    }
    holds_files = False

    def check(self, settings: Settings, credential: Credential) -> str:
        """A user and a password."""
        del credential
        mysql.check_tls(str(settings.get("tls") or "require"))
        destination_of(str(settings["host"]), int(settings.get("port") or _PORT))
        return "Sql"

    def open(self, settings: Settings, credential: Credential, surroundings: Surroundings) -> ServedTables:
        """The tables of the database."""
        database = mysql.Database(
            str(settings["host"]),
            int(settings.get("port") or _PORT),
            str(settings["database"]),
            credential["user"],
            credential.get("password", ""),
            str(settings.get("tls") or "require"),
        )
        return mysql.open_database(database, surroundings)


KIND = MySql()
