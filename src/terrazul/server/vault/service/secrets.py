"""Setting, listing, reading and deleting the secrets of a workspace."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection

from terrazul.core.errors import NotFound
from terrazul.server.sql.database import Database
from terrazul.server.sql.witness import changed, made, removed, shown
from terrazul.server.vault import store
from terrazul.server.vault.rules import check_names, check_new, key_of
from terrazul.server.vault.service.vault import Vault
from terrazul.server.vault.store import Place
from terrazul.wire.vault import NewSecret, Secret, SecretValue

OWNER = "secret"


class Secrets:
    """The secrets of all workspaces, as their owners set them."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def list_all(self, workspace: int) -> list[Secret]:
        """All of a workspace, by name, without their values."""
        return await self._database.read(partial(store.list_all, workspace_key=workspace, owner=OWNER))

    async def put(self, workspace: int, new: Sequence[NewSecret], user: str) -> list[Secret]:
        """Set secrets, all of them or none. Raises ``InvalidInput``, ``VaultClosed``."""
        check_new(new)

        def work(connection: Connection) -> list[Secret]:
            for each in new:
                place = _place(workspace, each.name)
                described = {"label": each.name, "content_type": each.content_type}
                is_new = self._vault.seal(connection, place, each.value, user, **described)
                (made if is_new else changed)(connection, "secret", place.name)
            known = {each.name: each for each in store.list_all(connection, workspace, OWNER)}
            return [known[each.name] for each in new]

        return await self._database.write(work)

    async def read(self, workspace: int, names: Sequence[str]) -> list[SecretValue]:
        """The values of those that are there, put on record before they are handed out.

        Raises ``InvalidInput``, ``VaultClosed``.
        """
        check_names(names)
        return await self._database.write(partial(self.reveal, workspace=workspace, names=names))

    def reveal(self, connection: Connection, workspace: int, names: Sequence[str]) -> list[SecretValue]:
        """As ``read``, part of the caller's transaction."""
        found = []
        for name in dict.fromkeys(names):
            place = _place(workspace, name)
            value = self._vault.reveal(connection, place)
            if value is not None:
                shown(connection, "secret", place.name)
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
            removed(connection, "secret", place.name)

        await self._database.write(work)


def _place(workspace: int, name: str) -> Place:
    return Place(workspace, OWNER, key_of(name))
