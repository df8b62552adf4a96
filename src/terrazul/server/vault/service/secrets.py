"""Setting, listing, reading and deleting the secrets of a workspace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.errors import InvalidInput, NotFound
from terrazul.server.sql.database import Database
from terrazul.server.vault import store
from terrazul.server.vault.rules import check_names, check_new, key_of
from terrazul.server.vault.service.vault import Vault
from terrazul.server.vault.store import Place, Reader
from terrazul.wire.vault import NewSecret, Secret, SecretRead, SecretValue

OWNER = "secret"
_MOST_READS = 1000

Record = Callable[[Connection, int, str, int, Reader], None]
"""Puts on record that a value of a workspace (by its key), under a name, was handed out at a time, to whom."""


class Secrets:
    """The secrets of all workspaces, as their owners set them."""

    def __init__(self, database: Database, vault: Vault, clock: Clock, record: Record) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._record = record

    async def list_all(self, workspace: int) -> list[Secret]:
        """All of a workspace, by name, without their values."""
        return await self._database.read(partial(store.list_all, workspace_key=workspace, owner=OWNER))

    async def put(self, workspace: int, new: Sequence[NewSecret], user: str) -> list[Secret]:
        """Set secrets, all of them or none. Raises ``InvalidInput``, ``VaultClosed``."""
        check_new(new)

        def work(connection: Connection) -> list[Secret]:
            for each in new:
                self._vault.seal(
                    connection,
                    _place(workspace, each.name),
                    each.value,
                    user,
                    label=each.name,
                    content_type=each.content_type,
                )
            known = {each.name: each for each in store.list_all(connection, workspace, OWNER)}
            return [known[each.name] for each in new]

        return await self._database.write(work)

    async def read(self, workspace: int, names: Sequence[str], reader: Reader) -> list[SecretValue]:
        """The values of those that are there, put on record before they are handed out.

        Raises ``InvalidInput``, ``VaultClosed``.
        """
        check_names(names)
        return await self._database.write(partial(self.reveal, workspace=workspace, names=names, reader=reader))

    def reveal(self, connection: Connection, workspace: int, names: Sequence[str], reader: Reader) -> list[SecretValue]:
        """As ``read``, part of the caller's transaction."""
        found = []
        for name in dict.fromkeys(names):
            value = self._vault.reveal(connection, _place(workspace, name))
            if value is not None:
                self._record(connection, workspace, key_of(name), self._clock(), reader)
                found.append(SecretValue(name, value))
        return found

    async def delete(self, workspace: int, name: str) -> None:
        """Remove a secret. Raises ``NotFound``; it needs no master key."""
        place = _place(workspace, name)

        def work(connection: Connection) -> None:
            if not store.delete(connection, place):
                raise NotFound(
                    f"There is no secret {name!r} in this workspace.",
                    target=name,
                    hint="`terrazul keyvault list` shows what there is.",
                )

        await self._database.write(work)

    async def reads(self, workspace: int, limit: int) -> list[SecretRead]:
        """The last times that values were handed out, newest first."""
        if not 1 <= limit <= _MOST_READS:
            raise InvalidInput(f"{limit} is no number of reads.", target="limit", hint=f"Give 1 to {_MOST_READS}.")
        return await self._database.read(partial(store.reads, workspace_key=workspace, limit=limit))


def _place(workspace: int, name: str) -> Place:
    return Place(workspace, OWNER, key_of(name))
