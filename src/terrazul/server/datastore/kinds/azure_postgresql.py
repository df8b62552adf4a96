"""Databases of Azure Database for PostgreSQL, by v1's names of their fields."""

from __future__ import annotations

from collections.abc import Mapping

from terrazul.server.datastore import postgresql
from terrazul.server.datastore.kind import Credential, Field, Settings, Surroundings
from terrazul.server.datastore.tables import ServedTables, destination_of, host_in_azure

_PORT = 5432
_ENDPOINT = "postgres.database.azure.com"


class AzurePostgreSql:
    """Registered by server and database, with a user and a password."""

    name = "AzurePostgreSql"
    description = "A database of Azure Database for PostgreSQL."
    settings: Mapping[str, Field] = {
        "server_name": Field("The server: its first name, or its whole name.", is_required=True),
        "database_name": Field("The database.", is_required=True),
        "port_number": Field(f"Default: {_PORT}.", int),
        "endpoint": Field(f"What follows the server's first name. Default: {_ENDPOINT}."),
        "enforce_ssl": Field("Whether to speak TLS only. Default: true.", bool),
    }
    credential: Mapping[str, Field] = {
        "user_id": Field("The user.", is_required=True),
        "user_password": Field("The user's password.", is_required=True),
    }
    holds_files = False

    def check(self, settings: Settings, credential: Credential) -> str:
        """A user and a password."""
        del credential
        destination_of(_host_of(settings), _port_of(settings))
        return "Sql"

    def open(self, settings: Settings, credential: Credential, surroundings: Surroundings) -> ServedTables:
        """The tables of the database."""
        tls = "require" if settings.get("enforce_ssl", True) else "prefer"
        name = str(settings["database_name"])
        user, password = credential["user_id"], credential["user_password"]
        database = postgresql.Database(_host_of(settings), _port_of(settings), name, user, password, tls)
        return postgresql.open_database(database, surroundings)


def _host_of(settings: Settings) -> str:
    return host_in_azure(str(settings["server_name"]), str(settings.get("endpoint") or _ENDPOINT))


def _port_of(settings: Settings) -> int:
    return int(settings.get("port_number") or _PORT)


KIND = AzurePostgreSql()
