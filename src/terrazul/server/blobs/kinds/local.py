"""Objects as files below one folder: written beside, flushed to the disk, then renamed."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import psutil

from terrazul.core.errors import InsufficientStorage, NotFound, TerrazulError

_CHUNK = 1 << 20
_FLUSHED_AT_ONCE = 8 << 20
"""While a large file comes, what has come is brought to the disk beside, so that little is left for its end."""
_flush = getattr(os, "fdatasync", os.fsync)  # macOS has none
_flushers = ThreadPoolExecutor(4, thread_name_prefix="flusher")


class LocalStorage:
    """A folder of this machine."""

    is_remote = False

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / "incoming"
        _make_folder(self._incoming)
        self._remove_half_written()

    def _remove_half_written(self) -> None:
        """Remove what a process that was killed, or another one of our id, left behind."""
        for file in self._incoming.iterdir():
            writer = file.name.partition(".")[0]
            if not (writer.isdigit() and int(writer) != os.getpid() and psutil.pid_exists(int(writer))):
                file.unlink(missing_ok=True)

    def create(self, key: str) -> LocalSink:
        """Begin an object."""
        return LocalSink(self._root / key, self._incoming / f"{os.getpid()}.{secrets.token_hex(16)}")

    def read(self, key: str, offset: int, size: int) -> Iterator[bytes]:
        """A part of an object, in chunks."""
        try:
            file = (self._root / key).open("rb")
        except FileNotFoundError:
            raise NotFound(f"The stored object {key} is missing.", target=key) from None
        with file:
            file.seek(offset)
            while size > 0:
                chunk = file.read(min(_CHUNK, size))
                if not chunk:
                    raise TerrazulError(f"The stored object {key} is shorter than it was.", target=key)
                size -= len(chunk)
                yield chunk

    def address_of(self, key: str) -> str:  # noqa: ARG002  # as ``Storage`` has it
        """None: the files are this machine's."""
        return ""

    def place_for(self, key: str) -> None:
        """None, as above."""

    def size_of(self, key: str) -> int | None:
        """Its file's."""
        try:
            return (self._root / key).stat().st_size
        except FileNotFoundError:
            return None

    def copy(self, source: str, target: str) -> None:
        """Copy the file."""
        sink = self.create(target)
        try:
            for chunk in self.read(source, 0, self.size_of(source) or 0):
                sink.write(chunk)
            sink.commit()
        finally:
            sink.abort()

    def delete(self, key: str) -> None:
        """Remove an object."""
        (self._root / key).unlink(missing_ok=True)

    def delete_tree(self, prefix: str) -> None:
        """Remove all objects below a prefix."""
        shutil.rmtree(self._root / prefix, ignore_errors=True)


class LocalSink:
    """A file on its way."""

    def __init__(self, target: Path, temporary: Path) -> None:
        self._target = target
        self._temporary = temporary
        self._file: BinaryIO = temporary.open("xb")
        self._unflushed = 0
        self._flushing: Future[None] | None = None

    def write(self, data: bytes) -> None:
        """Add bytes."""
        with no_room_told():
            self._file.write(data)
            self._unflushed += len(data)
            if self._unflushed >= _FLUSHED_AT_ONCE and (self._flushing is None or self._flushing.done()):
                self._flush_beside()

    def _flush_beside(self) -> None:
        self._await_flush()
        self._file.flush()
        self._flushing = _flushers.submit(_flush, self._file.fileno())
        self._unflushed = 0

    def _await_flush(self) -> None:
        """Wait until nothing is being flushed; raises what went wrong then, which the system tells only once."""
        if self._flushing is not None:
            self._flushing.result()

    def commit(self) -> None:
        """Flush the bytes, rename, then flush the folder's entry."""
        with no_room_told():
            self._await_flush()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            _make_folder(self._target.parent)
            self._temporary.replace(self._target)
            _flush_folder(self._target.parent)

    def abort(self) -> None:
        """Forget the file."""
        with contextlib.suppress(OSError):
            self._await_flush()  # of the file's descriptor, which another file may get
        with contextlib.suppress(OSError):
            self._file.close()
        self._temporary.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that a power cut leaves them where they are."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _flush_folder(folder.parent)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def no_room_told() -> Iterator[None]:
    """Raise ``InsufficientStorage`` for a full disk."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise InsufficientStorage(
                "The disk of the server is full, so the bytes could not be kept.",
                hint="Free some space on it and send them again.",
            ) from error
        raise
