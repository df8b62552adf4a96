"""Container registries: where images come from, and who may fetch them."""

from __future__ import annotations

from dataclasses import field
from typing import Optional

from terrazul.core.dataclass import dataclass
from terrazul.sdk.section import SECRET, Section, optional


@dataclass(repr=False)
class RegistryIdentity(Section):
    """A managed identity that may fetch images."""

    resource_id: Optional[str] = field(default=None, init=False)
    client_id: Optional[str] = field(default=None, init=False)


@dataclass(repr=False)
class ContainerRegistry(Section):
    """An image registry with its user and password; the password stays in this process."""

    address: Optional[str] = field(default=None, init=False)
    username: Optional[str] = field(default=None, init=False)
    password: Optional[str] = field(default=None, init=False, metadata=SECRET)
    registry_identity: Optional[RegistryIdentity] = field(default=None, init=False, metadata=optional(RegistryIdentity))
