"""The beginning of a file, cut such that it can be read like a whole one."""

from __future__ import annotations

import zlib

from terrazul.data.plan.source import ENCODINGS

_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31


def whole_lines(data: bytes, encoding: str, most: int) -> bytes:
    """The whole lines among the first bytes of a text file; of a compressed one unpacked, and at most so many bytes."""
    if data.startswith(_GZIP):
        data = zlib.decompressobj(_GZIP_WINDOW).decompress(data, most)
    line_break = "\n".encode(ENCODINGS[encoding].replace("-sig", ""))[-_width(encoding) :]
    return data[: data.rfind(line_break) + len(line_break)]


def _width(encoding: str) -> int:
    return {"utf16": 2, "utf32": 4}.get(encoding, 1)
