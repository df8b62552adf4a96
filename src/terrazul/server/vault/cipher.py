"""Sealing and opening: each secret under a data key of its own, each data key under a master key (AES-256-GCM)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from terrazul.core.errors import DamagedContent, InvalidInput

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12
_ID_DIGITS = 16
PLAIN = ""
"""The master key of what was written before there was a vault, and is sealed at the next start."""


class MasterKey:
    """A key that wraps data keys. Its text is for where it is kept; nothing else shows it."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.id = hashlib.sha256(b"terrazul master key\0" + secret).hexdigest()[:_ID_DIGITS]

    @classmethod
    def make(cls) -> MasterKey:
        """A new one."""
        return cls(os.urandom(KEY_BYTES))

    @classmethod
    def of_text(cls, text: str) -> MasterKey:
        """The key of a text, which is 32 bytes in base64. Raises ``InvalidInput``, which does not tell the text."""
        try:
            secret = base64.b64decode(text.strip().translate(_URL_SAFE), validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if len(secret) != KEY_BYTES:
            raise InvalidInput(
                "A master key is not 32 bytes in base64.", hint="`openssl rand -base64 32` prints a new one."
            )
        return cls(secret)

    @property
    def text(self) -> str:
        """The key in base64."""
        return base64.b64encode(self._secret).decode()

    def wrap(self, data: bytes, about: bytes) -> bytes:
        """The data, encrypted."""
        return _encrypt(self._secret, data, about)

    def unwrap(self, data: bytes, about: bytes) -> bytes:
        """What was wrapped. Raises ``DamagedContent``."""
        return _decrypt(self._secret, data, about)

    def __repr__(self) -> str:
        return f"<MasterKey {self.id}>"


_URL_SAFE = str.maketrans("-_", "+/")


class Sealed(NamedTuple):
    """A value as the database holds it: encrypted by a data key, and that by the master key of an id."""

    master_key: str
    wrapped_key: bytes
    content: bytes


class UnknownKey(Exception):
    """The master key of this id is not at hand."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"the master key {key_id} is not there")
        self.key_id = key_id


class Keyring:
    """The master keys that a process has."""

    def __init__(self, keys: Iterable[MasterKey] = ()) -> None:
        self._keys = {key.id: key for key in keys}

    def with_keys(self, keys: Iterable[MasterKey]) -> Keyring:
        """These keys, and others too."""
        return Keyring([*self._keys.values(), *keys])

    @property
    def ids(self) -> set[str]:
        """The ids of all of them."""
        return set(self._keys)

    def seal(self, value: bytes, about: bytes, key_id: str) -> Sealed:
        """Encrypt a value so that it opens with the same ``about`` only. Raises ``UnknownKey``."""
        data_key = os.urandom(KEY_BYTES)
        return Sealed(key_id, self._key(key_id).wrap(data_key, about), _encrypt(data_key, value, about))

    def open(self, sealed: Sealed, about: bytes) -> bytes:
        """The value. Raises ``UnknownKey``, or ``DamagedContent`` for what was changed or belongs elsewhere."""
        data_key = self._key(sealed.master_key).unwrap(sealed.wrapped_key, about)
        return _decrypt(data_key, sealed.content, about)

    def reseal(self, sealed: Sealed, about: bytes, key_id: str) -> Sealed:
        """The same under another master key: its data key is wrapped anew, its content stays. Raises as ``open``."""
        if sealed.master_key == PLAIN:
            return self.seal(sealed.content, about, key_id)
        data_key = self._key(sealed.master_key).unwrap(sealed.wrapped_key, about)
        return sealed._replace(master_key=key_id, wrapped_key=self._key(key_id).wrap(data_key, about))

    def _key(self, key_id: str) -> MasterKey:
        try:
            return self._keys[key_id]
        except KeyError:
            raise UnknownKey(key_id) from None


def _encrypt(key: bytes, data: bytes, about: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _cipher(key).encrypt(nonce, data, about)


def _decrypt(key: bytes, data: bytes, about: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415  # as below

    try:
        return _cipher(key).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], about)
    except (InvalidTag, ValueError):
        raise DamagedContent("A secret is damaged, or was moved to another place of the database.") from None


def _cipher(key: bytes) -> AESGCM:
    # It costs a tenth of the server's start to import, and is needed once there is a secret.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    return AESGCM(key)
