"""The processes that this one has started, and everything that descends from them."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
LAUNCH = str(Path(__file__).with_name("launch.py"))
"""Run by file between a process and what it starts, so that the one dies with the other."""


def adopt_descendants() -> None:
    """Make this process the parent of all that its descendants leave behind (on Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_descendants() -> list[str]:
    """End every process below this one; returns the command lines of those there were."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return []
    from terrazul.node import descendants  # noqa: PLC0415  # psutil costs as much as the rest of the start

    return descendants.end_children()


def end_tree(pid: int) -> None:
    """End a process and every process below it, and nothing else."""
    from terrazul.node import descendants  # noqa: PLC0415  # as above

    descendants.end_tree(pid)
