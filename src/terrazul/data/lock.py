"""Locks of files, which end with the process that holds them, however it ends."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Optional


class FileLock:
    """A lock that is held, until ``release``; made by ``take``."""

    def __init__(self, descriptor: int, file: Path) -> None:
        self._descriptor = descriptor
        self._file = file

    @staticmethod
    def take(file: Path) -> Optional[FileLock]:
        """The lock of a file, which is made for it; ``None`` while somebody else holds it."""
        while True:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
            if not _lock(descriptor):
                os.close(descriptor)
                return None
            if _is_still(descriptor, file):
                return FileLock(descriptor, file)
            os.close(descriptor)  # who held it has removed the file meanwhile

    def release(self) -> None:
        """Let go of the lock, and remove its file."""
        with suppress(OSError):
            self._file.unlink()
        os.close(self._descriptor)


def _lock(descriptor: int) -> bool:
    try:
        import fcntl  # noqa: PLC0415  # POSIX alone has it; elsewhere one process at a time uses a cache
    except ImportError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still(descriptor: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except FileNotFoundError:
        return False
