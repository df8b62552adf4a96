"""What the last snapshot of a folder held, so that the next one hashes and tells only what changed."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import field
from pathlib import Path
from typing import Dict, Iterable, NamedTuple

from terrazul.core.dataclass import dataclass
from terrazul.core.home import Home
from terrazul.sdk.content import SourceFile

_SECOND = 1_000_000_000
_FINE_TICK = _SECOND // 20
_COARSE_TICK = 2 * _SECOND
_UNSURE = -1


class Entry(NamedTuple):
    """A file of the last snapshot, and by what it is known again."""

    digest: str
    mode: int
    size: int
    mtime_ns: int
    """-1 where the file was so young that a later change might not show in its time."""
    inode: int


@dataclass
class SnapshotMemory:
    """The files of a folder's last snapshot, by path, and which snapshot of which workspace that was."""

    place: str = ""
    snapshot_id: str = ""
    entries: Dict[str, Entry] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: str) -> SnapshotMemory:
        """The memory of a folder; an empty one where there is none that can be read."""
        try:
            told = json.loads(_file_of(folder).read_bytes())
            entries = {path: Entry(*row) for path, row in told["entries"].items()}
            return cls(told["place"], told["snapshot_id"], entries)
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def write(self, folder: str) -> None:
        """Keep the memory for the next snapshot; without a place to write, that one is only slower."""
        file = _file_of(folder)
        told = {"place": self.place, "snapshot_id": self.snapshot_id, "entries": self.entries}
        partial = file.with_suffix(f".{os.getpid()}.part")
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            partial.write_text(json.dumps(told), encoding="utf-8")
            partial.replace(file)
        except OSError:
            return

    def knows(self, file: SourceFile) -> bool:
        """True when a file is as it was at the last snapshot."""
        entry = self.entries.get(file.path)
        return entry is not None and (entry.size, entry.mtime_ns, entry.inode) == (file.size, file.mtime_ns, file.inode)

    def differs(self, path: str, digest: str, mode: int) -> bool:
        """True when the last snapshot did not hold this content under this path."""
        entry = self.entries.get(path)
        return entry is None or (entry.digest, entry.mode) != (digest, mode)

    def remember(self, files: Iterable[SourceFile], digests: Dict[str, str], started_ns: int) -> None:
        """Hold these files, which were read from a moment on, instead of the former ones."""
        self.entries = {
            file.path: Entry(digests[file.path], file.mode, file.size, _sure(file.mtime_ns, started_ns), file.inode)
            for file in files
        }


def _sure(mtime_ns: int, started_ns: int) -> int:
    """The time of a file, if a change after the reading began is bound to give it another one."""
    tick = _FINE_TICK if mtime_ns % _SECOND else _COARSE_TICK
    return mtime_ns if mtime_ns < started_ns - tick else _UNSURE


def _file_of(folder: str) -> Path:
    name = hashlib.sha256(folder.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return Home().cache_folder / "snapshots" / f"{name}.json"
