"""The processes that a run has brought forth, and their end."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Callable, Iterable, Mapping

import psutil

_GRACE = 5.0
_INSISTENCE = 5.0
_GLANCE = 0.05


def end_children() -> list[str]:
    """End every process below this one: SIGTERM, five seconds of grace, then SIGKILL until none is left.

    Returns the command lines of those there were.
    """
    me = psutil.Process()
    return _end(lambda: me.children(recursive=True))


def end_tree(pid: int) -> None:
    """End a process and every process below it, likewise, also what loses its parent meanwhile."""
    try:
        met = {psutil.Process(pid)}
    except psutil.NoSuchProcess:
        return

    def find() -> set[psutil.Process]:
        for process in frozenset(met):
            with contextlib.suppress(psutil.Error):
                met.update(process.children(recursive=True))
        return met

    _end(find)


def end_strays(variables: Mapping[str, str]) -> list[str]:
    """End, likewise, every process of this machine but this one whose environment has all these variables."""
    return _end(lambda: [process for process in psutil.process_iter() if _carries(process, variables)])


def _end(find: Callable[[], Iterable[psutil.Process]]) -> list[str]:
    met: dict[psutil.Process, str] = {}
    start = time.monotonic()
    while alive := [process for process in find() if _is_alive(process)]:
        elapsed = time.monotonic() - start
        if elapsed > _GRACE + _INSISTENCE:
            break
        for process in alive:
            if process not in met:
                met[process] = _describe(process)
                _send(process, signal.SIGTERM)
            if elapsed > _GRACE:
                _send(process, signal.SIGKILL)
        time.sleep(_GLANCE)
    return list(met.values())


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.Error:
        return


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _describe(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())[:200] or process.name()
    except psutil.Error:
        return f"process {process.pid}"


def _carries(process: psutil.Process, variables: Mapping[str, str]) -> bool:
    try:
        return process.pid != os.getpid() and variables.items() <= process.environ().items()
    except (psutil.Error, OSError):
        return False
