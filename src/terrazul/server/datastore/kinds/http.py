"""Web servers: files below one address, each by its path."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from terrazul.core.errors import InvalidInput
from terrazul.server.datastore.kind import NO_CREDENTIAL, Credential, Field, Settings, Surroundings
from terrazul.server.datastore.object_store import RETRIES, ObjectFiles, Place, client_options, made
from terrazul.server.network.rules import read_destination


class Http:
    """Registered by address, with a user and password, a token, or nothing. It is read only, and has no lists."""

    name = "Http"
    description = "Files of a web server below an address. They are read by their paths; a web server tells no list."
    settings: Mapping[str, Field] = {
        "url": Field("The address that all paths follow: https://name/folder.", is_required=True)
    }
    credential: Mapping[str, Field] = {
        "username": Field("A user, for Basic authentication."),
        "password": Field("The user's password."),
        "token": Field("A token, for Bearer authentication."),
    }
    holds_files = True

    def check(self, settings: Settings, credential: Credential) -> str:
        """The credential in a word."""
        destination = read_destination(str(settings["url"]))
        if "?" in destination.target:
            raise InvalidInput("The address of a datastore has no query.", target="url")
        if credential.get("token") and credential.get("username"):
            raise InvalidInput("A token or a user is enough, and both are given.", target="token")
        if credential.get("token"):
            return "Token"
        return "Basic" if credential.get("username") else NO_CREDENTIAL

    def open(self, settings: Settings, credential: Credential, surroundings: Surroundings) -> ObjectFiles:
        """The files below the address."""
        from obstore.store import HTTPStore  # noqa: PLC0415  # loaded with the first datastore that needs it

        url = str(settings["url"]).rstrip("/")
        headers = _headers_of(credential)
        options: Any = {**client_options(url, surroundings.proxy), "default_headers": headers}
        store = made(self.name, lambda: HTTPStore.from_url(url, client_options=options, retry_config=RETRIES))
        place = Place(store, url, url, "address", public_url="" if headers else url, lists=False)
        return ObjectFiles(place, surroundings.outgoing)


def _headers_of(credential: Credential) -> dict[str, str]:
    if credential.get("token"):
        return {"Authorization": f"Bearer {credential['token']}"}
    if credential.get("username"):
        pair = f"{credential['username']}:{credential.get('password', '')}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
    return {}


KIND = Http()
