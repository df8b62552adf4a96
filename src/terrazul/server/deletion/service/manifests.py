"""The contents that snapshots name; their lists of files are contents themselves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable
from functools import partial

import msgspec

from terrazul.core.errors import TerrazulError
from terrazul.server.blobs import store
from terrazul.server.blobs.service import Contents
from terrazul.server.blobs.store import Content
from terrazul.server.sql.database import Database

_log = logging.getLogger(__name__)


class _File(msgspec.Struct):
    digest: str


class _Manifest(msgspec.Struct):
    files: list[_File]


class Manifests:
    """Reads them. What cannot be read names everything, so that nothing is lost by it."""

    def __init__(self, database: Database, contents: Contents) -> None:
        self._database = database
        self._contents = contents

    async def named_by(
        self, workspace: int, manifests: Iterable[str], wanted: Collection[str] | None = None
    ) -> set[str]:
        """The contents that manifests (by their digests) name, themselves among them; of those wanted, if given."""
        digests = sorted(set(manifests))
        held = await self._database.read(partial(store.find, workspace=workspace, digests=digests))
        return await asyncio.to_thread(self._named_by, digests, held, wanted)

    def _named_by(self, digests: list[str], held: dict[str, Content], wanted: Collection[str] | None) -> set[str]:
        found: set[str] = set()
        for digest in digests:
            try:
                named = {digest, *self._read(held[digest])}
            except (TerrazulError, msgspec.MsgspecError, KeyError, OSError):
                _log.exception("The list of files %s of a snapshot cannot be read; nothing is collected", digest[:12])
                return set(wanted or ())
            found |= named if wanted is None else named.intersection(wanted)
        return found

    def _read(self, content: Content) -> set[str]:
        data = b"".join(self._contents.read_now(content))
        return {file.digest for file in msgspec.json.decode(data, type=_Manifest).files}
