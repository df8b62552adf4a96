"""A bucket of Amazon S3, or of every service that speaks its protocol: ``s3://bucket/prefix``."""

from __future__ import annotations

from terrazul.server.blobs.object_storage import Address, ObjectStorage, opened

VARIABLES = "AWS_"
"""How the variables begin that tell how to get in."""


def open_storage(address: Address) -> ObjectStorage:
    """The objects below the prefix."""
    from obstore.store import S3Store  # noqa: PLC0415  # loaded with a storage that needs it

    return opened(S3Store, address, {"endpoint": address.endpoint, "virtual_hosted_style_request": False})
