"""The script as a process."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator, Mapping, Sequence

from terrazul.core.errors import UserErrorException
from terrazul.node.process import LAUNCH
from terrazul.node.stop import Stop, StopReason


def launch(
    command: Sequence[str], directory: Path, variables: Mapping[str, str], log: Path, umask: int
) -> subprocess.Popen[bytes]:
    """Start a process that dies with the thread that calls this. Raises ``UserErrorException`` for too long words."""
    with log.open("ab") as output, _too_long_told():
        return subprocess.Popen(
            [sys.executable, "-I", "-S", LAUNCH, str(os.getpid()), *command],
            cwd=directory,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            umask=umask,
        )


def reap(note: Callable[[int, int], None]) -> None:
    """Wait for what was started and for the orphans that this process has adopted, until none is left.

    ``note`` is told the id and the exit code of each.
    """
    while True:
        try:
            pid, status = os.waitpid(-1, 0)
        except ChildProcessError:
            return
        note(pid, os.waitstatus_to_exitcode(status))


class Script:
    """A script that has been started; to be started by a thread that lives as long as the script shall."""

    def __init__(
        self, command: Sequence[str], directory: Path, variables: Mapping[str, str], log: Path, umask: int
    ) -> None:
        self._process = launch(command, directory, variables, log, umask)
        self._wake = threading.Event()
        threading.Thread(target=reap, args=(self._note_end,), name="reaper", daemon=True).start()

    def wait(self, stop: Stop, limit_seconds: float | None) -> int:
        """Wait for the script's end; returns its exit code, negative for a signal.

        Beyond the limit it gives the order to stop. Raises ``Stopped`` when there is that order; the script is then
        still there.
        """
        stop.when_ordered(self._wake.set)
        if not self._wake.wait(limit_seconds):
            stop.order(StopReason.TOO_LONG)
        if self._process.returncode is None:
            stop.check()
        return int(self._process.returncode)

    def _note_end(self, pid: int, exit_code: int) -> None:
        if pid == self._process.pid:
            self._process.returncode = exit_code
            self._wake.set()


@contextmanager
def _too_long_told() -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        if problem.errno != errno.E2BIG:
            raise
        raise UserErrorException(
            "The script's arguments and environment variables are longer than this system passes to a process.",
            hint="Write what is long to a file of the source directory, and pass its name.",
        ) from None
