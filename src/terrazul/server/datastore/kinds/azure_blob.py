"""Containers of Azure Blob Storage."""

from __future__ import annotations

from collections.abc import Mapping

from terrazul.server.datastore import azure
from terrazul.server.datastore.kind import Credential, Field, Settings, Surroundings
from terrazul.server.datastore.object_store import ObjectFiles


class AzureBlob:
    """Registered by account and container, with an account key, a SAS, a service principal, or nothing."""

    name = "AzureBlob"
    description = "A container of Azure Blob Storage, or of an emulator."
    settings: Mapping[str, Field] = {"container_name": Field("The container.", is_required=True), **azure.SETTINGS}
    credential: Mapping[str, Field] = azure.CREDENTIAL
    holds_files = True

    def check(self, settings: Settings, credential: Credential) -> str:
        """The credential in a word."""
        return azure.check(settings, credential, str(settings["container_name"]))

    def open(self, settings: Settings, credential: Credential, surroundings: Surroundings) -> ObjectFiles:
        """The container."""
        return azure.open_container(settings, credential, str(settings["container_name"]), "container", surroundings)


KIND = AzureBlob()
