"""Giving out contents that lie behind each other with one look at their object, which may be far away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from terrazul.server.blobs.store import Content

_GAP = 4096
"""So many bytes between two contents are read too, and thrown away."""


def neighbours(contents: Iterable[Content]) -> Iterator[list[Content]]:
    """The contents in their order, those together that lie behind each other in one object."""
    group: list[Content] = []
    for each in contents:
        if group and not _follows(group[-1], each):
            yield group
            group = []
        group.append(each)
    if group:
        yield group


def _follows(one: Content, other: Content) -> bool:
    gap = other.offset - one.offset - one.size
    return one.key == other.key and not one.is_small and 0 <= gap <= _GAP


class Pieces:
    """A stretch of an object, from a position of it on: parts are taken from the front to the back."""

    def __init__(self, position: int, first: bytes, rest: Iterator[bytes]) -> None:
        self._position = position
        self._chunk = memoryview(first)
        self._rest = rest

    def take(self, position: int, size: int) -> Iterator[bytes]:
        """The bytes from a position on, in chunks; what lies before it is let go."""
        for _ in self._forward(position - self._position):
            pass
        yield from self._forward(size)

    def _forward(self, size: int) -> Iterator[bytes]:
        while size > 0:
            if not self._chunk:
                self._chunk = memoryview(next(self._rest))
            piece, self._chunk = self._chunk[:size], self._chunk[size:]
            self._position += len(piece)
            size -= len(piece)
            yield bytes(piece)
