"""The processes of one node, as the runner's script is for a run of one process."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from terrazul.core import clock
from terrazul.node.stop import Stop, StopReason
from terrazul.runner.gang import Gang
from terrazul.runner.process import launch, reap


class Start(NamedTuple):
    """One process that is to be started. Servers go on until the workers of all nodes are over."""

    command: Sequence[str]
    variables: Mapping[str, str]
    log: Path
    rank: int | None = None
    is_server: bool = False


class Failure(NamedTuple):
    """The first process that failed, and when."""

    start: Start
    exit_code: int
    time: int


class Processes:
    """Started by a thread that lives as long as they shall."""

    def __init__(self, starts: Sequence[Start], directory: Path, umask: int, gang: Gang) -> None:
        self._gang = gang
        self._wake = threading.Event()
        self.failure: Failure | None = None
        gang.let_go_of_ports()
        self._running = {
            launch(start.command, directory, start.variables, start.log, umask).pid: start for start in starts
        }
        if all(start.is_server for start in starts):
            self._wake.set()
        if starts:
            threading.Thread(target=reap, args=(self._note_end,), name="reaper", daemon=True).start()

    def wait(self, stop: Stop, limit_seconds: float | None) -> int:
        """Wait until the workers of all nodes are over; returns 0, or the exit code of the first here that failed.

        Beyond the limit it gives the order to stop. Raises ``Stopped`` when there is that order; what has been started
        is then still there.
        """
        deadline = None if limit_seconds is None else time.monotonic() + limit_seconds
        stop.when_ordered(self._wake.set)
        self._wake.wait(limit_seconds)
        has_told = False
        while self.failure is None:
            if deadline is not None and time.monotonic() > deadline:
                stop.order(StopReason.TOO_LONG)
            stop.check()
            if not has_told:
                self._gang.end()
                has_told = True
            if self._gang.all_ended:
                return 0
            self._gang.listen(self._gang.pause)
        return self.failure.exit_code

    def _note_end(self, pid: int, exit_code: int) -> None:
        start = self._running.pop(pid, None)
        if start is None:
            return
        if exit_code and self.failure is None:
            self.failure = Failure(start, exit_code, clock.now())
            self._wake.set()
        if all(each.is_server for each in self._running.values()):
            self._wake.set()
