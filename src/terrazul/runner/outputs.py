"""What the script left behind: the files of ``outputs/``, and logs that were rewritten instead of appended to."""

from __future__ import annotations

import os
from dataclasses import field
from pathlib import Path
from typing import Callable, Iterable, Iterator

from terrazul.core import clock
from terrazul.core.dataclass import dataclass
from terrazul.core.errors import InvalidInput
from terrazul.core.paths import check_relative_path
from terrazul.runner import contents
from terrazul.runner.contents import Content
from terrazul.runner.forwarder import Forwarder
from terrazul.runner.journal import EntryKind, Journal
from terrazul.runner.writer import Writer
from terrazul.wire.write import NewArtifact

OUTPUTS = "outputs"
_GROUP_COUNT = 500
_GROUP_SIZE = 1 << 26
_GLANCE = 0.5


@dataclass(frozen=True)
class OutputFile:
    """A file to be kept, under its name as an artifact."""

    name: str
    file: Path
    overwrite: bool = False


@dataclass
class Collection:
    """What was kept and what was not."""

    count: int = 0
    size: int = 0
    left_out: list[str] = field(default_factory=list)
    """A sentence for each file that was left out."""
    unsent: int = 0
    """Files for which there was no time."""

    def __str__(self) -> str:
        """The numbers, for a log line."""
        return f"{self.count} files, {self.size} bytes"


class Collector:
    """Puts files into the journal, group by group, no faster than a server that is there takes them."""

    def __init__(
        self, run_id: str, journal: Journal, writer: Writer, forwarder: Forwarder, expired: Callable[[], bool]
    ) -> None:
        self._run_id = run_id
        self._journal = journal
        self._writer = writer
        self._forwarder = forwarder
        self._expired = expired
        self.collection = Collection()

    def collect(self, files: Iterable[OutputFile]) -> None:
        """Keep the files; what cannot be kept is told in ``collection``."""
        group: list[tuple[OutputFile, Content]] = []
        size = 0
        for file in files:
            content = self._content_of(file)
            if content is not None:
                group.append((file, content))
                size += content.size
            if len(group) >= _GROUP_COUNT or size >= _GROUP_SIZE:
                self._journal_group(group)
                group, size = [], 0
        self._journal_group(group)

    def find(self, work: Path) -> Iterator[OutputFile]:
        """The files of ``outputs/`` of a working directory; links that lead out of it are left out."""
        root = os.path.realpath(work)
        for parent, folders, names in os.walk(work / OUTPUTS):
            for name in sorted(names) + [each for each in folders if Path(parent, each).is_symlink()]:
                file = Path(parent, name)
                relative = file.relative_to(work).as_posix()
                problem = problem_of(relative, file, root)
                if problem:
                    self.collection.left_out.append(f"{ascii(relative)[1:-1]} is not uploaded: {problem}")
                else:
                    yield OutputFile(relative, file)

    def _content_of(self, file: OutputFile) -> Content | None:
        try:
            digest, size = contents.digest_of(file.file, self._expired)
        except contents.TooLate:
            self.collection.unsent += 1
            return None
        except OSError as problem:
            self.collection.left_out.append(f"{file.name} is not uploaded: {problem.strerror}")
            return None
        return Content(digest, size, str(file.file))

    def _journal_group(self, group: list[tuple[OutputFile, Content]]) -> None:
        if not group:
            return
        now = clock.now()
        self._journal.append(EntryKind.CONTENTS, contents.encode([content for _, content in group]))
        self._writer.artifacts(
            [
                NewArtifact(self._run_id, file.name, content.digest, content.size, now, file.overwrite)
                for file, content in group
            ]
        )
        self.collection.count += len(group)
        self.collection.size += sum(content.size for _, content in group)
        while not self._expired() and not self._forwarder.settle(_GLANCE):
            continue


def problem_of(relative: str, file: Path, root: str) -> str:
    """Why a file that a script left is not kept; empty for one that is. ``root`` has no links in it."""
    try:
        check_relative_path(relative)
    except InvalidInput as problem:
        return problem.message.rpartition("not valid: ")[2].rstrip(".")
    target = os.path.realpath(file)
    if not target.startswith(root + os.sep):
        return "it is a link that leads out of its folder"
    if not file.is_file():
        return "it is a link to a folder" if file.is_dir() else "it is not a regular file"
    return ""
