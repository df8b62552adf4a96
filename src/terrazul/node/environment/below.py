"""What a uv and all processes below it do, as the kernel tells it."""

from __future__ import annotations

import re
from pathlib import Path

from terrazul.core.dataclass import dataclass

_WRITTEN = re.compile(r"^wchar: (\d+)$", re.MULTILINE)
_COMPILES_IN = re.compile(r"/sdists-v\d+/(?:pypi|index/[^/]+)/([^/]+)/([^/]+)/")


@dataclass
class Activity:
    """What was seen in one look."""

    written: int
    """Bytes; those of descendants that have ended count, since their parents have waited for them."""
    compiled: list[str]
    """Packages, as ``name==version``, in whose sources a process works; uv is silent on those it needs to resolve."""


def look(pid: int) -> Activity:
    """What a process and its descendants do; nothing where the system does not tell."""
    activity, waiting = Activity(0, []), [pid]
    while waiting:
        process = Path("/proc", str(waiting.pop()))
        try:
            found = _WRITTEN.search((process / "io").read_text("ascii"))
            activity.written += int(found[1]) if found else 0
            if source := _COMPILES_IN.search(str((process / "cwd").readlink())):
                activity.compiled.append(f"{source[1]}=={source[2]}")
            for task in (process / "task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text("ascii").split()]
        except OSError:
            continue  # it has ended meanwhile
    activity.compiled = sorted(set(activity.compiled))
    return activity
