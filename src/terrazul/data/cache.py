"""The cache of a machine: files of datastores, kept by what their store says of them, shared by all who read them.

A file that is handed out is a hard link, so a file that somebody uses is known by its count of links, and stays whole
for whoever has it. A file is brought by one process at a time, appears when it is whole, and is looked at again before
it is handed out: its size, its time, and once a day its SHA-256.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Callable, Iterable, Iterator, List, NamedTuple, Sequence, Tuple

from terrazul.core.clock import from_text
from terrazul.core.errors import DamagedContent, InsufficientStorage
from terrazul.core.home import Home
from terrazul.data.lock import FileLock

LIMIT_VARIABLE = "AZUREML_DATA_CACHE_BYTES"
FOLDER_VARIABLE = "AZUREML_DATA_CACHE"
"""Where scripts find the cache of their machine."""

_SHARE_OF_DISK = 5
_GROUP_COUNT = 200
_GROUP_SIZE = 1 << 30
_GLANCE = 0.1
_CHUNK = 1 << 20
_TRUSTED_SECONDS = 24 * 3600
_NO_TIME = 315_532_800_000_000_000  # 1980, for what has no time of its own
_READ_ONLY = 0o444
_SPARE = 64 << 20
"""Bytes of the disk that are left to others."""
_COPIED_INSTEAD = {errno.EXDEV, errno.EMLINK, errno.EPERM, errno.ENOTSUP}


class CachedFile(NamedTuple):
    """A file that is wanted, with what its store says of it."""

    source: str
    """The datastore, such that no two are called the same."""
    path: str
    size: int
    """In bytes; -1 where it is not known."""
    etag: str = ""
    modified_at: str = ""

    @property
    def is_known(self) -> bool:
        """Whether another content would be told from this one; what is not known is brought each time."""
        return self.size >= 0 and bool(self.etag or self.modified_at)

    @property
    def key(self) -> str:
        """The name of its content."""
        said = self.etag or self.modified_at
        return hashlib.sha256("\0".join([self.source, self.path, str(self.size), said]).encode()).hexdigest()[:40]

    @property
    def time_ns(self) -> int:
        """The time that the copy bears."""
        try:
            return from_text(self.modified_at) * 1000 if self.modified_at else _NO_TIME
        except ValueError:
            return _NO_TIME


Place = Tuple[CachedFile, Path]
Fetch = Callable[[Sequence[Place]], None]
"""Brings the bytes of files into the given places, whole, or raises; their folders are there, and are nobody else's."""


Put = Callable[[Path, Path], None]
"""Makes a file appear at another place: ``link`` or ``copy``."""


class Provision(NamedTuple):
    """What was there, and what had to be brought."""

    found: int
    fetched: int
    fetched_bytes: int


def link(source: Path, target: Path) -> None:
    """Make a file appear at another place too, as a hard link, or as a copy where there can be none."""
    try:
        os.link(source, target)
    except OSError as problem:
        if problem.errno not in _COPIED_INSTEAD:
            raise
        copy(source, target)


def copy(source: Path, target: Path) -> None:
    """Copy the bytes of a file and its time; where the file system can share them, that takes no time and no room."""
    with source.open("rb") as reading, target.open("xb") as writing:
        if not _copied_by_system(reading.fileno(), writing.fileno()):
            shutil.copyfileobj(reading, writing, _CHUNK)
    status = source.stat()
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def _copied_by_system(reading: int, writing: int) -> bool:
    if not hasattr(os, "copy_file_range"):
        return False
    try:
        while os.copy_file_range(reading, writing, 1 << 30):
            continue
    except OSError as problem:
        if problem.errno not in {errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP}:
            raise
        return False
    return True


def of_this_machine() -> Cache:
    """The cache of this user's home; inside of a run that of the node."""
    folder = os.environ.get(FOLDER_VARIABLE)
    limit = os.environ.get(LIMIT_VARIABLE, "")
    return Cache(Path(folder) if folder else Home().cache_folder / "data", int(limit) if limit.isdecimal() else 0)


def _go_on() -> None:
    return


