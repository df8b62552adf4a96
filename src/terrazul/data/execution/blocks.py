"""Long text files in pieces of whole rows, so that a table need not be in memory at once."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

_SIZE = 8 << 20
_BREAK, _QUOTE = b"\n", b'"'


def blocks_of(file: Path, size: int = _SIZE) -> Iterator[bytes]:
    """The bytes of a file in pieces of about a size, each ending with a row: line breaks within quotes end none."""
    left = bytearray()
    looked_at = 0
    with file.open("rb") as text:
        while True:
            read = text.read(size)
            if not read:
                break
            left += read
            end = _end_of_rows(left, looked_at)
            if end:
                yield bytes(left[:end])
                del left[:end]
            looked_at = 0 if end else len(left)
    if left:
        yield bytes(left)


def _end_of_rows(text: bytearray, start: int) -> int:
    """Where the last whole row ends that does so after a place; 0 for none. The text begins with a row."""
    end = len(text)
    quotes = text.count(_QUOTE)
    while True:
        place = text.rfind(_BREAK, start, end)
        if place < 0:
            return 0
        quotes -= text.count(_QUOTE, place, end)
        if quotes % 2 == 0:
            return place + 1
        end = place
