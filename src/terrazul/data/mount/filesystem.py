"""The file system of a mount: read-only, its files brought to the machine's cache when they are opened.

While a script reads, what is not here yet is brought in the background, in the order of the files.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Sequence

import mfusepy

from terrazul.core.errors import TerrazulError
from terrazul.data.cache import Cache, CachedFile, Fetch
from terrazul.data.mount.tree import Tree

_AHEAD_COUNT = 64
_AHEAD_SIZE = 32 << 20
_FOLDER_MODE = stat.S_IFDIR | 0o555
_FILE_MODE = stat.S_IFREG | 0o444


class MountedFile(NamedTuple):
    """A file of a mount."""

    path: str
    """Below the mount's root."""
    file: CachedFile
    fetch: Fetch
    """How its bytes are brought."""


class Files(mfusepy.Operations):  # type: ignore[misc]  # the library has no types
    """The files of one mount; what has been opened lies in ``folder``, a leased one of the cache."""

    use_ns = True

    def __init__(self, files: Sequence[MountedFile], cache: Cache, folder: Path, say: Callable[[str], None]) -> None:
        self._files = files
        self._tree: Tree[MountedFile] = Tree((each.path, each) for each in files)
        self._cache = cache
        self._folder = folder
        self._say = say
        self._owner = {"st_uid": os.getuid(), "st_gid": os.getgid()}
        self._open: Dict[int, Path] = {}
        self._ended = threading.Event()

    def bring_ahead(self) -> None:
        """Bring all files to the cache in the background, for as long as it has room for all of them."""
        threading.Thread(target=self._bring_ahead, name="ahead", daemon=True).start()

    @property
    def is_over(self) -> bool:
        """Whether the mount has begun and ended."""
        return self._ended.is_set()

    def getattr(self, path: str, fh: object = None) -> Dict[str, Any]:
        """What ``stat`` tells of a path."""
        del fh
        known = self._tree.file(path[1:])
        if known is not None:
            moment = known.file.time_ns
            size = max(known.file.size, 0)
            times = {"st_mtime": moment, "st_atime": moment, "st_ctime": moment}
            return {"st_mode": _FILE_MODE, "st_nlink": 1, "st_size": size, **times, **self._owner}
        if self._tree.names(path[1:]) is None:
            raise mfusepy.FuseOSError(errno.ENOENT)
        return {"st_mode": _FOLDER_MODE, "st_nlink": 2, **self._owner}

    def readdir(self, path: str, fh: object) -> Iterator[str]:
        """The names in a folder."""
        del fh
        names = self._tree.names(path[1:])
        if names is None:
            raise mfusepy.FuseOSError(errno.ENOTDIR)
        yield from (".", "..", *sorted(names))

    def open(self, path: str, flags: int) -> int:
        """Bring a file, and open it."""
        known = self._tree.file(path[1:])
        if known is None:
            raise mfusepy.FuseOSError(errno.ENOENT)
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise mfusepy.FuseOSError(errno.EROFS)
        target = self._folder / os.urandom(8).hex()
        try:
            self._cache.provide([(known.file, target)], known.fetch)
        except (TerrazulError, OSError) as problem:
            self._say(f"{known.path} cannot be read: {problem}")
            raise mfusepy.FuseOSError(errno.EIO) from problem
        descriptor = os.open(target, os.O_RDONLY)
        self._open[descriptor] = target
        return descriptor

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        """A part of an open file."""
        del path
        return os.pread(fh, size, offset)

    def release(self, path: str, fh: int) -> int:
        """Close a file; the cache may evict it from now on."""
        del path
        os.close(fh)
        with suppress(OSError):
            self._open.pop(fh).unlink()
        return 0

    def destroy(self, path: str) -> None:
        """The mount is over."""
        del path
        self._ended.set()

    def _bring_ahead(self) -> None:
        if sum(max(each.file.size, 0) for each in self._files) > self._cache.bound():
            return
        for group in _groups(self._files):
            if self._ended.is_set():
                return
            places = [(each.file, self._folder / os.urandom(8).hex()) for each in group]
            try:
                self._cache.provide(places, group[0].fetch)
            except (TerrazulError, OSError) as problem:  # whoever opens the file is told
                self._say(f"not brought ahead: {problem}")
            for _, target in places:
                with suppress(OSError):
                    target.unlink()


def mount(files: Files, point: Path) -> None:
    """Mount at a folder that is there and empty; returns when somebody has unmounted it, or at SIGTERM."""
    files.bring_ahead()
    try:
        _serve(files, point)
    except RuntimeError:
        if not files.is_over:  # libfuse tells of a signal as of an error
            raise


def _serve(files: Files, point: Path) -> None:
    mfusepy.FUSE(files, str(point), foreground=True, ro=True, nothreads=False, fsname="terrazul", kernel_cache=True)


def _groups(files: Sequence[MountedFile]) -> Iterator[List[MountedFile]]:
    group: List[MountedFile] = []
    size = 0
    for each in files:
        if group and (
            len(group) >= _AHEAD_COUNT or size + each.file.size > _AHEAD_SIZE or each.fetch is not group[0].fetch
        ):
            yield group
            group, size = [], 0
        group.append(each)
        size += max(each.file.size, 0)
    if group:
        yield group
