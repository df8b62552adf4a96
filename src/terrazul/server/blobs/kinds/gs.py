"""A bucket of Google Cloud Storage: ``gs://bucket/prefix``."""

from __future__ import annotations

from terrazul.server.blobs.object_storage import Address, ObjectStorage, opened

VARIABLES = "GOOGLE_"
"""How the variables begin that tell how to get in."""


def open_storage(address: Address) -> ObjectStorage:
    """The objects below the prefix."""
    from obstore.store import GCSStore  # noqa: PLC0415  # loaded with a storage that needs it

    return opened(GCSStore, address, {"base_url": address.endpoint})
