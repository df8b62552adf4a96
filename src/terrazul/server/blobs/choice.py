"""Which storage a server keeps its objects in, and seeing to it that it stays the same one."""

from __future__ import annotations

import importlib
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Connection

from terrazul.core.errors import InvalidInput
from terrazul.server.blobs import store
from terrazul.server.blobs.kinds.local import LocalStorage
from terrazul.server.blobs.object_storage import Address
from terrazul.server.blobs.storage import Storage

_KINDS = "terrazul.server.blobs.kinds"
_SCHEME = "://"


def open_storage(place: str, endpoint: str, folder: Path, *, direct: bool = False) -> Storage:
    """The storage that the settings name; a folder without any. ``direct`` where clients reach it too.

    Raises ``InvalidInput``.
    """
    if _SCHEME not in place:
        return LocalStorage(Path(place) if place else folder)
    parts = urlsplit(place)
    address = Address(place, parts.netloc, parts.path.strip("/"), endpoint.rstrip("/"), direct)
    opened: Storage = importlib.import_module(f"{_KINDS}.{parts.scheme}").open_storage(address)
    return opened


def variables_of(place: str) -> str:
    """How the variables begin that let the server into a storage; empty for a folder."""
    if _SCHEME not in place:
        return ""
    prefix: str = importlib.import_module(f"{_KINDS}.{urlsplit(place).scheme}").VARIABLES
    return prefix


def settle_place(connection: Connection, place: str, *, moved: bool) -> None:
    """Note which storage holds the objects. Raises ``InvalidInput`` where another one does, unless they were moved.

    While there are no objects yet, any will do.
    """
    place = place.rstrip("/")
    known = store.place(connection)
    if known == place:
        return
    if not moved and store.has_objects(connection):
        raise InvalidInput(
            f"The files of this home lie in {_told(known)}, and the server is to keep them in {_told(place)}.",
            target="storage",
            hint=f"Start it with {_option(known)}. Once all objects are copied to the other one, under the same names, "
            "add --storage-moved.",
        )
    store.set_place(connection, place)


def _told(place: str) -> str:
    return place or "the folder blobs of the home"


def _option(place: str) -> str:
    return f"--storage {place}" if place else "no --storage"
