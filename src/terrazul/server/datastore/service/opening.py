"""Opening datastores: finding the kind, the credential and the place, and keeping what is open for the next request."""

from __future__ import annotations

import asyncio
import importlib
import json
import pkgutil
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from terrazul.core.errors import InvalidInput
from terrazul.server.datastore import kinds
from terrazul.server.datastore.kind import Files, Kind, Surroundings, Tables
from terrazul.server.datastore.store import DatastoreRow
from terrazul.server.network.outgoing import Outgoing
from terrazul.server.network.tunnel import Tunnel
from terrazul.server.sql.database import Database
from terrazul.server.vault.service.vault import Vault
from terrazul.server.vault.store import Place

OWNER = "datastore"
_MOST_OPEN = 256


class Grounds(NamedTuple):
    """Where this server's datastores may lie, and how it goes out."""

    home: Path
    roots: list[Path]
    is_shared: bool
    outgoing: Outgoing
    tunnel: Tunnel


class _Open(NamedTuple):
    modified_at: int
    datastore: Files | Tables


class Opening:
    """What is open of all workspaces; the least used goes first."""

    def __init__(self, database: Database, vault: Vault, grounds: Grounds) -> None:
        self._database = database
        self._vault = vault
        self._grounds = grounds
        self._open: OrderedDict[tuple[int, str], _Open] = OrderedDict()

    async def open(self, workspace: int, row: DatastoreRow) -> Files | Tables:
        """A registered datastore. Raises ``InvalidInput`` where it may not be any more, ``VaultClosed``."""
        known = self._open.get((workspace, row.key))
        if known is None or known.modified_at != row.modified_at:
            credential = await self.credential_of(workspace, row.key)
            surroundings = await self.surroundings(anywhere=not self._grounds.is_shared)
            opened = await _opened(kind_of(row.kind), row.settings, credential, surroundings)
            known = _Open(row.modified_at, opened)
        self._open[workspace, row.key] = known
        self._open.move_to_end((workspace, row.key))
        while len(self._open) > _MOST_OPEN:
            self._open.popitem(last=False)
        return known.datastore

    async def open_new(
        self, name: str, settings: dict[str, str | int | bool], credential: dict[str, str], *, anywhere: bool
    ) -> Files | Tables:
        """A datastore that is not registered yet. ``anywhere`` where it may lie outside of the administrator's roots.

        Raises ``InvalidInput`` for a place that it may not be.
        """
        surroundings = await self.surroundings(anywhere=anywhere and not self._grounds.is_shared)
        return await _opened(kind_of(name), settings, credential, surroundings)

    async def surroundings(self, *, anywhere: bool) -> Surroundings:
        """What a datastore finds around it."""
        grounds = self._grounds
        roots = None if anywhere else grounds.roots
        return Surroundings(grounds.home, roots, grounds.outgoing, await grounds.tunnel.address())

    async def credential_of(self, workspace: int, key: str) -> dict[str, str]:
        """What the vault holds for a datastore. Raises ``VaultClosed``."""
        place = place_of_credential(workspace, key)
        sealed = await self._database.read(lambda connection: self._vault.reveal(connection, place))
        found: dict[str, str] = json.loads(sealed) if sealed else {}
        return found


def place_of_credential(workspace: int, key: str) -> Place:
    """Where the vault keeps what a datastore is reached with."""
    return Place(workspace, OWNER, key)


@lru_cache(maxsize=1)
def all_kinds() -> dict[str, Kind]:
    """The kinds by name."""
    modules = [
        importlib.import_module(f"{kinds.__name__}.{each.name}") for each in pkgutil.iter_modules(kinds.__path__)
    ]
    found: list[Kind] = [module.KIND for module in modules]
    return {kind.name: kind for kind in sorted(found, key=lambda kind: kind.name)}


def kind_of(name: str) -> Kind:
    """The kind of a name. Raises ``InvalidInput``."""
    kind = all_kinds().get(name)
    if kind is None:
        raise InvalidInput(
            f"There is no kind {name[:80]!r} of datastores.",
            target="kind",
            hint=_GONE.get(name) or f"The kinds are {', '.join(all_kinds())}.",
        )
    return kind


_GONE = {
    "AzureDataLake": "Azure Data Lake Storage Gen1 was switched off by Azure. Register the Gen2 account: "
    "register_azure_data_lake_gen2.",
}


_EXTRAS = {"azure": "azure-files", "mssql_python": "sql-server"}
"""What a package comes with that does not come with the extra ``databases``."""


async def _opened(
    kind: Kind, settings: dict[str, str | int | bool], credential: dict[str, str], surroundings: Surroundings
) -> Files | Tables:
    """Loading a library may take a moment, in which others are answered."""
    try:
        return await asyncio.to_thread(kind.open, settings, credential, surroundings)
    except ModuleNotFoundError as missing:
        raise missing_package(kind.name, missing) from None


def missing_package(kind: str, missing: ModuleNotFoundError) -> InvalidInput:
    """What is told of a package that a kind needs and the server does not have."""
    package = str(missing.name)
    extra = _EXTRAS.get(package.partition(".")[0], "databases")
    return InvalidInput(
        f"{kind} needs the package {package}, which the server does not have.",
        target=kind,
        hint=f"Install it on the server: pip install 'terrazul[server,{extra}]'.",
    )
