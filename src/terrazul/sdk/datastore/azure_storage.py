"""Datastores in Azure's storage, as v1 knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from terrazul.sdk.datastore.files import FileDatastore
from terrazul.sdk.unsupported import not_yet_property
from terrazul.wire import datastore as wire

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace

EMPTY_FILE, FILE, FOLDER = 1, 2, 0
_DEFAULT_ENDPOINT = "core.windows.net"


class AbstractAzureStorageDatastore(FileDatastore):
    """A container of a storage account."""

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        datastore_type: str,
        container_name: str,
        account_name: str,
        sas_token: Optional[str] = None,
        account_key: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
    ) -> None:
        given = {"container_name": container_name, "account_name": account_name}
        given.update({"protocol": protocol or "https", "endpoint": endpoint or _DEFAULT_ENDPOINT})
        credential = "AccountKey" if account_key else "Sas" if sas_token else "None"
        known = wire.Datastore(name, datastore_type, dict(given), credential, False, False, "", "", "")
        self.begin(workspace, known)

    @property
    def container_name(self) -> str:
        """The container."""
        settings = map(self._setting, ("container_name", "filesystem", "file_share_name"))
        return str(next(filter(None, settings), ""))

    @property
    def account_name(self) -> str:
        """The storage account."""
        return str(self._setting("account_name") or "")

    @property
    def protocol(self) -> str:
        """``https``, unless it was registered with another one."""
        return str(self._setting("protocol") or "https")

    @property
    def endpoint(self) -> str:
        """The end of the account's address."""
        return str(self._setting("endpoint") or _DEFAULT_ENDPOINT)

    @property
    def is_sas(self) -> bool:
        """Whether it is reached with a shared access signature."""
        return self._known.credential_type == "Sas"

    @property
    def account_key(self) -> None:
        """``None`` without one. Raises ``CredentialHidden`` where it is reached with one: it is shown to nobody."""
        self._hidden("account key", "AccountKey")

    @property
    def sas_token(self) -> None:
        """As ``account_key``."""
        self._hidden("SAS token", "Sas")


class AzureBlobDatastore(AbstractAzureStorageDatastore, kind="AzureBlob"):
    """A container of Azure Blob Storage."""

    blob_service: Any = not_yet_property("AzureBlobDatastore.blob_service", "Azure's own client library")
    workspace_msi_has_access = False
    service_data_access_auth_identity = None

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        container_name: str,
        account_name: str,
        sas_token: Optional[str] = None,
        account_key: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
        request_session: Any = None,
        workspace_msi_has_access: bool = False,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        service_data_access_auth_identity: Any = None,
    ) -> None:
        del request_session, workspace_msi_has_access, service_data_access_auth_identity
        super().__init__(
            workspace, name, "AzureBlob", container_name, account_name, sas_token, account_key, protocol, endpoint
        )
        self._known.settings.update(_scope(subscription_id, resource_group))

    @property
    def subscription_id(self) -> Optional[str]:
        """The subscription that the account was said to be in; it makes no difference."""
        return _text(self._setting("subscription_id"))

    @property
    def resource_group(self) -> Optional[str]:
        """The resource group that the account was said to be in; it makes no difference."""
        return _text(self._setting("resource_group"))


class AzureFileDatastore(AbstractAzureStorageDatastore, kind="AzureFile"):
    """A share of Azure Files."""

    file_service: Any = not_yet_property("AzureFileDatastore.file_service", "Azure's own client library")

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        container_name: str,
        account_name: str,
        sas_token: Optional[str] = None,
        account_key: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: str = _DEFAULT_ENDPOINT,
        request_session: Any = None,
    ) -> None:
        del request_session
        super().__init__(
            workspace, name, "AzureFile", container_name, account_name, sas_token, account_key, protocol, endpoint
        )


class AzureDataLakeGen2Datastore(AbstractAzureStorageDatastore, kind="AzureDataLakeGen2"):
    """A file system of Azure Data Lake Storage Gen2."""

    service_data_access_auth_identity = None

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        container_name: str,
        account_name: str,
        tenant_id: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        resource_url: Optional[str] = None,
        authority_url: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
        service_data_access_auth_identity: Any = None,
    ) -> None:
        del tenant_id, client_id, resource_url, authority_url, service_data_access_auth_identity
        super().__init__(
            workspace, name, "AzureDataLakeGen2", container_name, account_name, protocol=protocol, endpoint=endpoint
        )
        if client_secret:
            self._known = wire.Datastore(**{**vars(self._known), "credential_type": "ServicePrincipal"})

    @property
    def client_secret(self) -> None:
        """``None`` without one. Raises ``CredentialHidden`` where it is reached with one: it is shown to nobody."""
        self._hidden("client secret", "ServicePrincipal")

    @property
    def client_id(self) -> None:
        """As ``client_secret``."""
        self._hidden("client id", "ServicePrincipal")

    @property
    def tenant_id(self) -> None:
        """As ``client_secret``."""
        self._hidden("tenant id", "ServicePrincipal")


def _scope(subscription_id: Optional[str], resource_group: Optional[str]) -> dict[str, str]:
    given = {"subscription_id": subscription_id, "resource_group": resource_group}
    return {name: value for name, value in given.items() if value}


def _text(value: object) -> Optional[str]:
    return None if value is None else str(value)
