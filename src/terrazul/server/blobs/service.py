"""Taking in and giving out contents. Bytes are verified against their digest before they count as held."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import TypeVar

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.errors import InvalidInput, NotFound, QuotaExceeded, Unavailable, UserErrorException
from terrazul.core.ids import check_digest
from terrazul.server.blobs import expected, store
from terrazul.server.blobs.intake import ContentReader, PackReader, check_digests, drain, in_blocks
from terrazul.server.blobs.outlet import Pieces, neighbours
from terrazul.server.blobs.storage import Storage
from terrazul.server.blobs.store import Content
from terrazul.server.blobs.threads import aside
from terrazul.server.sql.database import Database
from terrazul.wire import pack

T = TypeVar("T")
_CHUNK = 1 << 20
_AT_ONCE = 50
_LOOKED_AT_ONCE = 1 << 20
"""What is smaller is looked at only once, when it is added."""
SMALL_BYTES = 16 << 10
"""What came by itself and has no more bytes lies in the database."""
_DIRECT_BYTES = 8 << 20
_TOLD_MICROSECONDS = 30 * 60 * 1_000_000
"""A client that is told again within this time counts on nothing new."""
_END = object()
Named = Callable[[Connection, Content], None]
"""Lets something name a content, part of the transaction that adds it."""
CheckRoom = Callable[[Connection, int, int], None]
"""Raises ``QuotaExceeded`` where a workspace has no room for so many bytes more, part of the caller's transaction."""


