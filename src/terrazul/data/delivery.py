"""Bringing the files of datasets and datastores to a folder of this machine, through its cache."""

from __future__ import annotations

import time
from itertools import groupby
from pathlib import Path
from typing import Callable, List, NamedTuple, Protocol, Sequence, Tuple

from terrazul.core.paths import check_relative_path
from terrazul.data.cache import Cache, CachedFile, Fetch, Place, Provision, copy
from terrazul.data.cache import link as linked
from terrazul.data.files import DatasetFile
from terrazul.wire.datastore import DataFile, FileAccess

_SECONDS_BETWEEN_REPORTS = 3.0


class Stores(Protocol):
    """What is needed of the datastores of a workspace."""

    def access(self, datastore: str, paths: Sequence[str]) -> List[FileAccess]:
        """The short ways to the bytes of files that are read."""

    def fetch(self, datastore: str, files: Sequence[Tuple[DataFile, Path]], progress: Callable[[int], None]) -> None:
        """Bring the bytes of files to the given paths; ``progress`` is told of each piece, and may raise."""


class Delivery(NamedTuple):
    """What came of bringing files."""

    files: int
    size: int
    in_place: int
    """Files that are read where they lie, on this machine."""
    found: int
    """Files that the cache had."""

    def __str__(self) -> str:
        """The numbers, for a log line."""
        told = [f"{self.files} files, {self.size} bytes"]
        told += [f"{self.in_place} read in place"] if self.in_place else []
        told += [f"{self.found} from the cache"] if self.found else []
        return ", ".join(told)


class Bringer:
    """Brings files to folders; ``check`` is called again and again and may raise, ``report`` tells how far it is."""

    def __init__(
        self,
        stores: Stores,
        cache: Cache,
        workspace_id: str,
        check: Callable[[], None],
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._stores = stores
        self._cache = cache
        self._workspace_id = workspace_id
        self._check = check
        self._report = report

    def lies_here(self, files: Sequence[DatasetFile]) -> bool:
        """Whether the files lie on this machine's disk, as far as the first of each datastore tells."""
        first = {file.datastore: file.file.path for file in reversed(files)}
        return all(store and self._stores.access(store, [path])[0].local_path for store, path in first.items())

    def bring(self, files: Sequence[DatasetFile], root: Path, *, own: bool) -> Delivery:
        """Put files below a folder: for reading only, or as the caller's own copies where ``own``.

        A file of this machine's disk is read where it lies, unless a copy is wanted. Raises what the stores raise,
        ``InsufficientStorage``, and ``DamagedContent`` for a file that changes meanwhile.
        """
        root.mkdir(parents=True, exist_ok=True)
        targets = self._targets(files, root)
        size = sum(max(file.file.size, 0) for file in files)
        progress = _Progress(len(files), size, self._check, self._report)
        in_place = found = 0
        by_store = sorted(zip(files, targets), key=lambda pair: pair[0].datastore)
        for datastore, group in groupby(by_store, key=lambda pair: pair[0].datastore):
            pairs = list(group)
            rest = self._take_local(datastore, pairs, own=own)
            in_place += len(pairs) - len(rest)
            found += self._take_from_cache(datastore, rest, progress, own=own).found
        return Delivery(len(files), size, in_place, found)

    def _targets(self, files: Sequence[DatasetFile], root: Path) -> List[Path]:
        targets = [root / check_relative_path(file.path) for file in files]
        for folder in sorted({target.parent for target in targets}):
            folder.mkdir(parents=True, exist_ok=True)
        return targets

    def _take_local(
        self, datastore: str, pairs: Sequence[Tuple[DatasetFile, Path]], *, own: bool
    ) -> Sequence[Tuple[DatasetFile, Path]]:
        """Link or copy the files that lie on this machine's disk; those that do not are given back."""
        if not datastore or not self._stores.access(datastore, [pairs[0][0].file.path])[0].local_path:
            return pairs
        ways = {way.path: way for way in self._stores.access(datastore, [file.file.path for file, _ in pairs])}
        rest = []
        for file, target in pairs:
            self._check()
            way = ways[file.file.path]
            if not way.local_path or not _is_still(way):
                rest.append((file, target))
            elif own:
                copy(Path(way.local_path), target)
            else:
                target.symlink_to(way.local_path)
        return rest

    def _take_from_cache(
        self, datastore: str, pairs: Sequence[Tuple[DatasetFile, Path]], progress: _Progress, *, own: bool
    ) -> Provision:
        source = f"{self._workspace_id}/{datastore}"
        wanted: List[Place] = [(cached(source, file.file), target) for file, target in pairs]

        return self._cache.provide(
            wanted, fetch_of(self._stores, datastore, progress), self._check, copy if own else linked
        )


def cached(source: str, file: DataFile) -> CachedFile:
    """A file of a datastore as the cache knows it."""
    return CachedFile(source, file.path, file.size, file.etag, file.modified_at)


def fetch_of(stores: Stores, datastore: str, progress: Callable[[int], None]) -> Fetch:
    """How the cache has files of a datastore brought."""

    def fetch(places: Sequence[Place]) -> None:
        asked = [(DataFile(each.path, each.size, each.modified_at, each.etag), part) for each, part in places]
        stores.fetch(datastore, asked, progress)

    return fetch


class _Progress:
    """Counts bytes, and tells how far it is every few seconds."""

    def __init__(self, count: int, size: int, check: Callable[[], None], report: Callable[[str], None]) -> None:
        self._count = count
        self._size = size
        self._check = check
        self._report = report
        self._done = 0
        self._told_at = time.monotonic()

    def __call__(self, size: int) -> None:
        self._check()
        self._done += size
        now = time.monotonic()
        if now - self._told_at >= _SECONDS_BETWEEN_REPORTS:
            self._told_at = now
            self._report(f"{self._done:,} of {self._size:,} bytes brought ({self._count:,} files)")


def _is_still(way: FileAccess) -> bool:
    try:
        status = Path(way.local_path).stat()
    except OSError:
        return False
    return (status.st_ino, status.st_size, status.st_mtime_ns) == (way.inode, way.size, way.modified_ns)
