"""What web services keep in the vault: their two keys, and the private key of a revision's certificate."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from terrazul.server.endpoint.store import webservice as services
from terrazul.server.endpoint.store.webservice import RevisionRow, ServiceRow
from terrazul.server.vault import store as sealed
from terrazul.server.vault.service.vault import Vault
from terrazul.server.vault.store import Place
from terrazul.wire.endpoint import WebserviceKeys

_OWNER = "webservice"
_PRIMARY, _SECONDARY = "primary_key", "secondary_key"


class ServiceSecrets:
    """Every call is part of the caller's transaction and raises ``VaultClosed`` where a value is sealed or opened."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def put_keys(self, connection: Connection, row: ServiceRow, keys: WebserviceKeys, by: str) -> None:
        """Keep keys; an empty one leaves the one that is there."""
        for name, key in ((_PRIMARY, keys.primary), (_SECONDARY, keys.secondary)):
            if key:
                self._vault.seal(connection, _place(row, name), key, by)

    def keys(self, connection: Connection, row: ServiceRow) -> WebserviceKeys:
        """Both keys."""
        primary, secondary = (self._vault.reveal(connection, _place(row, name)) for name in (_PRIMARY, _SECONDARY))
        return WebserviceKeys(primary or "", secondary or "")

    def add_revision(self, connection: Connection, row: ServiceRow, new: RevisionRow, now: int, by: str) -> None:
        """Enter a revision; its private key goes into the vault, all else into the revision's row."""
        if new.settings.ssl_key:
            self._vault.seal(connection, _place(row, _ssl_key(new)), new.settings.ssl_key, by)
        kept = new._replace(settings=replace(new.settings, ssl_key=""))
        services.add_revision(connection, row, kept, now, by)

    def whole(self, connection: Connection, row: ServiceRow, revision: RevisionRow) -> RevisionRow:
        """A revision with its private key."""
        if not revision.settings.ssl_enabled:
            return revision
        key = self._vault.reveal(connection, _place(row, _ssl_key(revision))) or ""
        return revision._replace(settings=replace(revision.settings, ssl_key=key))

    def remove(self, connection: Connection, row: ServiceRow) -> None:
        """Remove all of a web service."""
        sealed.delete_below(connection, Place(row.workspace, _OWNER, row.name))


def _place(row: ServiceRow, name: str) -> Place:
    return Place(row.workspace, _OWNER, f"{row.name}/{name}")


def _ssl_key(revision: RevisionRow) -> str:
    return f"{revision.number}/ssl_key"
