"""Making room: the environments that were not used for longest go, when all together are larger than they may be."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from terrazul.node.environment import lock, ready, use
from terrazul.node.environment.ready import Kept
from terrazul.node.log import TimedLog

_SHARE_OF_DISK = 5
_GOING = ".evicted-"
_BUILDING = ".building-"
_LOCK = ".lock"
_MB = 1_000_000


def make_room(folder: Path, limit: int, log: TimedLog) -> None:
    """Remove the least used environments below a folder until they fit the limit, and tell each in the log.

    One that is in use stays, whatever the limit. What killed processes left half removed or half built goes, too.
    """
    _clear_leftovers(folder)
    allowed = limit or shutil.disk_usage(folder).total // _SHARE_OF_DISK
    there = sorted(ready.kept(folder), key=lambda each: use.last_use(each.home))
    total = sum(each.size for each in there)
    if total <= allowed:
        return
    busy = use.named_by_processes(each.home for each in there)
    for each in there:
        if total <= allowed:
            return
        if each.home not in busy and _remove(each):
            total -= each.size
            log.line(
                f"removed the environment {each.name!r} ({each.home.name}, {each.size // _MB} MB), which was not used "
                f"for longest: all may take {allowed // _MB} MB together"
            )
    if total > allowed:
        log.line(f"the environments in use take {total // _MB} MB together, more than the {allowed // _MB} MB they may")


def _remove(environment: Kept) -> bool:
    """Take an environment away in one step, unless somebody uses it; what is renamed nobody finds any more."""
    going = tempfile.mkdtemp(prefix=f"{environment.home.name}{_GOING}", dir=environment.home.parent)
    try:
        with use.nobody_uses(environment.home) as free:
            if free:
                environment.home.rename(going)
    except OSError:
        free = False  # somebody else has taken it away
    shutil.rmtree(going, ignore_errors=True)
    return free


def _clear_leftovers(folder: Path) -> None:
    for leftover in folder.glob(f"*{_GOING}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    for leftover in folder.glob(f"*{_BUILDING}*"):
        builders = folder / f"{leftover.name.partition(_BUILDING)[0]}{_LOCK}"
        if builders.exists():  # what has none is of another kind, and looked after by who builds it
            with lock.attempt(builders) as nobody_builds:
                if nobody_builds:
                    shutil.rmtree(leftover, ignore_errors=True)
