"""Datastores that hold tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ContextManager, Dict, Iterator, Optional

from terrazul.sdk.datastore.abstract import AbstractDatastore
from terrazul.wire import datastore as wire

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace


class DatabaseDatastore(AbstractDatastore):
    """A datastore that holds tables, which are read by queries."""

    def query(self, text: str, timeout_seconds: int = 30) -> ContextManager[Iterator[bytes]]:
        """What an SQL query gives, as the bytes of an Arrow stream, in pieces; Terrazul's own.

        Nothing is changed by it where the database knows such a promise. Raises ``InvalidInput`` for a query that the
        database refuses, or that takes longer.
        """
        return self.link.query(text, timeout_seconds)


class PostgreSqlDatastore(DatabaseDatastore, kind="PostgreSql"):
    """A database of PostgreSQL; Terrazul's own."""


class SqliteDatastore(DatabaseDatastore, kind="Sqlite"):
    """A database file of SQLite on the server's machine; Terrazul's own."""


class DuckDbDatastore(DatabaseDatastore, kind="DuckDb"):
    """A database file of DuckDB on the server's machine; Terrazul's own."""


class MySqlDatastore(DatabaseDatastore, kind="MySql"):
    """A database of MySQL or MariaDB; Terrazul's own."""


class SqlServerDatastore(DatabaseDatastore, kind="SqlServer"):
    """A database of SQL Server; Terrazul's own."""


class _AzureDatabase(DatabaseDatastore):
    """A database that Azure serves, by v1's names."""

    @property
    def server_name(self) -> str:
        """The server."""
        return str(self._setting("server_name"))

    @property
    def database_name(self) -> str:
        """The database."""
        return str(self._setting("database_name"))

    @property
    def port_number(self) -> Optional[str]:
        """The port, as v1 gives it; ``None`` for the usual one."""
        port = self._setting("port_number")
        return None if port is None else str(port)

    @property
    def user_id(self) -> None:
        """``None`` without one. Raises ``CredentialHidden`` where it is reached with one: it is shown to nobody."""
        self._hidden("user", "Sql")

    @property
    def user_password(self) -> None:
        """As ``user_id``."""
        self._hidden("password", "Sql")


class AzurePostgreSqlDatastore(_AzureDatabase, kind="AzurePostgreSql"):
    """A database of Azure Database for PostgreSQL."""

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        server_name: str,
        database_name: str,
        user_id: str,
        user_password: str,
        port_number: Optional[str] = None,
        enforce_ssl: bool = True,
    ) -> None:
        del user_id, user_password
        settings = served(server_name, database_name, port_number)
        settings["enforce_ssl"] = enforce_ssl
        self.begin(workspace, wire.Datastore(name, "AzurePostgreSql", settings, "Sql", False, False, "", "", ""))

    @property
    def enforce_ssl(self) -> bool:
        """Whether it is reached by TLS only."""
        return bool(self._known.settings.get("enforce_ssl", True))


class AzureMySqlDatastore(_AzureDatabase, kind="AzureMySql"):
    """A database of Azure Database for MySQL."""

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        server_name: str,
        database_name: str,
        user_id: str,
        user_password: str,
        port_number: Optional[str] = None,
    ) -> None:
        del user_id, user_password
        settings = served(server_name, database_name, port_number)
        self.begin(workspace, wire.Datastore(name, "AzureMySql", settings, "Sql", False, False, "", "", ""))


class AzureSqlDatabaseDatastore(_AzureDatabase, kind="AzureSqlDatabase"):
    """A database of Azure SQL Database, which is reached with a user and a password."""

    client_id = None
    client_secret = None
    tenant_id = None
    resource_url = None
    authority_url = None
    service_data_access_auth_identity = None

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        server_name: str,
        database_name: str,
        tenant_id: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        resource_url: Optional[str] = None,
        authority_url: Optional[str] = None,
        username: Optional[str] = None,
        password: Optional[str] = None,
        auth_type: Optional[str] = None,
        service_data_access_auth_identity: Any = None,
    ) -> None:
        del tenant_id, client_id, client_secret, resource_url, authority_url
        del username, password, auth_type, service_data_access_auth_identity
        settings = served(server_name, database_name, None)
        self.begin(workspace, wire.Datastore(name, "AzureSqlDatabase", settings, "Sql", False, False, "", "", ""))

    @property
    def auth_type(self) -> str:
        """By which v1 tells how one signs in."""
        return "SqlAuthentication"

    username = _AzureDatabase.user_id
    password = _AzureDatabase.user_password


def served(server_name: str, database_name: str, port_number: Optional[object]) -> Dict[str, Any]:
    """The settings of a database that Azure serves; v1 gives ports as texts too. Raises ``ValueError`` for no port."""
    settings: Dict[str, Any] = {"server_name": server_name, "database_name": database_name}
    if port_number not in {None, ""}:
        settings["port_number"] = int(str(port_number))
    return settings
