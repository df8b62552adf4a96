"""Patterns of paths within a datastore: ``*`` and ``?`` within a part, ``**`` over parts, a folder for all below it.

``data/2024`` is the file of that name, or all files below the folder of that name; so is ``data/2024/``. ``data/*.csv``
are files of that one folder, ``data/**/*.csv`` also those of folders below it.
"""

from __future__ import annotations

from typing import Callable, List, Sequence

from terrazul.core.paths import check_relative_path

_ANY_FOLDERS = "**"


class PathPattern:
    """A pattern that was read. Raises ``InvalidInput`` for one that leads out of the datastore.

    Whatever it holds, a path is tried in a time that grows with the length of both, and no faster.
    """

    def __init__(self, text: str) -> None:
        self.text = normal(text)
        """As it counts: without slashes at its ends."""
        self._parts = self.text.split("/") if self.text else []
        wild = next((number for number, part in enumerate(self._parts) if _is_wild(part)), None)
        self.is_wild = wild is not None
        """False for a plain path, which may be that of a file or of a folder."""
        self.folder = "/".join(self._parts[:wild])
        """Only below this folder (empty for the top), or as this very file, can a path match."""

    def matches(self, path: str) -> bool:
        """Whether a file of that path is meant."""
        if not self.is_wild:
            return not self.text or path == self.text or path.startswith(self.text + "/")
        return _fits(self._parts, path.split("/"), _ANY_FOLDERS, _fits_part)


def normal(text: str) -> str:
    """A path or pattern without slashes at its ends; empty for the top. Raises ``InvalidInput`` for a way out."""
    if text in {"", ".", "/", "./"}:
        return ""
    bare = text[2:] if text.startswith("./") else text
    bare = bare[1:] if bare.startswith("/") and not bare.startswith("//") else bare
    return check_relative_path(bare[:-1] if bare.endswith("/") and len(bare) > 1 else bare)


def _is_wild(part: str) -> bool:
    return "*" in part or "?" in part


def _fits_part(pattern: str, part: str) -> bool:
    if not _is_wild(pattern):
        return pattern == part
    return _fits(list(pattern), list(part), "*", lambda one, letter: one in ("?", letter))


def _fits(pattern: Sequence[str], items: List[str], star: str, fits_one: Callable[[str, str], bool]) -> bool:
    """Whether items fit a pattern in which ``star`` stands for any number of them; only the last star is tried anew."""
    at, after_star, resumed = 0, -1, 0
    place = 0
    while place < len(items):
        if at < len(pattern) and pattern[at] == star:
            after_star, resumed = at + 1, place
            at += 1
        elif at < len(pattern) and fits_one(pattern[at], items[place]):
            at, place = at + 1, place + 1
        elif after_star >= 0:
            resumed += 1
            at, place = after_star, resumed
        else:
            return False
    return all(each == star for each in pattern[at:])
