"""The key vault: secrets under names. A value travels in ``NewSecret`` and ``SecretValue`` only."""

from __future__ import annotations

from dataclasses import field
from typing import List

from terrazul.core.dataclass import dataclass

NOT_PROVIDED = "application/NotProvided"
"""v1's content type of a secret for which none is given."""


@dataclass(frozen=True)
class NewSecret:
    """A secret as its owner gives it; one of that name gets this value."""

    name: str
    value: str = field(repr=False)
    content_type: str = NOT_PROVIDED


@dataclass(frozen=True)
class NewSecrets:
    """Secrets that are set together: all of them, or none."""

    secrets: List[NewSecret]


@dataclass(frozen=True)
class Secret:
    """A secret without its value."""

    name: str
    content_type: str
    created_at: str
    created_by: str
    updated_at: str
    updated_by: str


@dataclass(frozen=True)
class SecretNames:
    """The secrets whose values are asked for."""

    names: List[str]


@dataclass(frozen=True)
class SecretValue:
    """A secret's value, to who may have it."""

    name: str
    value: str = field(repr=False)


@dataclass(frozen=True)
class VaultStatus:
    """How the vault of an installation stands."""

    kept_in: str
    """Where the master key is kept, in words."""
    master_key: str
    """The id of the master key that counts, which tells nothing of the key; empty where there is none."""
    sealed: int
    """Secrets that are kept, those of web services included."""
    waiting: int
    """Of these, the ones that are not under this master key yet."""
    problem: str = ""
    """Why the vault is closed; empty where it is open."""


@dataclass(frozen=True)
class Rotation:
    """What changing the master key came to."""

    master_key: str
    """The id of the one that counts now."""
    sealed_anew: int
    remaining: int
    """Secrets that could not be brought under it, since they are damaged; the older key is kept for them."""
