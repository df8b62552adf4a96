"""Contents on their way to the server: files named by the SHA-256 of their bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO, Callable, Iterable, Iterator

from terrazul.core.dataclass import dataclass
from terrazul.node.connection import Body, Connection
from terrazul.wire import codec, pack
from terrazul.wire.snapshot import ContentParts, Digests, PartAddresses, PartSize, PartSizes

CHUNK = 1 << 20
_PACKED_SIZE = 1 << 20
_PACK_LIMIT = 1 << 25
_DIRECT_SIZE = 64 << 20
"""From this size on it is worth asking whether the server's storage takes the bytes from here."""


@dataclass(frozen=True)
class Content:
    """Bytes that lie in a file of this machine. ``spooled``: the file is ours, and goes when the server has it."""

    digest: str
    size: int
    file: str
    spooled: bool = False


class TooLate(Exception):
    """There is no time left for bytes."""


def chunks_of(stream: BinaryIO, limit: int | None = None) -> Iterator[bytes]:
    """The bytes of a stream, at most ``limit`` of them, in pieces that fit in memory."""
    rest = limit
    while chunk := stream.read(CHUNK if rest is None else min(CHUNK, rest)):
        yield chunk
        if rest is not None:
            rest -= len(chunk)


def digest_of(file: Path, expired: Callable[[], bool]) -> tuple[str, int]:
    """SHA-256 and size of a file, read once. Raises ``OSError``, or ``TooLate`` when the time has expired."""
    digest, size = hashlib.sha256(), 0
    with file.open("rb") as stream:
        for chunk in chunks_of(stream):
            if expired():
                raise TooLate
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def send(
    connection: Connection, workspace: str, contents: list[Content], expired: Callable[[], bool] = lambda: False
) -> list[Content]:
    """Send those contents that the server lacks; returns those it still lacks, since their files are gone or changed.

    Raises ``TooLate`` when the time has expired, else as ``Connection.call`` does.
    """
    by_digest = {content.digest: content for content in contents}
    answer = connection.ask(Digests, "POST", f"{workspace}/contents/missing", Digests(sorted(by_digest)))
    missing = [by_digest[digest] for digest in answer.digests if digest in by_digest]
    usable = [content for content in missing if _size_of(content.file) == content.size]
    for content in usable:
        if content.size >= _DIRECT_SIZE and _is_put(connection, workspace, content, expired):
            whole = ContentParts(content.digest, [content.digest])
            connection.ask(Digests, "POST", f"{workspace}/contents/join", whole)
        elif content.size > _PACKED_SIZE:
            connection.call("PUT", f"{workspace}/contents/{content.digest}", body=_file_body(content, expired))
    for group in _packs(content for content in usable if content.size <= _PACKED_SIZE):
        connection.call("POST", f"{workspace}/contents", body=_pack_body(group, expired))
    return [content for content in missing if content not in usable]


def _is_put(connection: Connection, workspace: str, content: Content, expired: Callable[[], bool]) -> bool:
    """Put a content into the server's storage by ourselves, if it takes it."""
    asked = PartSizes([PartSize(content.digest, content.size)])
    addresses = connection.ask(PartAddresses, "POST", f"{workspace}/contents/addresses", asked).parts
    if not addresses:
        return False
    from terrazul.data.putting import put_all  # noqa: PLC0415  # few servers have such a storage

    return bool(put_all(addresses, {content.digest: content.size}, lambda _: _file_chunks(content, expired)))


def encode(contents: list[Content]) -> bytes:
    """Contents as a journal entry."""
    return codec.encode(contents)


def decode(payload: bytes) -> list[Content]:
    """A journal entry as contents."""
    return codec.decode(list[Content], payload)


def _size_of(file: str) -> int:
    try:
        return Path(file).stat().st_size
    except OSError:
        return -1


def _packs(contents: Iterable[Content]) -> Iterator[list[Content]]:
    group: list[Content] = []
    size = 0
    for content in contents:
        if group and size + content.size > _PACK_LIMIT:
            yield group
            group, size = [], 0
        group.append(content)
        size += content.size
    if group:
        yield group


def _file_body(content: Content, expired: Callable[[], bool]) -> Body:
    return Body(content.size, lambda: _file_chunks(content, expired))


def _file_chunks(content: Content, expired: Callable[[], bool]) -> Iterator[bytes]:
    with Path(content.file).open("rb") as stream:
        for chunk in chunks_of(stream, content.size):
            if expired():
                raise TooLate
            yield chunk


def _pack_body(contents: list[Content], expired: Callable[[], bool]) -> Body:
    size = sum(pack.HEADER_SIZE + content.size for content in contents)
    return Body(size, lambda: _pack_chunks(contents, expired))


def _pack_chunks(contents: list[Content], expired: Callable[[], bool]) -> Iterator[bytes]:
    for content in contents:
        yield pack.encode_header(content.digest, content.size)
        yield from _file_chunks(content, expired)
