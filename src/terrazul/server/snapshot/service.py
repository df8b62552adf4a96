"""Naming snapshots and giving them out."""

from __future__ import annotations

import zipfile
from collections.abc import AsyncIterator, Iterable, Iterator
from functools import partial
from typing import IO, cast

import msgspec
from sqlalchemy import Connection

from terrazul.core.clock import Clock, to_text
from terrazul.core.errors import InvalidInput, SnapshotException, TooLarge
from terrazul.core.ids import check_digest, guid_of_digest
from terrazul.core.paths import check_relative_path, check_tree
from terrazul.server.blobs import store as contents
from terrazul.server.blobs.service import Contents, in_thread
from terrazul.server.blobs.store import Content
from terrazul.server.identity.rules import Principal
from terrazul.server.snapshot import store
from terrazul.server.snapshot.store import SnapshotRow
from terrazul.server.sql.database import Database
from terrazul.wire.snapshot import Snapshot, SnapshotDelta, SnapshotFile, SnapshotManifest, manifest_digest

_MODES = {0o644, 0o755}
_CHUNK = 1 << 20


class Snapshots:
    """The snapshots of all workspaces."""

    def __init__(self, database: Database, content: Contents, clock: Clock, *, limit: int) -> None:
        self._database = database
        self._contents = content
        self._clock = clock
        self._limit = limit

    async def create(self, workspace: int, manifest: SnapshotManifest, by: Principal) -> Snapshot:
        """Name a tree whose contents are held; an equal tree is the same snapshot.

        Raises ``SnapshotException`` where contents are missing (for who sees a part of the workspace only: where they
        have not sent them), ``TooLarge`` over the administrator's limit,
        ``InvalidInput`` for a path that leaves the tree.
        """
        _check_files(manifest.files)
        return await self._store(workspace, manifest, manifest.files, by)

    async def create_from_delta(self, workspace: int, delta: SnapshotDelta, by: Principal) -> Snapshot:
        """Name a tree that differs little from one that is held. Raises ``NotFound`` where that is not held."""
        _check_files(delta.changed)
        base = await self.manifest(workspace, delta.base_snapshot_id)
        files = {file.path: file for file in base.files}
        for path in delta.removed:
            files.pop(path, None)
        files.update((file.path, file) for file in delta.changed)
        manifest = SnapshotManifest(sorted(files.values(), key=lambda file: file.path), delta.excluded)
        if guid_of_digest(manifest_digest(manifest.files)) != delta.snapshot_id:
            raise SnapshotException(
                "The difference does not lead to the snapshot that was announced.",
                target=delta.snapshot_id,
                hint="Send the whole manifest.",
            )
        return await self._store(workspace, manifest, delta.changed, by, base=delta.base_snapshot_id)

    async def get(self, workspace: int, snapshot_id: str) -> Snapshot:
        """A snapshot with its manifest. Raises ``NotFound``."""
        row = await self._find(workspace, snapshot_id)
        return _snapshot(row, await self._manifest(workspace, row))

    async def manifest(self, workspace: int, snapshot_id: str) -> SnapshotManifest:
        """The files of a snapshot. Raises ``NotFound``."""
        return await self._manifest(workspace, await self._find(workspace, snapshot_id))

    async def zip(self, workspace: int, snapshot_id: str) -> AsyncIterator[bytes]:
        """The snapshot as a zip archive, made while it is read. Raises ``NotFound``."""
        manifest = await self.manifest(workspace, snapshot_id)
        held = await self._contents.find(workspace, {file.digest for file in manifest.files})
        return in_thread(self._zip(manifest.files, held))

    async def contents_of(self, workspace: int, snapshot_ids: Iterable[str]) -> set[str]:
        """The digests of all files of some snapshots."""
        manifests = [await self.manifest(workspace, each) for each in snapshot_ids]
        return {file.digest for manifest in manifests for file in manifest.files}

    async def _store(
        self, workspace: int, manifest: SnapshotManifest, unsure: Iterable[SnapshotFile], by: Principal, base: str = ""
    ) -> Snapshot:
        check_tree([file.path for file in manifest.files], "snapshot")
        size = sum(file.size for file in manifest.files)
        if self._limit and size > self._limit:
            raise TooLarge(
                f"The snapshot has {size} bytes; the administrator's limit is {self._limit}.",
                target="snapshot",
                hint="Leave large files out with an .amlignore file, or have TERRAZUL_SNAPSHOT_LIMIT raised.",
            )
        unsure = list(unsure)
        sender = None if by.reach is None else by.reach.sender
        await self._database.read(partial(_check_held, workspace=workspace, files=unsure, sender=sender))
        text = msgspec.json.encode(manifest)
        row = SnapshotRow(
            snapshot_id=guid_of_digest(manifest_digest(manifest.files)),
            manifest_digest=await self._contents.put(workspace, text),
            file_count=len(manifest.files),
            size=size,
            created_at=self._clock(),
            created_by=by.name,
        )

        def work(connection: Connection) -> SnapshotRow:
            _check_held(
                connection, workspace, unsure, sender
            )  # again, since contents may have been collected meanwhile
            if base and store.find(connection, workspace, base) is None:
                raise store.no_snapshot(base)
            store.add(connection, workspace, row)
            known = store.find(connection, workspace, row.snapshot_id) or row
            if sender is not None:
                contents.note_sent(connection, workspace, sender, [known.manifest_digest])
            return known

        return _snapshot(await self._database.write(work), None)

    async def _find(self, workspace: int, snapshot_id: str) -> SnapshotRow:
        row = await self._database.read(partial(store.find, workspace=workspace, snapshot_id=snapshot_id))
        if row is None:
            raise store.no_snapshot(snapshot_id)
        return row

    async def _manifest(self, workspace: int, row: SnapshotRow) -> SnapshotManifest:
        content = (await self._contents.find(workspace, [row.manifest_digest]))[row.manifest_digest]
        return msgspec.json.decode(await self._contents.read_whole(content), type=SnapshotManifest)

    def _zip(self, files: list[SnapshotFile], held: dict[str, Content]) -> Iterator[bytes]:
        outlet = _Outlet()
        with zipfile.ZipFile(cast("IO[bytes]", outlet), "w") as archive:
            for file in files:
                info = zipfile.ZipInfo(file.path, (1980, 1, 1, 0, 0, 0))
                info.external_attr = (0o100000 | file.mode) << 16
                info.compress_type = zipfile.ZIP_DEFLATED
                with archive.open(info, "w", force_zip64=file.size >= 1 << 31) as entry:
                    for chunk in self._contents.read_now(held[file.digest]):
                        entry.write(chunk)
                        if outlet.size >= _CHUNK:
                            yield outlet.take()
        yield outlet.take()


