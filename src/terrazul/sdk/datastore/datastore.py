"""``Datastore``: registering datastores and finding them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, NoReturn, Optional, TypeVar

from terrazul.core.errors import InvalidInput
from terrazul.sdk.client import concept
from terrazul.sdk.datastore import database, other_files
from terrazul.sdk.datastore.abstract import AbstractDatastore
from terrazul.sdk.datastore.azure_storage import (
    AzureBlobDatastore,
    AzureDataLakeGen2Datastore,
    AzureFileDatastore,
)
from terrazul.sdk.datastore.link import address_of
from terrazul.sdk.unsupported import not_yet
from terrazul.wire import datastore as wire

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace

D = TypeVar("D", bound=AbstractDatastore)


@concept("datastore.datastore")
class Datastore(AbstractDatastore):
    """The datastores of a workspace: ``Datastore(ws, "name")`` is the one of that name, ``Datastore(ws)`` the default.

    Credentials that are given when one is registered go to the key vault, and are shown to nobody.
    """

    def __new__(cls, workspace: Workspace, name: Optional[str] = None) -> AbstractDatastore:  # type: ignore[misc]  # as v1 has it: the class of its kind
        """The datastore of a name, as an object of the class of its kind. Raises ``NotFound``."""
        return cls.get_default(workspace) if name is None else cls.get(workspace, name)

    def __init__(self, workspace: Workspace, name: Optional[str] = None) -> None:
        """Nothing: ``__new__`` makes an object of another class."""

    @staticmethod
    def get(workspace: Workspace, datastore_name: str) -> AbstractDatastore:
        """The datastore of a name. Raises ``NotFound``."""
        known = workspace.client.get(wire.Datastore, address_of(datastore_name))
        return AbstractDatastore.of(workspace, known)

    @staticmethod
    def get_default(workspace: Workspace) -> AbstractDatastore:
        """The default datastore of a workspace."""
        return next(each for each in Datastore.list(workspace) if each.is_default)

    @staticmethod
    def list(workspace: Workspace) -> List[AbstractDatastore]:
        """All datastores of a workspace; Terrazul's own."""
        known = workspace.client.get(List[wire.Datastore], "/datastores")
        return [AbstractDatastore.of(workspace, each) for each in known]

    @staticmethod
    def kinds(workspace: Workspace) -> List[wire.DatastoreKind]:
        """What can be registered, with the fields of each kind; Terrazul's own."""
        server = workspace.client.within("/api/v1")
        return server.get(List[wire.DatastoreKind], "/datastore-kinds")

    @staticmethod
    def register(
        workspace: Workspace,
        datastore_name: str,
        kind: str,
        settings: Dict[str, Any],
        credential: Optional[Dict[str, Optional[str]]] = None,
        overwrite: bool = False,
        create_if_not_exists: bool = False,
        skip_validation: bool = False,
    ) -> AbstractDatastore:
        """Register a datastore of any kind by the fields that ``kinds`` tells of; Terrazul's own.

        It is registered once it was reached, unless ``skip_validation``. Registering the same again changes nothing.
        Raises ``DatastoreUnreachable`` with the step that failed, ``AlreadyExists`` where another one has the name and
        ``overwrite`` is not given, ``InvalidInput``.
        """
        new = wire.NewDatastore(
            datastore_name,
            kind,
            {name: value for name, value in settings.items() if value is not None},
            {name: value for name, value in (credential or {}).items() if value is not None} or None,
            overwrite,
            create_if_not_exists,
            skip_validation,
        )
        return AbstractDatastore.of(workspace, workspace.client.post(wire.Datastore, "/datastores", new))

    @staticmethod
    def register_azure_blob_container(
        workspace: Workspace,
        datastore_name: str,
        container_name: str,
        account_name: str,
        sas_token: Optional[str] = None,
        account_key: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        create_if_not_exists: bool = False,
        skip_validation: bool = False,
        blob_cache_timeout: Optional[int] = None,
        grant_workspace_access: bool = False,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
    ) -> AzureBlobDatastore:
        """Register a container of Azure Blob Storage.

        ``endpoint`` is the end of the account's address, or a whole address such as that of an emulator. Settings of
        the cloud's own rights are accepted and not needed. Raises as ``register``.
        """
        del blob_cache_timeout, grant_workspace_access, subscription_id, resource_group
        settings = {
            "container_name": container_name, "account_name": account_name, "protocol": protocol, "endpoint": endpoint,
        }  # fmt: skip
        credential = {"account_key": account_key, "sas_token": None if account_key else sas_token}
        how = (overwrite, create_if_not_exists, skip_validation)
        return _registered(AzureBlobDatastore, workspace, datastore_name, "AzureBlob", settings, credential, *how)

    @staticmethod
    def register_azure_file_share(
        workspace: Workspace,
        datastore_name: str,
        file_share_name: str,
        account_name: str,
        sas_token: Optional[str] = None,
        account_key: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        create_if_not_exists: bool = False,
        skip_validation: bool = False,
    ) -> AzureFileDatastore:
        """Register a share of Azure Files, which is reached with the account's key or a SAS. Raises as ``register``."""
        settings = {
            "file_share_name": file_share_name, "account_name": account_name, "protocol": protocol,
            "endpoint": endpoint,
        }  # fmt: skip
        credential = {"account_key": account_key, "sas_token": None if account_key else sas_token}
        how = (overwrite, create_if_not_exists, skip_validation)
        return _registered(AzureFileDatastore, workspace, datastore_name, "AzureFile", settings, credential, *how)

    @staticmethod
    def register_azure_data_lake_gen2(
        workspace: Workspace,
        datastore_name: str,
        filesystem: str,
        account_name: str,
        tenant_id: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        resource_url: Optional[str] = None,
        authority_url: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        grant_workspace_access: bool = False,
        account_key: Optional[str] = None,
        sas_token: Optional[str] = None,
        skip_validation: bool = False,
    ) -> AzureDataLakeGen2Datastore:
        """Register a file system of Azure Data Lake Storage Gen2.

        ``account_key``, ``sas_token`` and ``skip_validation`` are Terrazul's own. Raises as ``register``.
        """
        del resource_url, subscription_id, resource_group, grant_workspace_access
        settings = {
            "filesystem": filesystem, "account_name": account_name, "protocol": protocol, "endpoint": endpoint,
        }  # fmt: skip
        credential = {
            "tenant_id": tenant_id, "client_id": client_id, "client_secret": client_secret,
            "authority_url": authority_url, "account_key": account_key, "sas_token": sas_token,
        }  # fmt: skip
        return _registered(
            AzureDataLakeGen2Datastore, workspace, datastore_name, "AzureDataLakeGen2", settings, credential,
            overwrite, False, skip_validation,
        )  # fmt: skip

    @staticmethod
    def register_azure_data_lake(
        workspace: Workspace,
        datastore_name: str,
        store_name: str,
        tenant_id: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        resource_url: Optional[str] = None,
        authority_url: Optional[str] = None,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        overwrite: bool = False,
        grant_workspace_access: bool = False,
    ) -> NoReturn:
        """Raise ``InvalidInput``: Azure has switched Data Lake Storage Gen1 off."""
        del workspace, datastore_name, tenant_id, client_id, client_secret, resource_url, authority_url
        del subscription_id, resource_group, overwrite, grant_workspace_access
        message = f"The store {store_name!r} was one of Azure Data Lake Storage Gen1, which Azure has switched off."
        raise InvalidInput(message, target=store_name, hint="Register its successor: register_azure_data_lake_gen2.")

    @staticmethod
    def register_local_folder(
        workspace: Workspace,
        datastore_name: str,
        path: str,
        overwrite: bool = False,
        create_if_not_exists: bool = False,
        skip_validation: bool = False,
    ) -> other_files.LocalFolderDatastore:
        """Register a folder of the server's machine, by its absolute path; Terrazul's own. Raises as ``register``."""
        how = (overwrite, create_if_not_exists, skip_validation)
        cls = other_files.LocalFolderDatastore
        return _registered(cls, workspace, datastore_name, "LocalFolder", {"path": str(path)}, {}, *how)

    @staticmethod
    def register_amazon_s3(
        workspace: Workspace,
        datastore_name: str,
        bucket: str,
        access_key_id: Optional[str] = None,
        secret_access_key: Optional[str] = None,
        session_token: Optional[str] = None,
        region: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        create_if_not_exists: bool = False,
        skip_validation: bool = False,
    ) -> other_files.AmazonS3Datastore:
        """Register a bucket of Amazon S3, or of another store with its protocol at ``endpoint``; Terrazul's own.

        Raises as ``register``.
        """
        settings = {"bucket": bucket, "region": region, "endpoint": endpoint}
        credential = {
            "access_key_id": access_key_id, "secret_access_key": secret_access_key, "session_token": session_token,
        }  # fmt: skip
        how = (overwrite, create_if_not_exists, skip_validation)
        cls = other_files.AmazonS3Datastore
        return _registered(cls, workspace, datastore_name, "AmazonS3", settings, credential, *how)

    @staticmethod
    def register_google_cloud_storage(
        workspace: Workspace,
        datastore_name: str,
        bucket: str,
        service_account_key: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        skip_validation: bool = False,
    ) -> other_files.GoogleCloudStorageDatastore:
        """Register a bucket of Google Cloud Storage; Terrazul's own.

        ``service_account_key`` is the content of a service account's JSON file. Raises as ``register``.
        """
        return _registered(
            other_files.GoogleCloudStorageDatastore, workspace, datastore_name, "GoogleCloudStorage",
            {"bucket": bucket, "endpoint": endpoint}, {"service_account_key": service_account_key},
            overwrite, False, skip_validation,
        )  # fmt: skip

    @staticmethod
    def register_http(
        workspace: Workspace,
        datastore_name: str,
        url: str,
        username: Optional[str] = None,
        password: Optional[str] = None,
        token: Optional[str] = None,
        overwrite: bool = False,
        skip_validation: bool = False,
    ) -> other_files.HttpDatastore:
        """Register the files of a web server below an address, to be read by their paths; Terrazul's own.

        Raises as ``register``.
        """
        credential = {"username": username, "password": password, "token": token}
        how = (overwrite, False, skip_validation)
        return _registered(other_files.HttpDatastore, workspace, datastore_name, "Http", {"url": url}, credential, *how)

    @staticmethod
    def register_azure_postgre_sql(
        workspace: Workspace,
        datastore_name: str,
        server_name: str,
        database_name: str,
        user_id: str,
        user_password: str,
        port_number: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        enforce_ssl: bool = True,
        **kwargs: Any,
    ) -> database.AzurePostgreSqlDatastore:
        """Register a database of Azure Database for PostgreSQL.

        ``server_name`` is the first part of the server's name, or all of it. Raises as ``register``.
        """
        settings = database.served(server_name, database_name, port_number)
        settings.update({"endpoint": endpoint, "enforce_ssl": enforce_ssl})
        credential: Dict[str, Optional[str]] = {"user_id": user_id, "user_password": user_password}
        how = (overwrite, False, _skips(kwargs))
        cls = database.AzurePostgreSqlDatastore
        return _registered(cls, workspace, datastore_name, "AzurePostgreSql", settings, credential, *how)

    @staticmethod
    def register_azure_my_sql(
        workspace: Workspace,
        datastore_name: str,
        server_name: str,
        database_name: str,
        user_id: str,
        user_password: str,
        port_number: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        **kwargs: Any,
    ) -> database.AzureMySqlDatastore:
        """Register a database of Azure Database for MySQL. Raises as ``register``."""
        settings = {**database.served(server_name, database_name, port_number), "endpoint": endpoint}
        credential: Dict[str, Optional[str]] = {"user_id": user_id, "user_password": user_password}
        how = (overwrite, False, _skips(kwargs))
        cls = database.AzureMySqlDatastore
        return _registered(cls, workspace, datastore_name, "AzureMySql", settings, credential, *how)

    @staticmethod
    def register_azure_sql_database(
        workspace: Workspace,
        datastore_name: str,
        server_name: str,
        database_name: str,
        tenant_id: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        resource_url: Optional[str] = None,
        authority_url: Optional[str] = None,
        endpoint: Optional[str] = None,
        overwrite: bool = False,
        username: Optional[str] = None,
        password: Optional[str] = None,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        grant_workspace_access: bool = False,
        **kwargs: Any,
    ) -> database.AzureSqlDatabaseDatastore:
        """Register a database of Azure SQL Database, with a user and a password of the database.

        ``server_name`` is the first part of the server's name, or all of it. Raises as ``register``, and
        ``InvalidInput`` for a service principal, as which the server does not sign in to databases.
        """
        del resource_url, authority_url, subscription_id, resource_group, grant_workspace_access
        if client_id or client_secret or tenant_id:
            message = f"The datastore {datastore_name!r} cannot sign in to a database as a service principal."
            hint = "Make a user with a password in the database, and pass username and password."
            raise InvalidInput(message, target="client_id", hint=hint)
        settings = {**database.served(server_name, database_name, None), "endpoint": endpoint}
        credential = {"user_id": username, "user_password": password}
        how = (overwrite, False, _skips(kwargs))
        cls = database.AzureSqlDatabaseDatastore
        return _registered(cls, workspace, datastore_name, "AzureSqlDatabase", settings, credential, *how)

    @staticmethod
    def register_sql_server(
        workspace: Workspace,
        datastore_name: str,
        host: str,
        database_name: str,
        user: str,
        password: Optional[str] = None,
        port: Optional[int] = None,
        tls: Optional[str] = None,
        overwrite: bool = False,
        skip_validation: bool = False,
    ) -> database.SqlServerDatastore:
        """Register a database of SQL Server; Terrazul's own. Raises as ``register``.

        ``tls`` is ``verify-full``, ``require`` for a certificate that nobody vouches for, or ``disable``.
        """
        settings = {"host": host, "database": database_name, "port": port, "tls": tls}
        how = (user, password, overwrite, skip_validation)
        return _registered_database(database.SqlServerDatastore, workspace, datastore_name, "SqlServer", settings, *how)

    @staticmethod
    def register_postgresql(
        workspace: Workspace,
        datastore_name: str,
        host: str,
        database_name: str,
        user: str,
        password: Optional[str] = None,
        port: Optional[int] = None,
        tls: Optional[str] = None,
        overwrite: bool = False,
        skip_validation: bool = False,
    ) -> database.PostgreSqlDatastore:
        """Register a database of PostgreSQL; Terrazul's own. Raises as ``register``."""
        settings = {"host": host, "database": database_name, "port": port, "tls": tls}
        how = (user, password, overwrite, skip_validation)
        return _registered_database(
            database.PostgreSqlDatastore, workspace, datastore_name, "PostgreSql", settings, *how
        )

    @staticmethod
    def register_mysql(
        workspace: Workspace,
        datastore_name: str,
        host: str,
        database_name: str,
        user: str,
        password: Optional[str] = None,
        port: Optional[int] = None,
        tls: Optional[str] = None,
        overwrite: bool = False,
        skip_validation: bool = False,
    ) -> database.MySqlDatastore:
        """Register a database of MySQL or MariaDB; Terrazul's own. Raises as ``register``."""
        settings = {"host": host, "database": database_name, "port": port, "tls": tls}
        how = (user, password, overwrite, skip_validation)
        return _registered_database(database.MySqlDatastore, workspace, datastore_name, "MySql", settings, *how)

    @staticmethod
    def register_sqlite(
        workspace: Workspace, datastore_name: str, path: str, overwrite: bool = False, skip_validation: bool = False
    ) -> database.SqliteDatastore:
        """Register a database file of SQLite on the server's machine; Terrazul's own. Raises as ``register``."""
        how = (overwrite, False, skip_validation)
        cls = database.SqliteDatastore
        return _registered(cls, workspace, datastore_name, "Sqlite", {"path": str(path)}, {}, *how)

    @staticmethod
    def register_duckdb(
        workspace: Workspace, datastore_name: str, path: str, overwrite: bool = False, skip_validation: bool = False
    ) -> database.DuckDbDatastore:
        """Register a database file of DuckDB on the server's machine; Terrazul's own. Raises as ``register``."""
        how = (overwrite, False, skip_validation)
        cls = database.DuckDbDatastore
        return _registered(cls, workspace, datastore_name, "DuckDb", {"path": str(path)}, {}, *how)

    register_dbfs = staticmethod(not_yet("Datastore.register_dbfs", "Databricks"))
    register_hdfs = staticmethod(not_yet("Datastore.register_hdfs", "HDFS"))


def _skips(further: Dict[str, Any]) -> bool:
    """Whether v1's further arguments ask for no validation. Raises ``TypeError`` for others than that."""
    skips = bool(further.pop("skip_validation", False))
    if further:
        message = f"unexpected arguments: {', '.join(further)}"
        raise TypeError(message)
    return skips


def _registered_database(
    cls: type[D],
    workspace: Workspace,
    name: str,
    kind: str,
    settings: Dict[str, Any],
    user: str,
    password: Optional[str],
    overwrite: bool,
    skip: bool,
) -> D:
    credential = {"user": user, "password": password}
    return _registered(cls, workspace, name, kind, settings, credential, overwrite, False, skip)


def _registered(
    cls: type[D],
    workspace: Workspace,
    name: str,
    kind: str,
    settings: Dict[str, Any],
    credential: Dict[str, Optional[str]],
    overwrite: bool,
    create: bool,
    skip: bool,
) -> D:
    made = Datastore.register(workspace, name, kind, settings, credential, overwrite, create, skip)
    if not isinstance(made, cls):
        message = f"The server made {made!r} of the datastore {name!r}."
        raise InvalidInput(message, target=name)
    return made
