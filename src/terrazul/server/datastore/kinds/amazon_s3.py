"""Buckets of Amazon S3, and of every store that speaks its protocol."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from terrazul.core.errors import InvalidInput
from terrazul.server.datastore.kind import NO_CREDENTIAL, Credential, Field, Settings, Surroundings
from terrazul.server.datastore.object_store import RETRIES, ObjectFiles, Place, client_options, made
from terrazul.server.network.outgoing import Outgoing

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]\Z")
_REGION = re.compile(r"[a-z0-9-]{1,40}\Z")
_SECONDS = 15.0
_MADE = {200, 409}
_FIRST_REGION = "us-east-1"


class AmazonS3:
    """Registered by bucket, with an access key or nothing."""

    name = "AmazonS3"
    description = "A bucket of Amazon S3, or of a store with its protocol such as MinIO, Ceph or Garage."
    settings: Mapping[str, Field] = {
        "bucket": Field("The bucket.", is_required=True),
        "region": Field(f"Its region. Default: {_FIRST_REGION}."),
        "endpoint": Field("The address of another store than Amazon's: https://name:port."),
    }
    credential: Mapping[str, Field] = {
        "access_key_id": Field("The id of an access key."),
        "secret_access_key": Field("The secret of an access key."),
        "session_token": Field("The session token of temporary credentials."),
    }
    holds_files = True

    def check(self, settings: Settings, credential: Credential) -> str:
        """The credential in a word."""
        bucket, region = str(settings["bucket"]), str(settings.get("region") or _FIRST_REGION)
        if not _BUCKET.match(bucket):
            raise InvalidInput(f"{bucket[:80]!r} is no name of a bucket.", target="bucket")
        if not _REGION.match(region):
            raise InvalidInput(f"{region[:80]!r} is no name of a region.", target="region")
        if bool(credential.get("access_key_id")) != bool(credential.get("secret_access_key")):
            raise InvalidInput("An access key has an id and a secret.", target="access_key_id")
        return "AccessKey" if credential.get("access_key_id") else NO_CREDENTIAL

    def open(self, settings: Settings, credential: Credential, surroundings: Surroundings) -> ObjectFiles:
        """The bucket."""
        from obstore.store import S3Store  # noqa: PLC0415  # loaded with the first datastore that needs it

        bucket, region = str(settings["bucket"]), str(settings.get("region") or _FIRST_REGION)
        url = str(settings.get("endpoint") or f"https://s3.{region}.amazonaws.com").rstrip("/")
        signed: dict[str, Any] = {name: value for name, value in credential.items() if value}
        config: Any = {
            "region": region,
            "endpoint": url,
            "virtual_hosted_style_request": False,
            **(signed or {"skip_signature": True}),
        }
        options: Any = client_options(url, surroundings.proxy)
        store = made(self.name, lambda: S3Store(bucket, config=config, client_options=options, retry_config=RETRIES))
        public = "" if signed else f"{url}/{bucket}"
        place = Place(store, url, bucket, "bucket", signs=bool(signed), public_url=public)
        create = partial(_create, surroundings.outgoing, store, bucket, region) if signed else None
        return ObjectFiles(place, surroundings.outgoing, create)


async def _create(outgoing: Outgoing, store: Any, bucket: str, region: str) -> str:
    """Make a bucket; why it went wrong, or an empty text."""
    import obstore  # noqa: PLC0415  # as above

    address = await obstore.sign_async(store, "PUT", "", timedelta(seconds=60))
    where = "" if region == _FIRST_REGION else f"<LocationConstraint>{region}</LocationConstraint>"
    namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
    body = f'<CreateBucketConfiguration xmlns="{namespace}">{where}</CreateBucketConfiguration>' if where else ""
    answer = await outgoing.call("PUT", address, {}, body.encode(), seconds=_SECONDS, most=1000)
    return "" if answer.status in _MADE else f"the store answered {answer.status} to making the bucket {bucket!r}."


KIND = AmazonS3()
