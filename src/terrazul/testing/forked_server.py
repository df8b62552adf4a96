"""Servers that are forked off a process that has imported the modules, which is most of a start.

What tests say of a server holds for them alike, and a test run takes a fifth less time. What is measured is started
as users start it.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["terrazul.server.process"])


class ForkedServer:
    """The process of a server, as ``subprocess.Popen`` shows one."""

    def __init__(self, options: Sequence[str], variables: Mapping[str, str], log: Path) -> None:
        start = (list(options), dict(variables), log, Path.cwd())
        self._process = _forks.Process(target=_serve, args=start, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        """Its id."""
        assert self._process.pid
        return self._process.pid

    def poll(self) -> int | None:
        """Its exit code; None while it lives."""
        return self._process.exitcode

    def wait(self) -> int | None:
        """Its exit code, once it has ended."""
        self._process.join()
        return self._process.exitcode


def _serve(options: list[str], variables: dict[str, str], log: Path, folder: Path) -> None:
    """What the new process does."""
    from terrazul.server.process import main  # noqa: PLC0415  # the process that it is forked off has it, tests have not

    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.chdir(folder)
    if "LD_PRELOAD" in variables:  # which counts for programs as they begin
        program = [sys.executable, "-m", "terrazul.server"]
        os.execve(program[0], [*program, *options], variables)  # noqa: S606  # no shell is wanted
    os.environ.clear()
    os.environ.update(variables)
    gc.disable()  # as terrazul.server.__main__ does
    sys.exit(main(options))
