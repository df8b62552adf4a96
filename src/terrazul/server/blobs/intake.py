"""Taking in a stream of bytes: contents as they come, or packs of them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from terrazul.core.errors import InvalidInput
from terrazul.server.blobs.storage import Sink
from terrazul.server.blobs.store import Content
from terrazul.server.blobs.threads import aside
from terrazul.wire import pack

_CHUNK = 1 << 20
_AT_ONCE = 64 << 10


class Reader(Protocol):
    """Takes chunks into a sink and says at the end what they were."""

    sink: Sink

    def feed(self, data: bytes) -> None:
        """Take in bytes."""

    def finish(self) -> list[Content]:
        """The contents that came. Raises ``InvalidInput`` where they are not what was announced."""


class ContentReader:
    """One content, of the digest that was announced, if one was."""

    def __init__(self, key: str, sink: Sink, announced: str | None = None) -> None:
        self._key = key
        self.sink = sink
        self._announced = announced
        self._hash = hashlib.sha256()
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Take in bytes."""
        self._hash.update(data)
        self._size += len(data)
        self.sink.write(data)

    def finish(self) -> list[Content]:
        """The content. Raises ``InvalidInput`` where it is another one than was announced."""
        digest = self._hash.hexdigest()
        check_digests(self._announced or digest, digest)
        return [Content(digest, self._size, self._key, 0)]


class PackReader:
    """The pack is kept as it came; contents are parts of it."""

    def __init__(self, key: str, sink: Sink) -> None:
        self._key = key
        self.sink = sink
        self._contents: list[Content] = []
        self._position = 0
        self._head = b""
        self._header: pack.Header | None = None
        self._rest = 0
        self._hash = hashlib.sha256()

    def feed(self, data: bytes) -> None:
        """Take in bytes."""
        self.sink.write(data)
        view = memoryview(data)
        while view:
            taken = self._feed_content(view) if self._header else self._feed_header(view)
            self._position += taken
            view = view[taken:]

    def finish(self) -> list[Content]:
        """The contents. Raises ``InvalidInput`` where the pack is not whole."""
        if self._header or self._head:
            raise InvalidInput("The pack ends within a content.", hint="Send the pack again, whole.")
        return self._contents

    def _feed_header(self, view: memoryview) -> int:
        taken = min(pack.HEADER_SIZE - len(self._head), len(view))
        self._head += bytes(view[:taken])
        if len(self._head) == pack.HEADER_SIZE:
            self._header = pack.decode_header(self._head)
            self._head = b""
            self._rest = self._header.size
            self._hash = hashlib.sha256()
            self._end_if_complete(taken)
        return taken

    def _feed_content(self, view: memoryview) -> int:
        taken = min(self._rest, len(view))
        self._hash.update(view[:taken])
        self._rest -= taken
        self._end_if_complete(taken)
        return taken

    def _end_if_complete(self, taken: int) -> None:
        if self._header and not self._rest:
            check_digests(self._header.digest, self._hash.hexdigest())
            offset = self._position + taken - self._header.size
            self._contents.append(Content(self._header.digest, self._header.size, self._key, offset))
            self._header = None


def check_digests(expected: str, actual: str) -> None:
    """Raise ``InvalidInput`` where bytes are not those that were announced."""
    if expected != actual:
        raise InvalidInput(
            f"The bytes have the digest {actual}, not {expected}, which was announced.",
            target=expected,
            hint="The file changed while it was sent; send it again.",
        )


async def drain(
    stream: AsyncIterator[bytes], reader: Reader, before: Callable[[list[Content]], Awaitable[None]] | None = None
) -> list[Content]:
    """Feed a whole stream to a reader; ``before`` is done before it counts.

    While a thread takes in one block of about a megabyte, the next one is gathered.
    """
    feeding: asyncio.Future[None] | None = None
    try:
        async for block in in_blocks(stream):
            if feeding:
                await feeding
            if feeding is None and len(block) < _AT_ONCE:
                reader.feed(block)  # which takes less than the way to a thread
            else:
                feeding = asyncio.ensure_future(aside(reader.feed, block))
        if feeding:
            await feeding
        contents = reader.finish()
        if before:
            await before(contents)
        await aside(reader.sink.commit)
    except BaseException:
        if feeding and not feeding.done():
            await asyncio.wait([feeding])
        reader.sink.abort()
        raise
    return contents


async def in_blocks(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A stream in pieces of about a megabyte; only the last one is smaller."""
    buffer: list[bytes] = []
    size = 0
    async for chunk in stream:
        buffer.append(chunk)
        size += len(chunk)
        if size >= _CHUNK:
            yield b"".join(buffer)
            buffer, size = [], 0
    if size:
        yield b"".join(buffer)
