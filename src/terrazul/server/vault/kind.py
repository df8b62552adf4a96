"""What a place must offer where master keys are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from terrazul.core.home import Home
from terrazul.server.vault.cipher import MasterKey


class Surroundings(NamedTuple):
    """What a kind is made from."""

    home: Home
    variables: Mapping[str, str]


class KeyPlace(Protocol):
    """Where the master keys of an installation are kept: outside of its database and of the copies of that.

    There is one key, and two or more while it is being changed. A kind is a module in ``kinds`` with the function
    ``open_place(surroundings)``. A service of a cloud keeps a file of its own whose content only the service decrypts,
    asked once at the start of the server.
    """

    @property
    def name(self) -> str:
        """The place in words, for messages."""

    @property
    def change_by_hand(self) -> str:
        """Empty where ``write`` works; else what an administrator does to change the key."""

    def read(self) -> list[MasterKey]:
        """The keys, the one that counts first; none where there never was one.

        Raises ``VaultClosed`` for what cannot be read.
        """

    def write(self, keys: Sequence[MasterKey]) -> None:
        """Keep these in the place of those there are: whole or not at all, and on disk when it returns."""
