"""A container of Azure Blob Storage, or of its emulator: ``az://container/prefix``."""

from __future__ import annotations

from terrazul.server.blobs.object_storage import Address, ObjectStorage, opened

VARIABLES = "AZURE_"
"""How the variables begin that tell how to get in."""


def open_storage(address: Address) -> ObjectStorage:
    """The objects below the prefix."""
    from obstore.store import AzureStore  # noqa: PLC0415  # loaded with a storage that needs it

    return opened(AzureStore, address, {"endpoint": address.endpoint}, {"x-ms-blob-type": "BlockBlob"})
