"""Many contents in one stream: for each 32 bytes of SHA-256, 8 bytes of length (big-endian), then the bytes.

One request of this form replaces thousands; the server stores what it receives with one flush to the disk.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Iterator, NamedTuple

_HEADER = struct.Struct(">32sQ")
HEADER_SIZE = _HEADER.size


class Header(NamedTuple):
    """What stands before each content."""

    digest: str
    size: int


def encode_header(digest: str, size: int) -> bytes:
    """The bytes before a content of this digest (hex) and size."""
    return _HEADER.pack(bytes.fromhex(digest), size)


def decode_header(data: bytes) -> Header:
    """Read what ``encode_header`` wrote. Raises ``struct.error`` for a wrong length."""
    digest, size = _HEADER.unpack(data)
    return Header(digest.hex(), size)


def read(stream: BinaryIO, chunk_size: int = 1 << 20) -> Iterator[object]:
    """Walk through a stream: a ``Header``, then the ``bytes`` of its content in chunks, then the next ``Header``.

    Raises ``EOFError`` where the stream ends within a content.
    """
    while True:
        head = _read_exactly(stream, HEADER_SIZE)
        if not head:
            return
        if len(head) < HEADER_SIZE:
            raise EOFError
        header = decode_header(head)
        yield header
        rest = header.size
        while rest:
            chunk = stream.read(min(chunk_size, rest))
            if not chunk:
                raise EOFError
            rest -= len(chunk)
            yield chunk


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    while data and len(data) < size:
        more = stream.read(size - len(data))
        if not more:
            break
        data += more
    return data
