"""Where bytes lie. One implementation a file in ``kinds/``; all pass ``terrazul.testing.storage``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol


class SignedPlace(NamedTuple):
    """Where the bytes of an object may be put by whoever has the address, for some minutes."""

    url: str
    headers: Mapping[str, str]
    """What the request must have."""


class Sink(Protocol):
    """An object on its way into a storage; it can be seen only after ``commit``."""

    def write(self, data: bytes) -> None:
        """Add bytes. Raises ``InsufficientStorage`` where there is no room."""

    def commit(self) -> None:
        """Make the object durable, then visible, whole, under its key; an earlier one of that key is replaced."""

    def abort(self) -> None:
        """Forget what was written. Does nothing after ``commit``."""


class Storage(Protocol):
    """Objects under keys: parts of letters, digits, ``-`` and ``_``, with ``/`` between them. Calls block.

    Each raises ``Unavailable`` where the storage cannot be reached or does not let the server in.
    """

    is_remote: bool
    """Whether a call takes so long that no transaction may wait for it."""

    def create(self, key: str) -> Sink:
        """Begin an object."""

    def read(self, key: str, offset: int, size: int) -> Iterator[bytes]:
        """A part of an object, in chunks. Raises ``NotFound`` where there is no such object."""

    def address_of(self, key: str) -> str:
        """A web address at which an object can be read for some minutes by whoever has it; empty where there is none.

        Raises nothing: then the bytes go through the server.
        """

    def place_for(self, key: str) -> SignedPlace | None:
        """Where a client may put a new object by itself; None where it cannot. Raises nothing, as ``address_of``."""

    def size_of(self, key: str) -> int | None:
        """How many bytes an object has; None where there is none."""

    def copy(self, source: str, target: str) -> None:
        """Make an object of the bytes of another one. Raises ``NotFound`` where there is none."""

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""

    def delete_tree(self, prefix: str) -> None:
        """Remove all objects whose key begins with ``prefix + '/'``."""
