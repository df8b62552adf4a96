"""Locks of files that end with the process that holds them; their files stay, so that all who wait mean the same."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Iterator


def opened(file: Path) -> int:
    """A descriptor of the file, which is made for it."""
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def taken(descriptor: int) -> bool:
    """Take the lock for this descriptor alone; false while somebody else holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def attempt(file: Path) -> Iterator[bool]:
    """Whether the lock could be taken; then it is held until the end of the block."""
    descriptor = opened(file)
    try:
        yield taken(descriptor)
    finally:
        os.close(descriptor)
