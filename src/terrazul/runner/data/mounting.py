"""A mount as a process of its own, so that neither the runner nor the script ever waits for its own file system.

``python -I -m terrazul.runner.data.mounting <folder of the attempt> <plan> <mount point>`` mounts until SIGTERM; it
also ends, and unmounts, when its runner is gone.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from terrazul.core.dataclass import dataclass
from terrazul.data.cache import Cache
from terrazul.data.delivery import cached, fetch_of
from terrazul.node.log import TimedLog
from terrazul.node.stop import Stop
from terrazul.runner.data.way import Way
from terrazul.runner.folder import RunFolder
from terrazul.wire import codec
from terrazul.wire.datastore import DataFile

if TYPE_CHECKING:
    from terrazul.data.files import DatasetFile
    from terrazul.data.mount.filesystem import MountedFile

_PR_SET_PDEATHSIG = 1
_READY_WITHIN = 10.0
_ENDED_WITHIN = 5.0
_GLANCE = 0.02
_MNT_DETACH = 2


@dataclass(frozen=True)
class PlannedFile:
    """A file of a mount, as the process is told of it."""

    path: str
    datastore: str
    file: DataFile


@dataclass(frozen=True)
class MountPlan:
    """All that a mount shows."""

    cache_folder: str
    cache_bytes: int
    log: str
    files: list[PlannedFile] = field(default_factory=list)


class Mount:
    """A mount that was started; to be ended."""

    def __init__(self, attempt: Path, plan: MountPlan, plan_file: Path, point: Path) -> None:
        plan_file.parent.mkdir(parents=True, exist_ok=True)
        plan_file.write_bytes(codec.encode(plan))
        point.mkdir(parents=True, exist_ok=True)
        self.point = point
        program = [sys.executable, "-I", "-m", "terrazul.runner.data.mounting"]
        with plan_file.with_suffix(".log").open("ab") as log:
            self._process = subprocess.Popen(
                [*program, str(attempt), str(plan_file), str(point)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def is_ready(self, stop: Stop) -> bool:
        """Wait until files are found in it; false where it has failed. Raises ``Stopped``."""
        deadline = time.monotonic() + _READY_WITHIN
        while time.monotonic() < deadline and self._process.poll() is None:
            if os.path.ismount(self.point):
                return True
            stop.check()
            stop.wait(_GLANCE)
        self.end()
        return False

    def end(self) -> None:
        """Unmount, whoever may still have files of it open."""
        self._process.terminate()
        try:
            self._process.wait(_ENDED_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if os.path.ismount(self.point):
            _detach(self.point)


def planned(files: Sequence[DatasetFile]) -> list[PlannedFile]:
    """The files of a dataset for a plan."""
    return [PlannedFile(each.path, each.datastore, each.file) for each in files]


def main(arguments: Sequence[str]) -> int:
    """Mount until SIGTERM; returns the exit code of the process."""
    from terrazul.data.mount.filesystem import Files, mount  # noqa: PLC0415  # mfusepy is optional

    attempt, plan_file, point = map(Path, arguments)
    _die_with_runner()
    plan = codec.decode(MountPlan, plan_file.read_bytes())
    cache = Cache(Path(plan.cache_folder), plan.cache_bytes)
    with cache.lease() as folder:
        files = Files(_mounted(attempt, plan, cache), cache, folder, TimedLog(Path(plan.log)).line)
        mount(files, point)
    return 0


def _mounted(attempt: Path, plan: MountPlan, cache: Cache) -> list[MountedFile]:
    from terrazul.data.mount.filesystem import MountedFile  # noqa: PLC0415  # as in main

    way = Way(RunFolder(attempt).read_job(), cache, Stop())
    stores = {each.datastore for each in plan.files}
    fetches = {store: fetch_of(way, store, lambda _: None) for store in stores}
    return [
        MountedFile(each.path, cached(f"{way.workspace_id}/{each.datastore}", each.file), fetches[each.datastore])
        for each in plan.files
    ]


def _die_with_runner() -> None:
    runner = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
    if os.getppid() != runner:
        sys.exit("The runner has gone.")


def _detach(point: Path) -> None:
    """Take a mount away whose process has gone."""
    if os.getuid() == 0:
        ctypes.CDLL(None).umount2(os.fsencode(point), _MNT_DETACH)
        return
    for program in ("fusermount3", "fusermount"):
        try:
            subprocess.run([program, "-u", "-z", str(point)], check=False, capture_output=True)
        except FileNotFoundError:
            continue
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
