"""The files of a folder that a snapshot takes: the walk, with what it leaves out and why."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import field
from pathlib import Path
from typing import List, Optional, Set

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import InvalidInput, SnapshotException
from terrazul.core.paths import check_relative_path
from terrazul.sdk.content import SourceFile
from terrazul.sdk.ignore_rules import IgnoreRules

AMLIGNORE = ".amlignore"
GITIGNORE = ".gitignore"
_JUNK = frozenset(
    [".git", ".hg", ".svn", "node_modules", "__pycache__", ".ipynb_checkpoints", ".mypy_cache", ".pytest_cache",
     ".ruff_cache", ".tox", ".nox", ".eggs", ".DS_Store"]
)  # fmt: skip
_ENVIRONMENT_MARK = "pyvenv.cfg"
_SUSPECT = re.compile(r"[\x00-\x1f\x7f\\]|\A[A-Za-z]:|\Afile:|.{200}|[^\x00-\x7f]", re.IGNORECASE)
"""Names that are worth the full check; nearly all others pass by one look."""
_PATH_LENGTH_TO_CHECK = 300
_EXECUTABLE, _PLAIN = 0o755, 0o644


@dataclass
class SourceTree:
    """What a walk found."""

    root: str
    files: List[SourceFile] = field(default_factory=list)
    excluded: List[str] = field(default_factory=list)
    """Where each exclusion by a rule begins: a folder (with ``/`` at its end) or a file."""
    notices: List[str] = field(default_factory=list)
    """One sentence for each thing that could not be taken, and one for junk that was left out unasked."""

    @property
    def size(self) -> int:
        """How many bytes the files have."""
        return sum(file.size for file in self.files)


def walk(folder: str) -> SourceTree:
    """Find the files of a folder, or the one file that is named.

    The rules are those of the folder's ``.amlignore``, else of its ``.gitignore``; else common junk is left out. Links
    that lead out of the folder, pipes, sockets, devices and names that cannot travel are told of and left out.
    Raises ``SnapshotException`` where there is no such folder.
    """
    root = str(Path(folder).resolve())
    if Path(root).is_file():
        return _tree_of_file(Path(root))
    if not Path(root).is_dir():
        message = f"The source directory '{folder}' is not there, or is not a folder."
        raise SnapshotException(message, target=str(folder), hint="Pass the folder in which the script lies.")
    return _Walk(root).tree


class _Walk:
    def __init__(self, root: str) -> None:
        self.tree = SourceTree(root)
        self._rules = _read_rules(root)
        self._guess_junk = self._rules is None
        self._linked_folders: Set[str] = {self.tree.root}
        self._junk: List[str] = []
        self._enter(root, "")
        self._tell_junk()

    def _enter(self, folder: str, prefix: str) -> None:
        pending = [(folder, prefix)]
        while pending:
            folder, prefix = pending.pop()
            try:
                with os.scandir(folder) as listing:
                    entries = sorted(listing, key=lambda entry: entry.name)
            except OSError as error:
                self._notice(prefix.rstrip("/") or ".", f"cannot be read ({error.strerror})")
                continue
            for entry in entries:
                path = prefix + entry.name
                if self._takes(entry, path):
                    pending.append((entry.path, path + "/"))

    def _takes(self, entry: os.DirEntry[str], path: str) -> bool:
        """Look at one entry; true for a folder to enter."""
        if self._refuses_name(entry.name, path):
            return False
        try:
            return self._takes_link(entry, path) if entry.is_symlink() else self._takes_entry(entry, path)
        except OSError as error:
            self._notice(path, f"cannot be read ({error.strerror})")
            return False

    def _refuses_name(self, name: str, path: str) -> bool:
        if len(path) < _PATH_LENGTH_TO_CHECK and not _SUSPECT.search(name):
            return False
        try:
            check_relative_path(path)
        except InvalidInput as error:
            self._notice(path, f"has a name that cannot be kept: {error.message.rpartition(': ')[2].rstrip('.')}")
            return True
        return False

    def _takes_entry(self, entry: os.DirEntry[str], path: str) -> bool:
        if entry.is_dir(follow_symlinks=False):
            return not self._excludes(entry, path, is_folder=True)
        if not self._excludes(entry, path, is_folder=False):
            self._add(path, entry.path, entry.stat(follow_symlinks=False))
        return False

    def _takes_link(self, entry: os.DirEntry[str], path: str) -> bool:
        """Follow a link inside the root, each linked folder once."""
        target = os.path.realpath(entry.path)
        if self._excludes(entry, path, is_folder=False):
            return False
        if not _contains(self.tree.root, target):
            self._notice(path, "is a link that leads out of the source directory")
            return False
        status = entry.stat()
        if not stat.S_ISDIR(status.st_mode):
            self._add(path, entry.path, status)
            return False
        if target in self._linked_folders or _contains(target, os.path.realpath(entry.path[: -len(entry.name) - 1])):
            self._notice(path, "is a link to a folder that is taken already")
            return False
        self._linked_folders.add(target)
        return not self._excludes(entry, path, is_folder=True)

    def _add(self, path: str, location: str, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            self._notice(path, "is not a file (but a pipe, a socket or a device)")
            return
        file = SourceFile(path, location, status.st_size, status.st_mtime_ns, status.st_ino, _mode_of(status))
        self.tree.files.append(file)

    def _excludes(self, entry: os.DirEntry[str], path: str, *, is_folder: bool) -> bool:
        if self._is_junk(entry, path, is_folder=is_folder):
            return True
        if self._rules is None or not self._rules.ignores(path, is_folder=is_folder):
            return False
        self.tree.excluded.append(path + "/" * is_folder)
        return True

    def _is_junk(self, entry: os.DirEntry[str], path: str, *, is_folder: bool) -> bool:
        if not self._guess_junk:
            return False
        if entry.name in _JUNK or (is_folder and Path(entry.path, _ENVIRONMENT_MARK).exists()):
            self._junk.append(path + "/" * is_folder)
            return True
        return False

    def _notice(self, path: str, what: str) -> None:
        shown = path.encode("utf-8", "backslashreplace").decode("utf-8")
        self.tree.notices.append(f"'{shown}' {what}; it is left out.")

    def _tell_junk(self) -> None:
        self.tree.excluded.extend(self._junk)
        if self._junk:
            some = ", ".join(f"'{path}'" for path in self._junk[:5])
            more = f" and {len(self._junk) - 5} more" if len(self._junk) > 5 else ""  # noqa: PLR2004  # as shown above
            self.tree.notices.append(
                f"Left out as not part of the source: {some}{more}. Write an .amlignore file to decide it yourself."
            )


def _tree_of_file(file: Path) -> SourceTree:
    status = file.stat()
    entry = SourceFile(file.name, str(file), status.st_size, status.st_mtime_ns, status.st_ino, _mode_of(status))
    return SourceTree(str(file), [entry])


def _mode_of(status: os.stat_result) -> int:
    return _EXECUTABLE if status.st_mode & stat.S_IXUSR else _PLAIN


def _contains(folder: str, path: str) -> bool:
    try:
        return os.path.commonpath([folder, path]) == folder
    except ValueError:  # another drive
        return False


def _read_rules(root: str) -> Optional[IgnoreRules]:
    for name in (AMLIGNORE, GITIGNORE):
        lines = _lines_of(Path(root, name))
        if lines is not None:
            # git itself never looks into its own folder, so a .gitignore need not name it
            return IgnoreRules(["/.git", *lines] if name == GITIGNORE else lines)
    return None


def _lines_of(file: Path) -> Optional[List[str]]:
    if not file.is_file():
        return None
    return file.read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines()
