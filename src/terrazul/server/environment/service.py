"""Registering environments and finding them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from functools import partial

import msgspec
from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.errors import AlreadyExists, InvalidInput, NotFound
from terrazul.server.environment import store
from terrazul.server.sql.database import Database
from terrazul.wire.environment import Environment, EnvironmentDefinition

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,254}\Z", re.ASCII)
_CURATED_PREFIX = "azureml-"


class Environments:
    """The environments of all workspaces."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def register(self, workspace: int, definition: EnvironmentDefinition, user: str) -> Environment:
        """The same definition as the newest version keeps that version; a changed one becomes the next."""
        plain, digest = _checked(definition)

        def work(connection: Connection) -> Environment:
            same = store.find_same(connection, workspace, plain.name, digest)
            return same or store.add(connection, workspace, plain, digest, self._clock(), user)

        return await self._database.write(work)

    async def list_all(self, workspace: int, name: str | None) -> list[Environment]:
        """All versions, newest first."""
        return await self._database.read(partial(store.list_all, workspace=workspace, name=name))

    async def get(self, workspace: int, name: str, version: str | None) -> Environment:
        """A version, or the newest one. Raises ``NotFound``."""
        versions = await self.list_all(workspace, name)
        if not versions:
            raise NotFound(
                f"There is no environment {name[:80]!r} in this workspace.",
                target=name[:80],
                hint="List what there is with `terrazul environment list`.",
            )
        for each in versions:
            if version in {None, each.version}:
                return each
        raise NotFound(
            f"The environment {name!r} has no version {version!r}.",
            target=name,
            hint=f"Its versions are {', '.join(each.version for each in reversed(versions))}.",
        )


def keep(
    connection: Connection, workspace: int, definition: EnvironmentDefinition, version: int, created_at: int, user: str
) -> None:
    """Enter a definition under the number that it brings along from elsewhere; once, also where it is sent again.

    Raises ``InvalidInput`` for a name or a number that none can have, ``AlreadyExists`` where the version has another
    definition, ``Conflict`` where the name has passed the number.
    """
    plain, digest = _checked(definition)
    there = store.digest_of(connection, workspace, plain.name, version)
    if there is None:
        store.add(connection, workspace, plain, digest, created_at, user, version)
    elif there != digest:
        raise AlreadyExists(
            f"The environment {plain.name}:{version} is here already, with another definition.",
            target=f"{plain.name}:{version}",
            hint="Import into another workspace, where the name is free.",
        )


def _checked(definition: EnvironmentDefinition) -> tuple[EnvironmentDefinition, str]:
    """The definition as it is kept, and by what it is told from others. Raises ``InvalidInput`` for its name."""
    if not _NAME.match(definition.name):
        raise InvalidInput(
            f"The environment name {definition.name[:80]!r} is not valid.",
            target=definition.name[:80],
            hint="Use letters, digits, '_', '-', '.', the first a letter or digit.",
        )
    if definition.name.lower().startswith(_CURATED_PREFIX):
        raise InvalidInput(
            f"The name {definition.name!r} is reserved: names that begin with AzureML- are curated environments.",
            target=definition.name,
            hint="Take another name, for example with Environment.clone(new_name).",
        )
    plain = replace(definition, version=None)
    return plain, hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()