class Cache:
    """Files of datastores below a folder, of about so many bytes; 0 for a fifth of the disk.

    What live users have is never evicted, so they may take more than that; then nothing else is kept.
    """

    def __init__(self, folder: Path, limit: int = 0) -> None:
        self._folder = folder
        self._limit = limit
        self._total = 0
        self._since_scan = -1

    def provide(
        self,
        wanted: Sequence[Place],
        fetch: Fetch,
        check: Callable[[], None] = _go_on,
        put: Put = link,
    ) -> Provision:
        """Put each file into its place, whose folder is there: from the cache, or else by ``fetch``.

        With ``link`` it is read-only and shared with the cache, with ``copy`` it is the caller's own.
        ``check`` is called again and again while this waits, and may raise. Raises ``InsufficientStorage`` where the
        disk has no room, ``DamagedContent`` for bytes that are not as many as the store says, what ``fetch`` raises.
        """
        waiting = [place for place in wanted if not (place[0].is_known and self._hand_out(place, put))]
        brought: List[CachedFile] = []
        if waiting:
            self._make_folders()
        while waiting:
            others: List[Place] = []
            for group in _groups(waiting):
                check()
                brought += self._bring(group, others, fetch, put)
            if len(others) == len(waiting):
                time.sleep(_GLANCE)
            waiting = others
        return Provision(len(wanted) - len(brought), len(brought), sum(max(file.size, 0) for file in brought))

    @contextmanager
    def lease(self) -> Iterator[Path]:
        """A folder for files that are used until the end of the block."""
        self._make_folders()
        folder = self._folder / "leases" / os.urandom(8).hex()
        lock = FileLock.take(folder.with_suffix(".lock"))
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            if lock is not None:
                lock.release()

    def trim(self, needed: int = 0) -> None:
        """Evict what was not used for longest until there is room for so many bytes; remove what was left behind."""
        self._make_folders()
        self._remove_leftovers()
        entries = sorted(self._entries(), key=lambda each: each.used_at)
        self._total = sum(each.size for each in entries)
        self._since_scan = 0
        surplus = self._total + needed - self.bound()
        for each in entries:
            if surplus <= 0:
                return
            if not each.is_used:
                _remove(each.file)
                surplus -= each.size
                self._total -= each.size

    def _make_folders(self) -> None:
        for name in ("entries", "parts", "locks", "leases"):
            (self._folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)

    def bound(self) -> int:
        """How many bytes are kept."""
        return self._limit or shutil.disk_usage(self._folder).total // _SHARE_OF_DISK

    def _entry(self, file: CachedFile) -> Path:
        return self._folder / "entries" / file.key[:2] / file.key

    def _hand_out(self, place: Place, put: Put) -> bool:
        """Put a file into its place if it is here, and sound."""
        file, target = place
        entry = self._entry(file)
        try:
            if not _is_sound(entry, file):
                _remove(entry)
                return False
            put(entry, target)
            os.utime(entry, ns=(time.time_ns(), file.time_ns))
        except FileNotFoundError:
            return False
        return True

    def _bring(self, group: Sequence[Place], others: List[Place], fetch: Fetch, put: Put) -> List[CachedFile]:
        """Bring those of a group that nobody else brings at this moment; the rest is added to ``others``."""
        with ExitStack() as held:
            mine: List[Place] = []
            for place in group:
                lock = FileLock.take(self._folder / "locks" / place[0].key)
                if lock is None:
                    others.append(place)
                    continue
                held.callback(lock.release)
                if not (place[0].is_known and self._hand_out(place, put)):  # or somebody has brought it meanwhile
                    mine.append(place)
            if mine:
                self._fetch(mine, fetch, put)
            return [file for file, _ in mine]

    def _fetch(self, places: Sequence[Place], fetch: Fetch, put: Put) -> None:
        self._make_room(sum(max(file.size, 0) for file, _ in places))
        parts = [(file, self._folder / "parts" / file.key / "content") for file, _ in places]
        for _, part in parts:
            part.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            fetch(parts)
        except OSError as problem:
            if problem.errno != errno.ENOSPC:
                raise
            raise self._full() from None
        for (file, part), (_, target) in zip(parts, places):
            _check_size(file, part)
            if file.is_known and file.size <= self.bound():
                self._keep(file, part)
                self._since_scan += file.size
                self._total += file.size
                put(self._entry(file), target)
            else:
                _move(part, target)
            shutil.rmtree(part.parent, ignore_errors=True)

    def _keep(self, file: CachedFile, part: Path) -> None:
        entry = self._entry(file)
        entry.parent.mkdir(mode=0o700, exist_ok=True)
        os.utime(part, ns=(time.time_ns(), file.time_ns))
        part.chmod(_READ_ONLY)
        _seal(entry, _digest(part))
        part.replace(entry)

    def _make_room(self, size: int) -> None:
        """Evict for what is to come, and look whether the disk has room for it."""
        bound = self.bound()
        if not 0 <= self._since_scan <= bound // 20 or self._total + size > bound:
            self.trim(size)
        if shutil.disk_usage(self._folder).free < size + _SPARE:
            self.trim(bound)
            if shutil.disk_usage(self._folder).free < size + _SPARE:
                raise self._full(size)

    def _full(self, size: int = 0) -> InsufficientStorage:
        free = shutil.disk_usage(self._folder).free
        wanted = f" for {size:,} bytes of data" if size else ""
        message = f"The disk of this machine has no room{wanted}: {free:,} bytes are free in {self._folder}."
        return InsufficientStorage(
            message, target=str(self._folder), hint="Free space there, or use less data at once."
        )

    def _entries(self) -> Iterator[_Entry]:
        for folder in _listed(self._folder / "entries"):
            for each in _listed(Path(folder.path)):
                if each.name.endswith(_SEAL):
                    continue
                with suppress(FileNotFoundError):
                    status = each.stat()
                    yield _Entry(Path(each.path), status.st_size, status.st_atime_ns, status.st_nlink > 1)

    def _remove_leftovers(self) -> None:
        """Remove what killed processes had begun, and what they used."""
        for part in _listed(self._folder / "parts"):
            lock = FileLock.take(self._folder / "locks" / part.name)
            if lock is not None:
                shutil.rmtree(part.path, ignore_errors=True)
                lock.release()
        for each in _listed(self._folder / "leases"):
            if each.name.endswith(".lock"):
                lock = FileLock.take(Path(each.path))
                if lock is not None:
                    shutil.rmtree(Path(each.path).with_suffix(""), ignore_errors=True)
                    lock.release()


