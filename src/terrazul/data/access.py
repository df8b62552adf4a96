"""The bytes of a datastore's files: the shortest way to each, many at once, and a file appears when it is whole.

What a store has signed is read and written there; what lies on this machine is copied; all else goes through the
server. Where an address cannot be reached from here, the server takes its place.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import threading
import time
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import (
    BinaryIO,
    Callable,
    ContextManager,
    Dict,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Protocol,
    Sequence,
    Set,
    Tuple,
)
from urllib.parse import urlsplit

from terrazul.core.clock import from_text
from terrazul.core.errors import (
    AlreadyExists,
    Conflict,
    DataNotFound,
    DatastoreUnreachable,
    InvalidInput,
    TerrazulError,
    Unavailable,
)
from terrazul.data.connection import Connections, Reply
from terrazul.wire.datastore import DataFile, FileAccess

Progress = Callable[[int], None]
"""Told of so many more bytes; called by several threads."""

_WORKERS = 16
_LEASED_AT_ONCE = 250
_CHUNK = 1 << 20
_SPLIT = 64 << 20
_PART = 16 << 20
_LARGEST_PUT = 4 << 30
"""Stores take no larger file in one request; it goes through the server, which sends it in parts."""
_ATTEMPTS = 5
_FIRST_PAUSE = 0.2
_WHOLE, _PARTIAL_CONTENT = 200, 206
_GOOD = range(200, 300)
_MISSING = 404
_THERE_ALREADY = {409, 412}
_NOT_ANY_MORE = {401, 403}
_BROKEN = (OSError, http.client.HTTPException, Unavailable)


class Server(Protocol):
    """The way to one datastore through the server."""

    def access(self, paths: List[str], is_writing: bool) -> List[FileAccess]:
        """The short way to each file."""

    def read(self, path: str, start: int, end: Optional[int]) -> ContextManager[Iterator[bytes]]:
        """A part of a file, in pieces; ``end`` is exclusive."""

    def write(self, path: str, file: BinaryIO, length: int, overwrite: bool) -> DataFile:
        """Write a file. Raises ``AlreadyExists`` where it is there and ``overwrite`` does not let it go."""


class Upload(NamedTuple):
    """A file of this machine, and the path that it is to have."""

    source: Path
    path: str
    size: int


class Download(NamedTuple):
    """A file of the datastore, and where it is to lie."""

    file: DataFile
    target: Path


class Stopped(Exception):
    """Whoever ordered a transfer has called it off."""


class Transfer:
    """Takes files of one datastore here and there. Threads are there only while something is under way."""

    def __init__(
        self, server: Server, progress: Optional[Progress] = None, stop: Optional[threading.Event] = None
    ) -> None:
        self._server = server
        self._progress = progress or (lambda _count: None)
        self._stop = stop or threading.Event()
        self._failed = threading.Event()
        self._unreachable: Set[str] = set()
        self._connections = Connections()

    def download(self, wanted: Sequence[Download]) -> None:
        """Bring files here; each appears when all of its bytes have come, with the time of the one that it is.

        Raises ``DataNotFound``, ``Conflict`` for one that was changed since it was listed, ``DatastoreUnreachable``,
        ``Stopped``. Files that are whole stay.
        """
        leases = _Leases(self._server, [each.file.path for each in wanted], is_writing=False)
        arrivals: List[_Arrival] = []
        try:
            with self._pool() as pool:
                futures: List[Future[None]] = []
                for each in wanted:
                    arrival = _Arrival(each)
                    arrivals.append(arrival)
                    for start, end in arrival.parts:
                        futures.append(pool.submit(self._fetch, leases, arrival, start, end))
                self._finish(futures)
        finally:
            for arrival in arrivals:
                arrival.abandon()

    def upload(self, files: Sequence[Upload], overwrite: bool = False) -> List[Upload]:
        """Send files; returns those that were there already and stayed.

        Raises ``InvalidInput`` for a file that cannot be read or is changed meanwhile, ``DatastoreUnreachable``,
        ``Stopped``.
        """
        leases = _Leases(self._server, [each.path for each in files], is_writing=True)
        stayed: List[Upload] = []
        with self._pool() as pool:
            self._finish([pool.submit(self._send, leases, each, overwrite, stayed) for each in files])
        return stayed

    def interrupt(self) -> None:
        """Call it off, from another thread: what is under way raises ``Stopped``."""
        self._stop.set()
        self._connections.interrupt()

    @contextlib.contextmanager
    def _pool(self) -> Iterator[ThreadPoolExecutor]:
        self._failed.clear()
        pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="transfer")
        try:
            yield pool
        except BaseException:
            self._failed.set()
            raise
        finally:
            pool.shutdown(wait=True)
            self._connections.close()

    def _finish(self, futures: List[Future[None]]) -> None:
        """Wait for all; the first that fails ends the others."""
        done, pending = wait(futures, return_when=FIRST_EXCEPTION)
        for future in pending:
            future.cancel()
        problem = next((each.exception() for each in done if each.exception() is not None), None)
        if problem is not None:
            self._failed.set()
            raise problem

    def _check_on(self) -> None:
        if self._stop.is_set() or self._failed.is_set():
            raise Stopped

    def _fetch(self, leases: _Leases, arrival: _Arrival, start: int, end: int) -> None:
        self._check_on()
        access = leases.get(arrival.file.path)
        if access.local_path and self._copied(access, arrival, start, end):
            arrival.finish_part()
            return
        with arrival.open(start) as target:
            place = start
            for attempt in range(_ATTEMPTS):
                try:
                    place += self._read(access, arrival, place, end, target)
                except _BROKEN as problem:
                    place = target.tell()
                    access = self._after_break(access, attempt, problem)
                except _Expired:
                    place = target.tell()
                    access = self._renewed(leases, arrival.file.path, attempt)
                if place == end:
                    break
            else:
                raise _changed(arrival.file)
        arrival.finish_part()

    def _read(self, access: FileAccess, arrival: _Arrival, start: int, end: int, target: BinaryIO) -> int:
        """Read a part, or as much of it as comes; the number of bytes."""
        size = 0
        with self._opened(access, arrival.file, start, end) as chunks:
            for chunk in chunks:
                self._check_on()
                size += len(chunk)
                if start + size > end:
                    raise _changed(arrival.file)
                arrival.write(target, chunk)
                self._progress(len(chunk))
        return size

    @contextlib.contextmanager
    def _opened(self, access: FileAccess, file: DataFile, start: int, end: int) -> Iterator[Iterator[bytes]]:
        if start == end:
            yield iter(())
            return
        if not self._is_direct(access):
            with self._server.read(file.path, start, None if end == file.size else end) as chunks:
                yield chunks
            return
        headers = dict(access.headers)
        if (start, end) != (0, file.size):
            headers["Range"] = f"bytes={start}-{end - 1}"
        reply = self._connections.ask("GET", access.url, headers)
        try:
            _check_reply(reply, file, start)
            yield reply.chunks()
        finally:
            if not reply.response.isclosed():
                self._connections.drop(access.url)
                reply.response.close()

    def _copied(self, access: FileAccess, arrival: _Arrival, start: int, end: int) -> bool:
        """Copy from a file of this machine, if it is the one that the server means."""
        try:
            source = open(access.local_path, "rb")  # noqa: PTH123, SIM115  # closed below; what cannot be opened is none
        except OSError:
            return False
        with source, arrival.open(start) as target:
            now = os.fstat(source.fileno())
            if (now.st_ino, now.st_size, now.st_mtime_ns) != (access.inode, access.size, access.modified_ns):
                return False
            if access.size != arrival.file.size:
                raise _changed(arrival.file)
            source.seek(start)
            left = end - start
            while left:
                self._check_on()
                chunk = source.read(min(_CHUNK, left))
                if not chunk:
                    raise _changed(arrival.file)
                arrival.write(target, chunk)
                left -= len(chunk)
                self._progress(len(chunk))
        return True

    def _send(self, leases: _Leases, upload: Upload, overwrite: bool, stayed: List[Upload]) -> None:
        self._check_on()
        access = leases.get(upload.path)
        for attempt in range(_ATTEMPTS):
            try:  # each attempt is a request
                self._put(access, upload, overwrite)
            except AlreadyExists:  # noqa: PERF203  # each attempt is a request
                stayed.append(upload)
                return
            except _BROKEN as problem:
                if isinstance(problem, _Unreadable):
                    raise problem.told from None
                access = self._after_break(access, attempt, problem)
            except _Expired:
                access = self._renewed(leases, upload.path, attempt)
            else:
                return
        raise DatastoreUnreachable(f"{upload.path!r} could not be sent.", target=upload.path, hint="Try again.")

    def _put(self, access: FileAccess, upload: Upload, overwrite: bool) -> None:
        with _readable(upload) as file:
            if not self._is_direct(access) or upload.size > _LARGEST_PUT:
                self._server.write(upload.path, file, upload.size, overwrite)
                self._progress(upload.size)
                return
            headers = dict(access.headers)
            if not overwrite:
                headers["If-None-Match"] = "*"
            sent = self._counted(file, upload)
            reply = self._connections.ask("PUT", access.url, headers, sent, upload.size)
            reply.response.read()
        if reply.status in _THERE_ALREADY:
            raise AlreadyExists(f"{upload.path!r} is there already.", target=upload.path)
        if reply.status in _NOT_ANY_MORE:
            raise _Expired
        if reply.status not in _GOOD:
            raise OSError(f"the store answered {reply.status}")

    def _counted(self, file: BinaryIO, upload: Upload) -> Iterator[bytes]:
        left = upload.size
        while left:
            self._check_on()
            chunk = file.read(min(_CHUNK, left))
            if not chunk:
                raise _Unreadable(upload, "has become shorter while it was sent")
            left -= len(chunk)
            yield chunk
            self._progress(len(chunk))
        if file.read(1):
            raise _Unreadable(upload, "has become longer while it was sent")

    def _is_direct(self, access: FileAccess) -> bool:
        return bool(access.url) and urlsplit(access.url).netloc not in self._unreachable

    def _after_break(self, access: FileAccess, attempt: int, problem: BaseException) -> FileAccess:
        """Wait a moment; after a second attempt the server takes the place of a store that breaks off.

        What was told by name is raised as it is.
        """
        if isinstance(problem, TerrazulError) and not isinstance(problem, Unavailable):
            raise problem
        if attempt == _ATTEMPTS - 1:
            reason = (str(problem) or type(problem).__name__).rstrip(".")
            raise DatastoreUnreachable(
                f"{access.path!r} could not be transferred: {reason}.",
                target=access.path,
                hint="Try again; what is whole stays.",
            ) from None
        if access.url and (attempt or isinstance(problem, ConnectionRefusedError)):
            self._unreachable.add(urlsplit(access.url).netloc)
        self._pause(_FIRST_PAUSE * 2**attempt)
        return access

    def _renewed(self, leases: _Leases, path: str, attempt: int) -> FileAccess:
        """Another lease: the first was given some time ago. A store that refuses that one too is not asked again."""
        access = leases.renew(path)
        if attempt and access.url:
            self._unreachable.add(urlsplit(access.url).netloc)
        return access

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._check_on()
            time.sleep(min(0.05, seconds))


class _Expired(Exception):
    """The store does not take an address (any more) that it had signed."""


class _Unreadable(OSError):
    """A file of this machine that cannot be sent."""

    def __init__(self, upload: Upload, why: str) -> None:
        super().__init__(why)
        self.told = InvalidInput(f"The file '{upload.source}' {why}.", target=str(upload.source))


class _Leases:
    """The short ways to files, asked for in groups, in the order in which they are needed."""

    def __init__(self, server: Server, paths: List[str], is_writing: bool) -> None:
        self._server = server
        self._is_writing = is_writing
        self._paths = paths
        self._number = {path: number for number, path in enumerate(paths)}
        self._known: Dict[str, FileAccess] = {}
        self._lock = threading.Lock()

    def get(self, path: str) -> FileAccess:
        """The way to a file."""
        with self._lock:
            if path not in self._known:
                first = self._number[path]
                self._ask(self._paths[first : first + _LEASED_AT_ONCE])
            return self._known[path]

    def renew(self, path: str) -> FileAccess:
        """Another way to a file, and to those that follow."""
        with self._lock:
            for known in list(self._known):
                del self._known[known]
        return self.get(path)

    def _ask(self, paths: List[str]) -> None:
        for access in self._server.access(paths, self._is_writing):
            self._known[access.path] = access


class _Arrival:
    """A file on its way here, in one part or several; it lies under another name until it is whole."""

    def __init__(self, download: Download) -> None:
        self.file = download.file
        self._target = download.target
        self._partial = download.target.with_name(f".{os.urandom(8).hex()}.part")
        self._lock = threading.Lock()
        self._is_begun = False
        self.parts = list(_parts_of(download.file.size))
        self._left = len(self.parts)

    @contextlib.contextmanager
    def open(self, start: int) -> Iterator[BinaryIO]:
        """The file, to write from a place on."""
        with self._lock:
            if not self._is_begun:
                with _told(self._target):
                    self._target.parent.mkdir(parents=True, exist_ok=True)
                    self._partial.touch()
                self._is_begun = True
        with _told(self._target):
            file = self._partial.open("r+b")
        with file:
            file.seek(start)
            yield file

    def write(self, file: BinaryIO, chunk: bytes) -> None:
        """Add bytes at the file's place."""
        with _told(self._target):
            file.write(chunk)

    def finish_part(self) -> None:
        """A part is there; with the last one the file appears."""
        with self._lock:
            self._left -= 1
            if self._left:
                return
        with _told(self._target):
            if self.file.modified_at:
                moment = from_text(self.file.modified_at) * 1000
                os.utime(self._partial, ns=(moment, moment))
            self._partial.replace(self._target)

    def abandon(self) -> None:
        """Remove what is not whole."""
        with contextlib.suppress(OSError):
            self._partial.unlink()