class Contents:
    """The contents of all workspaces.

    What is ``bounded`` raises ``QuotaExceeded`` where the quota of the workspace leaves no room for it.
    """

    def __init__(self, database: Database, storage: Storage, clock: Clock, check_room: CheckRoom) -> None:
        self._database = database
        self._storage = storage
        self._clock = clock
        self._check_room = check_room

    async def missing(self, workspace: int, digests: list[str], sender: int | None = None) -> list[str]:
        """Those of the digests that are not held, each once, in the order given. The others stay for an hour.

        With a ``sender`` that user has to have sent the others.
        """
        asked = dict.fromkeys(check_digest(digest) for digest in digests)
        if sender is not None:
            sent = await self._database.read(
                partial(store.sent_by, workspace=workspace, user=sender, digests=list(asked))
            )
            gone = set(await self.missing(workspace, sorted(sent))) if sent else set()
            return [digest for digest in asked if digest not in sent or digest in gone]
        now = self._clock()
        told = await self._database.read(partial(store.held_since, workspace=workspace, digests=asked))
        held = {digest for digest, at in told.items() if at is not None and at > now - _TOLD_MICROSECONDS}
        fresh = told.keys() - held
        if fresh:
            held.update(
                await self._database.write(partial(store.keep, workspace=workspace, digests=sorted(fresh), now=now))
            )
        return [digest for digest in asked if digest not in held]

    async def note_sent(self, workspace: int, sender: int | None, digests: Iterable[str]) -> None:
        """Remember what a user has sent, for one who may name nothing else."""
        if sender is not None:
            await self._database.write(
                partial(store.note_sent, workspace=workspace, user=sender, digests=list(digests))
            )

    async def receive_pack(self, workspace: int, stream: AsyncIterator[bytes], *, bounded: bool = False) -> list[str]:
        """Store every content of a pack; returns their digests. All or nothing.

        Raises ``InvalidInput`` where bytes and digest differ or the stream ends early.
        """
        key = f"{workspace}/packs/{uuid.uuid4().hex}"
        reader = PackReader(key, self._storage.create(key))
        contents = await drain(stream, reader, partial(self._check_fresh, workspace) if bounded else None)

        def work(connection: Connection) -> None:
            self._add(connection, workspace, contents, bounded=bounded)
            if not store.parts_of(connection, workspace, key):  # all were held already
                store.bury(connection, workspace, [key])

        await self._write_or_delete(work, key)
        return [content.digest for content in contents]

    async def receive(
        self,
        workspace: int,
        digest: str,
        stream: AsyncIterator[bytes],
        *,
        bounded: bool = False,
        announced: int | None = None,
    ) -> int:
        """Store one content, of an announced size if it is known; returns its size.

        Raises ``InvalidInput`` where the bytes are others.
        """
        key = f"{workspace}/contents/{check_digest(digest)[:2]}/{digest}"
        if bounded:
            await self._check_fresh(workspace, [Content(digest, 1 if announced is None else announced, key, 0)])
        if self._storage.is_remote:
            key = f"{key}-{uuid.uuid4().hex}"  # no key is used twice where removing an object takes long

        async def before(contents: list[Content]) -> None:
            if bounded:
                await self._check_fresh(workspace, contents)
            if not self._storage.is_remote:
                await self._revive(key)

        contents = await drain(stream, ContentReader(key, self._storage.create(key), digest), before)
        if self._storage.is_remote:
            return (await self._enter(workspace, contents[0], bounded=bounded)).size
        try:
            await self._database.write(
                partial(self._add_object, workspace=workspace, content=contents[0], bounded=bounded)
            )
        except QuotaExceeded:
            await self._database.write(partial(self._bury, workspace=workspace, key=key))
            raise
        return contents[0].size

    async def receive_small(
        self, workspace: int, data: bytes, *, bounded: bool = False, name: Named | None = None
    ) -> Content:
        """As ``receive_unnamed``, of bytes that are here and at most ``SMALL_BYTES``: one write to the database."""
        digest = hashlib.sha256(data).hexdigest()

        def work(connection: Connection) -> Content:
            held = store.find(connection, workspace, [digest]).get(digest)
            if held is None:
                if bounded:
                    self._check_room(connection, workspace, len(data))
                held = store.add_small(connection, workspace, digest, data, self._clock())
            else:
                store.add(connection, workspace, [held], self._clock(), 0)  # it is kept for who sent it again
            if name:
                name(connection, held)
            return held

        return await self._database.write(work)

    async def receive_unnamed(
        self, workspace: int, stream: AsyncIterator[bytes], *, bounded: bool = False, name: Named | None = None
    ) -> Content:
        """Store bytes whose digest nobody has told; returns where they lie, which is where they lay already if so.

        Raises what ``name`` raises; the bytes are gone then.
        """
        blocks = in_blocks(stream)
        first = await anext(blocks, b"")
        if len(first) <= SMALL_BYTES:  # and so the only one
            return await self.receive_small(workspace, first, bounded=bounded, name=name)
        return await self._receive_unnamed(workspace, _behind(first, blocks), bounded=bounded, name=name)

    async def _receive_unnamed(
        self, workspace: int, blocks: AsyncIterator[bytes], *, bounded: bool, name: Named | None
    ) -> Content:
        own = uuid.uuid4().hex
        key = f"{workspace}/contents/{own[:2]}/{own}"

        async def before(contents: list[Content]) -> None:
            if bounded and contents[0].size >= _LOOKED_AT_ONCE:
                await self._check_fresh(workspace, contents)

        (content,) = await drain(blocks, ContentReader(key, self._storage.create(key)), before)
        return await self._enter(workspace, content, bounded=bounded, name=name)

    async def _enter(self, workspace: int, content: Content, *, bounded: bool, name: Named | None = None) -> Content:
        """Enter an object of which nobody else knows the key; it goes where its bytes were held already."""

        def work(connection: Connection) -> Content:
            self._add(connection, workspace, [content], bounded=bounded)
            held = store.find(connection, workspace, [content.digest])[content.digest]
            if name:
                name(connection, held)
            return held

        held = await self._write_or_delete(work, content.key)
        if held.key != content.key:
            await self.remove_object(workspace, content.key)
        return held

    async def take_in(
        self, workspace: int, put: Content, *, digest: str = "", bounded: bool = False, name: Named | None = None
    ) -> Content:
        """Store an object that a client has put; returns where it lies, which is where it lay already if so.

        It is copied within the storage to where only the server writes, and read there. Raises ``InvalidInput`` where
        its bytes are not those of the digest, if there is one, and what ``name`` raises.
        """
        if bounded:
            await self._check_fresh(workspace, [put])
        own = uuid.uuid4().hex
        key = f"{workspace}/contents/{own[:2]}/{own}"
        await aside(self._storage.copy, put.key, key)
        copied = await aside(self._read_through, key)
        if digest:
            try:
                check_digests(digest, copied.digest)
            except InvalidInput:
                await self.remove_object(workspace, key)
                raise
        return await self._enter(workspace, copied, bounded=bounded, name=name)

    def _read_through(self, key: str) -> Content:
        size, found = self._storage.size_of(key) or 0, hashlib.sha256()
        for chunk in self._storage.read(key, 0, size):
            found.update(chunk)
        return Content(found.hexdigest(), size, key, 0)

    async def check_room(self, workspace: int, sizes: Mapping[str, int]) -> None:
        """Raise ``QuotaExceeded`` early for contents that would have no room, by their digests."""
        await self._check_fresh(workspace, [Content(digest, size, "", 0) for digest, size in sizes.items()])

    async def _check_fresh(self, workspace: int, contents: list[Content]) -> None:
        """Refuse early what has no room, before it takes any on the disk; what counts is the check when it is added."""

        def work(connection: Connection) -> None:
            self._check_room(connection, workspace, store.size_of_fresh(connection, workspace, contents))

        await self._database.read(work)

    def _add(self, connection: Connection, workspace: int, contents: list[Content], *, bounded: bool) -> None:
        fresh = store.size_of_fresh(connection, workspace, contents)
        if bounded:
            self._check_room(connection, workspace, fresh)
        store.add(connection, workspace, contents, self._clock(), fresh)

    def _add_object(self, connection: Connection, workspace: int, content: Content, *, bounded: bool) -> None:
        """As ``_add``, of an object whose key another request, whose bytes were refused, may have given up."""
        self._add(connection, workspace, [content], bounded=bounded)
        if store.find(connection, workspace, [content.digest])[content.digest].key != content.key:
            return
        store.forget_dead(connection, [content.key])
        try:
            next(self._storage.read(content.key, 0, 0), None)
        except NotFound:
            raise Unavailable("The content was given up meanwhile.", hint="Send it again.") from None

    def _bury(self, connection: Connection, workspace: int, key: str) -> None:
        if not store.parts_of(connection, workspace, key):
            store.bury(connection, workspace, [key])

    async def _write_or_delete(self, work: Callable[[Connection], T], key: str) -> T:
        """Write; an object that is refused after all goes."""
        try:
            return await self._database.write(work)
        except UserErrorException:
            await self.remove_object(int(key.partition("/")[0]), key)
            raise

    async def remove_object(self, workspace: int, key: str) -> None:
        """Remove an object at which nothing points, now or later."""
        try:
            await aside(self._storage.delete, key)
        except Unavailable:
            await self._database.write(partial(store.bury, workspace=workspace, keys=[key]))

    async def put(self, workspace: int, data: bytes) -> str:
        """Store bytes that the server itself made; returns their digest."""
        digest = hashlib.sha256(data).hexdigest()

        async def once() -> AsyncIterator[bytes]:
            yield data

        if await self.missing(workspace, [digest]):
            await self.receive_unnamed(workspace, once())
        return digest

    async def find(self, workspace: int, digests: Iterable[str]) -> dict[str, Content]:
        """Where contents lie. Raises ``NotFound`` where one is not held."""
        asked = list(digests)
        held = await self._database.read(partial(store.find, workspace=workspace, digests=asked))
        for digest in asked:
            if digest not in held:
                raise store.not_held(digest)
        return held

    def read(self, content: Content, start: int = 0, size: int | None = None) -> AsyncIterator[bytes]:
        """The bytes of a content, or a part of them, in chunks."""
        return in_thread(self._part(content, start, content.size - start if size is None else size))

    async def address_of(self, content: Content) -> str:
        """Where a client may fetch a large content by itself for some minutes; empty for nowhere."""
        if content.size < _DIRECT_BYTES or not content.is_alone or not self._storage.is_remote:
            return ""
        return await aside(self._storage.address_of, content.key)

    def read_now(self, content: Content) -> Iterator[bytes]:
        """As ``read``, for a caller that is in a thread of its own."""
        return self._part(content, 0, content.size)

    def _part(self, content: Content, start: int, size: int) -> Iterator[bytes]:
        """A part of a content, also of one that was moved after it had been found; an open object stays readable."""
        chunks = self._bytes_at(content, start, size)
        try:
            first = next(chunks, b"")
        except NotFound:
            chunks = self._bytes_at(self._find_moved(content), start, size)
            first = next(chunks, b"")
        if first:
            yield first
        yield from chunks

    def _bytes_at(self, place: Content, start: int, size: int) -> Iterator[bytes]:
        if not place.is_small:
            yield from self._storage.read(place.key, place.offset + start, size)
            return
        data = self._database.read_now(partial(store.small, place=place))
        if data is None:
            raise store.not_held(place.digest)
        yield data[start : start + size]

    def _find_moved(self, content: Content) -> Content:
        workspace = int(content.key.partition("/")[0])
        with self._database.engine.connect() as connection:
            found = store.find(connection, workspace, [content.digest])
        moved = found.get(content.digest, content)
        if (moved.key, moved.offset) == (content.key, content.offset):
            raise NotFound(f"The content {content.digest[:12]}… is not held any more.", target=content.digest)
        return moved

    async def read_whole(self, content: Content) -> bytes:
        """All bytes of a small content."""
        return b"".join([chunk async for chunk in self.read(content)])

    async def is_intact(self, content: Content) -> bool:
        """Whether the bytes that are held are still those of the digest; all of them are read."""
        return await aside(self._is_intact, content)

    def _is_intact(self, content: Content) -> bool:
        digest = hashlib.sha256()
        try:
            for chunk in self.read_now(content):
                digest.update(chunk)
        except (NotFound, OSError):
            return False
        return digest.hexdigest() == content.digest

    async def read_pack(self, workspace: int, digests: list[str]) -> AsyncIterator[bytes]:
        """A pack of the contents as they lie behind each other, small ones gathered into larger chunks."""
        held = await self.find(workspace, dict.fromkeys(check_digest(digest) for digest in digests))
        return in_thread(_coalesce(self._pack_parts(sorted(held.values(), key=attrgetter("key", "offset")))))

    async def remove_dead(self) -> None:
        """Remove the bytes of objects at which nothing points.

        In a folder within a transaction, so that an object whose key is about to be used again is not removed after
        that.
        """
        if self._storage.is_remote:
            while keys := await self._database.read(partial(store.dead, limit=_AT_ONCE)):
                await aside(self._delete_each, keys)
                await self._database.write(partial(store.forget_dead, keys=keys))
            return

        def work(connection: Connection) -> None:
            keys = store.dead(connection, _AT_ONCE)
            self._delete_each(keys)
            store.forget_dead(connection, keys)

        while await self._database.read(partial(store.dead, limit=1)):
            await self._database.write(work)

    def _delete_each(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._storage.delete(key)

    async def repack(self, workspace: int, old: str) -> int:
        """Write what is left in an object into a new one; returns the size of that. The old one is dead then."""
        parts = await self._database.read(partial(store.parts_of, workspace=workspace, key=old))
        if not parts:
            return 0
        key = f"{workspace}/packs/{uuid.uuid4().hex}"
        # dead until contents lie in it, so that a server that is killed leaves nothing behind
        await self._database.write(partial(store.bury, workspace=workspace, keys=[key]))
        moved = await aside(self._copy, parts, key)
        await self._database.write(partial(store.move, workspace=workspace, parts=moved, old=old))
        return sum(part.size for part in moved)

    def _copy(self, parts: list[Content], key: str) -> list[Content]:
        sink = self._storage.create(key)
        moved: list[Content] = []
        offset = 0
        try:
            for part in parts:
                for chunk in self._storage.read(part.key, part.offset, part.size):
                    sink.write(chunk)
                moved.append(part._replace(key=key, offset=offset))
                offset += part.size
            sink.commit()
        except BaseException:
            sink.abort()
            raise
        return moved

    async def _revive(self, key: str) -> None:
        await self._database.write(partial(store.forget_dead, keys=[key]))

    def bury_all(self, connection: Connection, workspace: int, others: Iterable[str]) -> None:
        """Note that all objects of a workspace are to be removed, ``others`` that no content lies in among them.

        Part of the transaction that removes its rows, and before that.
        """
        store.bury(connection, workspace, others)
        store.bury_all(connection, workspace)
        expected.leave_behind(connection, workspace)

    async def delete_all(self, workspace: int) -> None:
        """Remove the bytes of a workspace whose rows are gone, or leave it to ``remove_dead`` where it takes long."""
        if not self._storage.is_remote:
            await aside(self._storage.delete_tree, str(workspace))

    def _pack_parts(self, contents: Iterable[Content]) -> Iterator[bytes]:
        for group in neighbours(contents):
            pieces = self._open_together(group) if len(group) > 1 else None
            for each in group:
                yield pack.encode_header(each.digest, each.size)
                yield from self.read_now(each) if pieces is None else pieces.take(each.offset, each.size)

    def _open_together(self, group: Sequence[Content]) -> Pieces | None:
        """The bytes of contents that lie behind each other in an object; None where they were moved meanwhile."""
        first, last = group[0], group[-1]
        chunks = self._storage.read(first.key, first.offset, last.offset + last.size - first.offset)
        try:
            return Pieces(first.offset, next(chunks, b""), chunks)
        except NotFound:
            return None


async def in_thread(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """A blocking iterator as an asynchronous one."""
    step: Callable[[], object] = partial(next, chunks, _END)
    while isinstance(chunk := await aside(step), bytes):
        yield chunk


async def _behind(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for block in rest:
        yield block


def _coalesce(chunks: Iterator[bytes]) -> Iterator[bytes]:
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        if len(buffer) >= _CHUNK:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)