class _Entry(NamedTuple):
    file: Path
    size: int
    used_at: int
    is_used: bool


_SEAL = ".sha256"


def _move(part: Path, target: Path) -> None:
    try:
        part.rename(target)
    except OSError as problem:
        if problem.errno != errno.EXDEV:
            raise
        copy(part, target)
        part.unlink()


def _groups(places: Sequence[Place]) -> Iterator[List[Place]]:
    group: List[Place] = []
    size = 0
    for place in places:
        if group and (len(group) >= _GROUP_COUNT or size + place[0].size > _GROUP_SIZE):
            yield group
            group, size = [], 0
        group.append(place)
        size += max(place[0].size, 0)
    if group:
        yield group


def _check_size(file: CachedFile, part: Path) -> None:
    size = part.stat().st_size
    if file.size not in {-1, size}:
        part.unlink()
        message = (
            f"{file.path!r} has {size:,} bytes, and {file.size:,} when it was listed: it changes while it is read."
        )
        raise DamagedContent(message, target=file.path, hint="Try again when nobody writes to it.")


def _is_sound(entry: Path, file: CachedFile) -> bool:
    """Whether a file is what it was when it was brought. Raises ``FileNotFoundError`` where it is not here."""
    status = entry.stat()
    if (status.st_size, status.st_mtime_ns) != (file.size, file.time_ns):
        return False
    seal = entry.with_name(entry.name + _SEAL)
    try:
        age, sealed = time.time() - seal.stat().st_mtime, seal.read_text("ascii").split()
    except (FileNotFoundError, ValueError):
        return False
    if sealed[1:] == [_start_of_machine()] and 0 <= age < _TRUSTED_SECONDS:
        return True
    if sealed[:1] != [_digest(entry)]:
        return False
    _seal(entry, sealed[0])
    return True


def _seal(entry: Path, digest: str) -> None:
    seal = entry.with_name(entry.name + _SEAL)
    seal.write_text(f"{digest} {_start_of_machine()}\n", "ascii")


def _start_of_machine() -> str:
    """Another text after each start of the machine, at which what was not written yet is lost."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return "-"


def _digest(file: Path) -> str:
    computed = hashlib.sha256()
    with file.open("rb") as stream:
        for chunk in iter(lambda: stream.read(_CHUNK), b""):
            computed.update(chunk)
    return computed.hexdigest()


def _remove(entry: Path) -> None:
    for file in (entry, entry.with_name(entry.name + _SEAL)):
        with suppress(FileNotFoundError):
            file.unlink()


def _listed(folder: Path) -> Iterable[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except FileNotFoundError:
        return []