def is_here(download: Download) -> bool:
    """Whether a file that was downloaded before is still the one of the datastore: by its size and its time."""
    try:
        now = download.target.stat()
    except OSError:
        return False
    if now.st_size != download.file.size or not download.file.modified_at:
        return False
    return now.st_mtime_ns // 1000 == from_text(download.file.modified_at)


def free_bytes(folder: Path) -> int:
    """The room on the disk of a folder, which need not be there yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _parts_of(size: int) -> Iterator[Tuple[int, int]]:
    step = _PART if size >= _SPLIT else max(size, 1)
    for start in range(0, max(size, 1), step):
        yield start, min(start + step, size)


def _check_reply(reply: Reply, file: DataFile, start: int) -> None:
    if reply.status in _NOT_ANY_MORE:
        raise _Expired
    if reply.status == _MISSING:
        raise DataNotFound(f"There is no file {file.path!r} in this datastore any more.", target=file.path)
    if reply.status not in {_WHOLE, _PARTIAL_CONTENT}:
        raise OSError(f"the store answered {reply.status}")
    if start and reply.status == _WHOLE:
        raise OSError("the store gives no parts of files")
    told, wanted = reply.headers.get("etag", ""), file.etag
    if told and wanted and _bare(told) != _bare(wanted):
        raise _changed(file)


def _bare(etag: str) -> str:
    return etag.replace("W/", "").strip('"')


def _changed(file: DataFile) -> Conflict:
    return Conflict(
        f"The file {file.path!r} has been changed since it was looked at.", target=file.path, hint="Begin again."
    )


@contextlib.contextmanager
def _readable(upload: Upload) -> Iterator[BinaryIO]:
    try:
        file = upload.source.open("rb")
    except OSError as error:
        raise InvalidInput(
            f"The file '{upload.source}' cannot be read: {error.strerror}.", target=str(upload.source)
        ) from None
    with file:
        yield file


@contextlib.contextmanager
def _told(target: Path) -> Iterator[None]:
    """Say which file of this machine could not be written."""
    try:
        yield
    except OSError as error:
        raise InvalidInput(f"'{target}' cannot be written: {error.strerror or error}.", target=str(target)) from None
