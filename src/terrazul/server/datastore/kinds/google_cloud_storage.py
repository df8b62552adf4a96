"""Buckets of Google Cloud Storage."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from terrazul.core.errors import InvalidInput
from terrazul.server.datastore.kind import NO_CREDENTIAL, Credential, Field, Settings, Surroundings
from terrazul.server.datastore.object_store import RETRIES, ObjectFiles, Place, client_options, made

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]\Z")
_SERVICE = "https://storage.googleapis.com"
_KEY_PARTS = ("private_key", "private_key_id", "client_email")


class GoogleCloudStorage:
    """Registered by bucket, with the key of a service account or nothing."""

    name = "GoogleCloudStorage"
    description = "A bucket of Google Cloud Storage."
    settings: Mapping[str, Field] = {
        "bucket": Field("The bucket.", is_required=True),
        "endpoint": Field("The address of another store with the same interface, such as an emulator."),
    }
    credential: Mapping[str, Field] = {
        "service_account_key": Field("The JSON file of a service account's key, as a text.", has_lines=True)
    }
    holds_files = True

    def check(self, settings: Settings, credential: Credential) -> str:
        """The credential in a word."""
        bucket = str(settings["bucket"])
        if not _BUCKET.match(bucket):
            raise InvalidInput(f"{bucket[:80]!r} is no name of a bucket.", target="bucket")
        if not credential.get("service_account_key"):
            return NO_CREDENTIAL
        _key_of(credential["service_account_key"])
        return "ServiceAccountKey"

    def open(self, settings: Settings, credential: Credential, surroundings: Surroundings) -> ObjectFiles:
        """The bucket."""
        from obstore.store import GCSStore  # noqa: PLC0415  # loaded with the first datastore that needs it

        bucket, url = str(settings["bucket"]), str(settings.get("endpoint") or _SERVICE).rstrip("/")
        key = credential.get("service_account_key")
        parts = {} if not key else {name: _key_of(key)[name] for name in _KEY_PARTS}
        if url != _SERVICE:
            parts["gcs_base_url"] = url
        config: Any = {"skip_signature": True}
        if key:
            config = {"service_account_key": json.dumps(parts)}
        elif parts:
            config["service_account_key"] = json.dumps(
                {**dict.fromkeys(_KEY_PARTS, ""), **parts, "disable_oauth": True}
            )
        options: Any = client_options(url, surroundings.proxy)
        store = made(self.name, lambda: GCSStore(bucket, config=config, client_options=options, retry_config=RETRIES))
        public = "" if key else f"{url}/{bucket}"
        return ObjectFiles(
            Place(store, url, bucket, "bucket", signs=bool(key), public_url=public), surroundings.outgoing
        )


def _key_of(text: str) -> dict[str, str]:
    try:
        told = json.loads(text)
        return {name: str(told[name]) for name in _KEY_PARTS}
    except (ValueError, KeyError, TypeError):
        raise InvalidInput(
            "The service account's key is not the JSON that Google hands out.",
            target="service_account_key",
            hint="Pass the content of the file, with private_key and client_email.",
        ) from None


KIND = GoogleCloudStorage()
