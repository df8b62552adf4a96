"""What a process and all below it have written, as the kernel counts it."""

from __future__ import annotations

import re
from pathlib import Path

_WRITTEN = re.compile(r"^wchar: (\d+)$", re.MULTILINE)


def by_tree(pid: int) -> int:
    """Bytes that a process and its descendants have written; 0 where the system does not tell.

    Descendants that have ended count, since their parents have waited for them.
    """
    total, waiting = 0, [pid]
    while waiting:
        process = Path("/proc", str(waiting.pop()))
        try:
            found = _WRITTEN.search((process / "io").read_text("ascii"))
            total += int(found[1]) if found else 0
            for task in (process / "task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text("ascii").split()]
        except OSError:
            continue  # it has ended meanwhile
    return total
