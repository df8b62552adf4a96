"""The mounts of one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from terrazul.data.files import DatasetFile
from terrazul.node.stop import Stop
from terrazul.runner.data.mounting import Mount, MountPlan, planned
from terrazul.runner.data.way import Way
from terrazul.runner.folder import PREPARATION_LOG, RunFolder
from terrazul.runner.variables import cache_folder


class Mounts:
    """Mounts inputs, and ends all of it when the script is over."""

    def __init__(self, way: Way, folder: RunFolder, stop: Stop, say: Callable[[str], None]) -> None:
        self._way = way
        self._folder = folder
        self._stop = stop
        self._say = say
        self._mounts: list[Mount] = []

    def add(self, name: str, files: Sequence[DatasetFile], point: Path) -> bool:
        """Mount the files of an input; false where that did not succeed. Raises ``Stopped``."""
        job = self._way.job
        log = str(self._folder.log(PREPARATION_LOG))
        plan = MountPlan(str(cache_folder(job)), job.data_cache_bytes, log, planned(files))
        mount = Mount(self._folder.root, plan, self._folder.data / "mounts" / f"{name}.json", point)
        self._mounts.append(mount)
        if not mount.is_ready(self._stop):
            self._mounts.remove(mount)
            self._say(f"input {name}: is brought, since its mount did not start")
            return False
        self._say(f"input {name}: {len(files)} files mounted at {point}")
        return True

    def end(self) -> None:
        """Unmount all."""
        while self._mounts:
            self._mounts.pop().end()
