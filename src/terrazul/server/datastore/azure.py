"""What the kinds of Azure's storage share: fields, addresses, and how a container is made."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from datetime import datetime, timezone
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from terrazul.core.errors import InvalidInput
from terrazul.server.datastore.kind import NO_CREDENTIAL, Credential, Field, Settings, Surroundings
from terrazul.server.datastore.object_store import RETRIES, ObjectFiles, Place, client_options, made
from terrazul.server.network.outgoing import Outgoing

_ACCOUNT = re.compile(r"[a-z0-9]{3,24}\Z")
_CONTAINER = re.compile(r"(\$root|\$web|[a-z0-9](?:-?[a-z0-9]){2,62})\Z")
_VERSION = "2021-12-02"
_SECONDS = 15.0
_MADE, _THERE = 201, 409
_WORDS = {"account_key": "AccountKey", "sas_token": "Sas", "client_secret": "ServicePrincipal"}

SETTINGS = {
    "account_name": Field("The storage account.", is_required=True),
    "protocol": Field("https, or http for a place that an administrator allowed. Default: https."),
    "endpoint": Field("The end of the account's address, core.windows.net, or a whole address with http:// before it."),
}
CREDENTIAL = {
    "account_key": Field("The key of the storage account."),
    "sas_token": Field("A shared access signature for the container or the account."),
    "tenant_id": Field("The tenant of a service principal."),
    "client_id": Field("The id of a service principal."),
    "client_secret": Field("The secret of a service principal."),
    "authority_url": Field("Where a service principal signs in. Default: https://login.microsoftonline.com."),
}


def check(settings: Settings, credential: Credential, container: str) -> str:
    """The credential in a word. Raises ``InvalidInput``."""
    account = str(settings["account_name"])
    if not _ACCOUNT.match(account):
        raise InvalidInput(
            f"{account[:80]!r} is no name of a storage account.",
            target="account_name",
            hint="It has 3 to 24 small letters and digits; the container has a field of its own.",
        )
    if not _CONTAINER.match(container):
        raise InvalidInput(
            f"{container[:80]!r} is no name of a container.",
            target="container_name",
            hint="It has 3 to 63 small letters, digits and single '-'; folders within it belong in paths.",
        )
    if settings.get("protocol", "https") not in {"https", "http"}:
        raise InvalidInput("The protocol is https or http.", target="protocol")
    given = [name for name in _WORDS if credential.get(name)]
    if len(given) > 1:
        raise InvalidInput(f"One credential is enough, and {' and '.join(given)} are given.", target=given[1])
    if "client_secret" in given and not (credential.get("tenant_id") and credential.get("client_id")):
        raise InvalidInput("A service principal has a tenant_id, a client_id and a client_secret.", target="client_id")
    if "account_key" in given:
        _key_of(credential["account_key"])
    return _WORDS[given[0]] if given else NO_CREDENTIAL


def open_container(
    settings: Settings, credential: Credential, container: str, word: str, surroundings: Surroundings
) -> ObjectFiles:
    """The files of a container."""
    from obstore.store import AzureStore  # noqa: PLC0415  # loaded with the first datastore that needs it

    account, url = str(settings["account_name"]), address_of(settings, "blob")
    config: Any = {"account_name": account, "endpoint": url, **_signed_by(credential)}
    options: Any = client_options(url, surroundings.proxy)
    store = made(
        "Azure storage", lambda: AzureStore(container, config=config, client_options=options, retry_config=RETRIES)
    )
    key = credential.get("account_key")
    signs = bool(key or credential.get("client_secret"))
    public = "" if _is_signed(credential) else f"{url}/{container}"
    place = Place(store, url, container, word, signs=signs, public_url=public, is_azure=True)
    create = partial(_create, surroundings.outgoing, url, account, key, container) if key else None
    return ObjectFiles(place, surroundings.outgoing, create)


def address_of(settings: Settings, service: str) -> str:
    """The address of one of the account's services, such as ``blob``."""
    endpoint = str(settings.get("endpoint") or "core.windows.net")
    if "://" in endpoint:
        return endpoint.rstrip("/")
    return f"{settings.get('protocol') or 'https'}://{settings['account_name']}.{service}.{endpoint}"


def _is_signed(credential: Credential) -> bool:
    return any(credential.get(name) for name in _WORDS)


def _signed_by(credential: Credential) -> dict[str, Any]:
    """What the library signs with, and only that: it would look for more around the server."""
    if credential.get("account_key"):
        return {"account_key": credential["account_key"]}
    if credential.get("sas_token"):
        return {"sas_key": credential["sas_token"].lstrip("?")}
    if credential.get("client_secret"):
        principal = {name: credential[name] for name in ("tenant_id", "client_id", "client_secret")}
        host = credential.get("authority_url")
        return {**principal, "authority_host": host} if host else principal
    return {"skip_signature": True}


def _key_of(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(
            "The account key is none: it is text in base64.", target="account_key", hint="Copy it as a whole."
        ) from None


async def _create(outgoing: Outgoing, url: str, account: str, key: str, container: str) -> str:
    """Make a container; why it went wrong, or an empty text."""
    date = datetime.now(timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
    named = f"x-ms-date:{date}\nx-ms-version:{_VERSION}\n"
    resource = f"/{account}{urlsplit(url).path}/{container}\nrestype:container"
    signed = "PUT\n" + "\n" * 11 + named + resource
    signature = base64.b64encode(hmac.digest(_key_of(key), signed.encode(), "sha256")).decode()
    headers = {"x-ms-date": date, "x-ms-version": _VERSION, "Authorization": f"SharedKey {account}:{signature}"}
    address = f"{url}/{container}?restype=container"
    answer = await outgoing.call("PUT", address, headers, b"", seconds=_SECONDS, most=1000)
    if answer.status in {_MADE, _THERE}:
        return ""
    return f"the store answered {answer.status} to making the container {container!r}."
