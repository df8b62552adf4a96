"""Machines that were attached: they are found by their targets, and their credentials lie in the vault."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection

from terrazul.core.errors import ComputeTargetException
from terrazul.server.compute import rules, store
from terrazul.server.compute.remote.machines import Machines
from terrazul.server.compute.remote.reach import Reach
from terrazul.server.compute.store import TargetRow
from terrazul.server.sql.database import Database
from terrazul.server.vault import store as sealed
from terrazul.server.vault.service.vault import Vault
from terrazul.server.vault.store import Place
from terrazul.wire.compute import RemoteSettings

OWNER = "compute_target"
"""What the vault calls who owns the credentials."""


class AttachedMachines:
    """The machines of all workspaces' targets."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._machines: Machines

    def use(self, machines: Machines) -> None:
        """Have these connections be the ones; they are made with ``find``."""
        self._machines = machines

    def find(self, key: str) -> Reach:
        """The machine of a target's key, as it is attached now; for a thread of the caller's own.

        Raises ``ComputeTargetException`` where the target is gone, ``VaultClosed``.
        """

        def work(connection: Connection) -> Reach:
            row = store.find_by_key(connection, int(key))
            if row is None or not isinstance(row.settings, RemoteSettings):
                raise ComputeTargetException("The machine's compute target is not there any more.", target=key)
            return Reach(row.settings, self._credential(connection, row.workspace, row.key))

        return self._database.read_now(work)

    async def checked(
        self,
        workspace: int,
        name: str,
        there: TargetRow | None,
        settings: RemoteSettings,
        credential: Mapping[str, str] | None,
    ) -> RemoteSettings:
        """The settings once the machine has been signed in to: with the host key that it is known by from then on.

        A key that is known stays the one that counts, unless another one is given. A credential that is kept counts for
        the machine and the user that it was given for, and for no other. Raises as ``Machines.check``.
        """
        key = rules.key_of(name)
        before = there.settings if there is not None and isinstance(there.settings, RemoteSettings) else None
        same_door = before is not None and _door_of(before) == _door_of(settings)
        if credential is None and same_door:
            credential = await self._database.read(lambda found: self._credential(found, workspace, key))
        if not credential:
            hint = (
                "Give a password, or a private key. One that is kept is sent nowhere else than where it was given for."
            )
            raise ComputeTargetException(f"There is no credential for {name!r}.", target="credential", hint=hint)
        if before is not None and not settings.host_key and _door_of(before)[:2] == _door_of(settings)[:2]:
            settings = replace(settings, host_key=before.host_key)
        host_key = await self._machines.check(Reach(settings, credential))
        return replace(settings, host_key=host_key, own=secrets.token_hex(8))

    def keep(self, connection: Connection, workspace: int, name: str, credential: Mapping[str, str], by: str) -> None:
        """Seal the credential of a target, part of the caller's transaction. Raises ``VaultClosed``."""
        known = {part: value for part, value in credential.items() if value}
        self._vault.seal(connection, _sealed_at(workspace, rules.key_of(name)), json.dumps(known), by)

    def forget(self, connection: Connection, row: TargetRow) -> None:
        """Remove the credential of a target, where it has one; it needs no master key."""
        sealed.delete(connection, _sealed_at(row.workspace, row.key))

    def _credential(self, connection: Connection, workspace: int, key: str) -> dict[str, str]:
        found = self._vault.reveal(connection, _sealed_at(workspace, key))
        known: dict[str, str] = json.loads(found) if found else {}
        return known


def _sealed_at(workspace: int, key: str) -> Place:
    return Place(workspace, OWNER, key)


def _door_of(settings: RemoteSettings) -> tuple[str, int, str]:
    """Where somebody signs in, and who."""
    return settings.address.lower(), settings.port, settings.username
