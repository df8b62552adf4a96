"""Who uses an environment: what is in use is never taken away.

A user holds a shared lock on a file beside the environment for as long as its process lives, however it ends. What such
a process leaves behind when it is killed is known by its command line and its variables, which name the environment.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Iterable

from terrazul.node.environment import lock

_SUFFIX = ".used"
_HELD: list[int] = []
"""The locks of this process, which end with it."""


def hold(home: Path) -> None:
    """Use an environment, which may not be there yet, until this process ends."""
    home.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = lock.opened(_file(home))
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    _HELD.append(descriptor)
    os.utime(descriptor)


def last_use(home: Path) -> float:
    """When somebody last began to use it; for one that was never held, when it was made."""
    for file in (_file(home), home):
        with contextlib.suppress(OSError):
            return file.stat().st_mtime
    return 0.0


def nobody_uses(home: Path) -> contextlib.AbstractContextManager[bool]:
    """Whether nobody holds it; then nobody can begin to, until the end of the block."""
    return lock.attempt(_file(home))


def named_by_processes(homes: Iterable[Path]) -> set[Path]:
    """Those that the command line or the variables of a running process name."""
    wanted = {home: os.fsencode(home) for home in homes}
    found: set[Path] = set()
    for process in Path("/proc").glob("[0-9]*"):
        said = _said_of(process)
        found.update(home for home, name in wanted.items() if name in said)
    return found


def _said_of(process: Path) -> bytes:
    parts = []
    for name in ("cmdline", "environ"):
        with contextlib.suppress(OSError):  # it has ended, or is somebody else's
            parts.append((process / name).read_bytes())
    return b"\0".join(parts)


def _file(home: Path) -> Path:
    return home.with_name(home.name + _SUFFIX)
