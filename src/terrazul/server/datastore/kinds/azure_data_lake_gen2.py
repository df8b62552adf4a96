"""File systems of Azure Data Lake Storage Gen2, which are reached as containers of the same account."""

from __future__ import annotations

from collections.abc import Mapping

from terrazul.server.datastore import azure
from terrazul.server.datastore.kind import Credential, Field, Settings, Surroundings
from terrazul.server.datastore.object_store import ObjectFiles


class AzureDataLakeGen2:
    """Registered by account and file system, as v1 does with a service principal."""

    name = "AzureDataLakeGen2"
    description = "A file system of Azure Data Lake Storage Gen2."
    settings: Mapping[str, Field] = {"filesystem": Field("The file system.", is_required=True), **azure.SETTINGS}
    credential: Mapping[str, Field] = azure.CREDENTIAL
    holds_files = True

    def check(self, settings: Settings, credential: Credential) -> str:
        """The credential in a word."""
        return azure.check(settings, credential, str(settings["filesystem"]))

    def open(self, settings: Settings, credential: Credential, surroundings: Surroundings) -> ObjectFiles:
        """The file system."""
        return azure.open_container(settings, credential, str(settings["filesystem"]), "file system", surroundings)


KIND = AzureDataLakeGen2()
