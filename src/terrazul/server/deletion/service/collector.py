"""Taking from the disk what nothing names any more.

Whether something names a content is asked once more in the transaction that forgets it, and who names a content does so
in a transaction that looks whether it is there. So a content is either named and kept, or gone before it is named.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.errors import TerrazulError
from terrazul.server.blobs import store as contents
from terrazul.server.blobs.parts import Parts
from terrazul.server.blobs.service import Contents
from terrazul.server.blobs.store import Content
from terrazul.server.deletion.service.manifests import Manifests
from terrazul.server.deletion.store import deletion as deletions
from terrazul.server.deletion.store import naming
from terrazul.server.snapshot import store as snapshots
from terrazul.server.sql.database import Database

_log = logging.getLogger(__name__)
_KEPT_MICROSECONDS = 3600 * 1_000_000
"""So long a content stays for a client that was told that it is held."""
_ABANDONED_MICROSECONDS = 86400 * 1_000_000
"""So long an upload has time to name what it sent."""
_AT_ONCE = 1000
_ROUND = 100_000


class _Marked(NamedTuple):
    """The snapshots whose files were looked at, and the contents among those wanted that they name."""

    snapshots: frozenset[str]
    named: frozenset[str]


class _Settled(NamedTuple):
    """What came of a group of contents: bytes that are free, objects that have dead parts; None to mark anew."""

    freed: int
    partly_dead: list[str]


class Collector:
    """Collects in one workspace after another."""

    def __init__(self, database: Database, content: Contents, parts: Parts, clock: Clock) -> None:
        self._database = database
        self._contents = content
        self._parts = parts
        self._manifests = Manifests(database, content)
        self._clock = clock

    async def collect(self, workspace: int, deletion: int | None = None) -> None:
        """Remove what was let go of and is named by nothing; bytes are counted for a deletion, if one is given."""
        await self._drop_snapshots(workspace)
        while True:
            before = self._clock() - _KEPT_MICROSECONDS
            found = await self._database.read(
                partial(contents.released, workspace=workspace, asked_before=before, limit=_ROUND)
            )
            if not found:
                break
            await self._settle_all(workspace, found, deletion)
        await self.remove_dead()

    async def remove_dead(self) -> None:
        """Remove the bytes of objects at which nothing points, or will."""
        await self._parts.forget_old()
        await self._contents.remove_dead()

    async def release_abandoned(self, workspace: int) -> None:
        """Have everything looked at that arrived a day ago or earlier: uploads that nobody finished."""
        now = self._clock()
        before = now - _ABANDONED_MICROSECONDS
        await self._database.write(partial(snapshots.release_old, workspace=workspace, created_before=before, now=now))
        after = ""
        while True:
            look = partial(_unnamed, workspace=workspace, before=before, after=after)
            last, digests = await self._database.read(look)
            if not last:
                return
            await self._database.write(partial(contents.release, workspace=workspace, digests=digests, now=now))
            after = last

    async def workspaces(self) -> list[int]:
        """The workspaces in which something waits for a collection."""

        def work(connection: Connection) -> list[int]:
            found = contents.workspaces_with_released(connection) + snapshots.workspaces_with_released(connection)
            return sorted(set(found))

        return await self._database.read(work)

    async def _drop_snapshots(self, workspace: int) -> None:
        """Forget snapshots that nothing names, one in a transaction; their files are let go of with them."""

        def look(connection: Connection) -> tuple[dict[str, str], set[str]]:
            waiting = snapshots.released(connection, workspace, self._clock() - _KEPT_MICROSECONDS)
            manifests = snapshots.all_of(connection, workspace)
            used = naming.snapshots_in_use(connection, workspace, set(waiting))
            return {each: manifests[each] for each in waiting if each not in used}, used

        unused, used = await self._database.read(look)
        await self._database.write(partial(snapshots.retain, workspace=workspace, snapshot_ids=used))
        for snapshot_id, manifest in unused.items():
            digests = await self._manifests.named_by(workspace, [manifest])
            await self._database.write(
                partial(self._drop_snapshot, workspace=workspace, snapshot_id=snapshot_id, digests=digests)
            )

    def _drop_snapshot(self, connection: Connection, workspace: int, snapshot_id: str, digests: set[str]) -> None:
        now = self._clock()
        if snapshot_id not in snapshots.released(connection, workspace, now - _KEPT_MICROSECONDS):
            return
        if naming.snapshots_in_use(connection, workspace, {snapshot_id}):
            snapshots.retain(connection, workspace, [snapshot_id])
            return
        snapshots.remove(connection, workspace, [snapshot_id])
        contents.release(connection, workspace, sorted(digests), now)

    async def _settle_all(self, workspace: int, found: list[Content], deletion: int | None) -> None:
        marked = await self._mark(workspace, found, _Marked(frozenset(), frozenset()))
        for start in range(0, len(found), _AT_ONCE):
            group = found[start : start + _AT_ONCE]
            while True:
                work = partial(self._settle, workspace=workspace, group=group, marked=marked, deletion=deletion)
                settled = await self._database.write(work)
                if settled is not None:
                    break
                marked = await self._mark(workspace, found, marked)  # a snapshot was named meanwhile
            for key in settled.partly_dead:
                await self._repack(workspace, key)

    async def _mark(self, workspace: int, found: list[Content], before: _Marked) -> _Marked:
        """Look through the snapshots that were not looked through before."""
        manifests = await self._database.read(partial(snapshots.all_of, workspace=workspace))
        wanted = {each.digest for each in found}
        fresh = [manifest for each, manifest in manifests.items() if each not in before.snapshots]
        named = await self._manifests.named_by(workspace, fresh, wanted)
        return _Marked(before.snapshots.union(manifests), before.named | named)

    def _settle(
        self, connection: Connection, workspace: int, group: list[Content], marked: _Marked, deletion: int | None
    ) -> _Settled | None:
        if not snapshots.all_of(connection, workspace).keys() <= marked.snapshots:
            return None
        before = self._clock() - _KEPT_MICROSECONDS
        waiting = contents.still_released(connection, workspace, [each.digest for each in group], before)
        used = naming.named(connection, workspace, waiting) | (waiting.keys() & marked.named)
        contents.retain(connection, workspace, used)
        going = [each for each in waiting.values() if each.digest not in used]
        freed = sum(each.size for each in going)
        partly_dead = contents.remove(connection, workspace, going)
        if deletion is not None:
            deletions.note_freed(connection, deletion, freed)
        return _Settled(freed, partly_dead)

    async def _repack(self, workspace: int, key: str) -> None:
        try:
            await self._contents.repack(workspace, key)
        except TerrazulError:
            _log.exception("The object %s has dead parts and could not be written anew", key)


def _unnamed(connection: Connection, workspace: int, before: int, after: str) -> tuple[str, list[str]]:
    """The last digest looked at (empty at the end), and those among the next ones that no file names."""
    found = contents.unnamed_since(connection, workspace, before, after, _AT_ONCE)
    named = naming.named(connection, workspace, found)
    return (found[-1] if found else ""), [each for each in found if each not in named]
