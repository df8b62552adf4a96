"""Shares of Azure Files."""

from __future__ import annotations

from collections.abc import Mapping

from terrazul.core.errors import InvalidInput
from terrazul.server.datastore import azure
from terrazul.server.datastore.file_share import Share, ShareFiles
from terrazul.server.datastore.kind import NO_CREDENTIAL, Credential, Field, Settings, Surroundings
from terrazul.server.datastore.object_store import made
from terrazul.server.network.rules import read_destination

_CONNECT_SECONDS, _READ_SECONDS = 5, 60
_RETRIES = 2


class AzureFileShare:
    """Registered by account and share, with an account key or a SAS: the service lets nobody in without."""

    name = "AzureFile"
    description = "A share of Azure Files."
    settings: Mapping[str, Field] = {"file_share_name": Field("The share.", is_required=True), **azure.SETTINGS}
    credential: Mapping[str, Field] = {
        "account_key": Field("The key of the storage account."),
        "sas_token": Field("A shared access signature for the share or the account."),
    }
    holds_files = True

    def check(self, settings: Settings, credential: Credential) -> str:
        """The credential in a word."""
        word = azure.check(settings, credential, str(settings["file_share_name"]))
        if word == NO_CREDENTIAL:
            raise InvalidInput(
                "A share of Azure Files is reached with an account key or a SAS.",
                target="account_key",
                hint="Pass account_key or sas_token.",
            )
        return word

    def open(self, settings: Settings, credential: Credential, surroundings: Surroundings) -> ShareFiles:
        """The share."""
        from azure.core.pipeline.transport import RequestsTransport  # noqa: PLC0415  # loaded with the first share
        from azure.storage.fileshare import LinearRetry, ShareClient  # noqa: PLC0415  # as above

        account, name = str(settings["account_name"]), str(settings["file_share_name"])
        url, key = azure.address_of(settings, "file"), credential.get("account_key", "")
        signs = {"account_name": account, "account_key": key} if key else credential["sas_token"].lstrip("?")
        read_destination(url)
        client = made(
            "Azure Files",
            lambda: ShareClient(
                url,
                name,
                credential=signs,
                transport=RequestsTransport(use_env_settings=False),
                proxies={"http": surroundings.proxy, "https": surroundings.proxy},
                allow_trailing_dot=True,
                allow_source_trailing_dot=True,
                retry_policy=LinearRetry(backoff=1, retry_total=_RETRIES, random_jitter_range=0),
                connection_timeout=_CONNECT_SECONDS,
                read_timeout=_READ_SECONDS,
            ),
        )
        return ShareFiles(Share(client, url, account, name, key), surroundings.outgoing)


KIND = AzureFileShare()