class _Outlet:
    """Where an archive is written to, front to back: bytes wait here until they are taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def write(self, data: bytes) -> int:
        """Add bytes."""
        self._parts.append(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back; ``zipfile`` asks."""

    def take(self) -> bytes:
        """What was written since the last time."""
        taken, self._parts, self.size = b"".join(self._parts), [], 0
        return taken


def _check_held(connection: Connection, workspace: int, files: Iterable[SnapshotFile], sender: int | None) -> None:
    wanted = {file.digest: file for file in files}
    held = contents.find(connection, workspace, wanted)
    known = held.keys() if sender is None else contents.sent_by(connection, workspace, sender, held)
    for digest, file in wanted.items():
        if digest not in known or held[digest].size != file.size:
            raise SnapshotException(
                f"The bytes of {file.path!r} have not arrived.", target=file.path, hint="Send the content first."
            )


def _check_files(files: list[SnapshotFile]) -> None:
    for file in files:
        check_relative_path(file.path)
        check_digest(file.digest)
        if file.mode not in _MODES or file.size < 0:
            raise InvalidInput(f"The file {file.path!r} has a mode or size that is not valid.", target=file.path)


def _snapshot(row: SnapshotRow, manifest: SnapshotManifest | None) -> Snapshot:
    return Snapshot(row.snapshot_id, row.file_count, row.size, to_text(row.created_at), manifest)
