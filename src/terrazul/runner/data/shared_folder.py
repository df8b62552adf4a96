"""A path of a datastore that a run has mounted, and writes to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from terrazul.core.dataclass import dataclass

State = tuple[int, int, int]
"""What tells a file from another one at the same path: inode, size and time, of a link its own."""


@dataclass(frozen=True)
class SharedFolder:
    """A folder that stands for a path of a datastore, with the files that were in it when the script began."""

    name: str
    datastore: str
    path: str
    root: Path
    states: dict[str, State]

    def changed(self) -> list[str]:
        """The files that the script has added or replaced, by their paths below the root."""
        return [path for path, state in _states(self.root) if self.states.get(path) != state]


def states_below(root: Path) -> dict[str, State]:
    """All files below a folder."""
    return dict(_states(root))


def _states(root: Path) -> Iterator[tuple[str, State]]:
    for parent, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            file = Path(parent, name)
            status = file.lstat()
            yield file.relative_to(root).as_posix(), (status.st_ino, status.st_size, status.st_mtime_ns)
