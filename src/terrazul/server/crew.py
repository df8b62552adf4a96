"""Several processes that answer side by side on one port.

The first process holds the home's lock and the port, answers nothing itself, and sees to it that the others live: one
that ends is replaced. They are copies of it, made before anything in it works, so they start at once and share its
memory. When it is gone, however it ended, they end too.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

_log = logging.getLogger(__name__)
_PAUSE_SECONDS = 1.0
"""A process that ends again within so long is replaced only after so long."""
_START_SECONDS = 25.0
_STOP_SECONDS = 10.0
_LOOK_SECONDS = 0.2
_READY = b"r"

Announce = Callable[[], AbstractContextManager[None]]
Serve = Callable[[Announce], None]
"""Serves until a signal ends it; enters what it is given while it answers."""


class Crew:
    """The processes. To be used in a process that has one thread."""

    def __init__(self, number: int, serve: Serve) -> None:
        self._number = number
        self._serve = serve
        self._started: dict[int, float] = {}
        self._stopping = False
        # Whoever holds the reading end sees its end when this process, which alone writes, is gone.
        self._lifeline, self._life = os.pipe()
        self._ready, self._readiness = os.pipe()

    def run(self, announced: Announce) -> bool:
        """Start all, and replace what ends until a signal comes; ``announced`` is entered while they answer.

        False where they did not come up; they have said why then.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for _ in range(self._number):
            self._start()
        came_up = self._wait_until_ready()
        if came_up:
            with announced():
                while not self._stopping:
                    self._replace_ended()
                    time.sleep(_LOOK_SECONDS)
        self._end_all()
        return came_up

    def _stop(self, *_signal: object) -> None:
        self._stopping = True

    def _start(self) -> None:
        process = os.fork()
        if process == 0:
            self._become_member()
        self._started[process] = time.monotonic()

    def _become_member(self) -> None:
        code = 1
        try:
            os.close(self._life)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            threading.Thread(target=self._end_with_first, name="lifeline", daemon=True).start()
            self._serve(self._told)
            code = 0
        except Exception:  # noqa: BLE001  # the edge of a process
            _log.exception("A process of the server ended")
        finally:
            os._exit(code)  # what the first process has open and means to do at its own end is not ours

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        os.write(self._readiness, _READY)
        yield

    def _end_with_first(self) -> None:
        os.read(self._lifeline, 1)
        os._exit(1)

    def _wait_until_ready(self) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        ready = 0
        while ready < self._number:
            if self._stopping or self._reap() or time.monotonic() > deadline:
                return False
            if select.select([self._ready], [], [], _LOOK_SECONDS)[0]:
                ready += len(os.read(self._ready, self._number))
        return True

    def _reap(self) -> list[float]:
        """When those were started that have ended."""
        ended = []
        for process in list(self._started):
            found, _status = os.waitpid(process, os.WNOHANG)
            if found:
                ended.append(self._started.pop(process))
        return ended

    def _replace_ended(self) -> None:
        for started_at in self._reap():
            _log.warning("A process of the server ended and is replaced")
            if time.monotonic() - started_at < _PAUSE_SECONDS:
                time.sleep(_PAUSE_SECONDS)
            self._start()

    def _end_all(self) -> None:
        for process in self._started:
            os.kill(process, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while self._started and time.monotonic() < deadline:
            self._reap()
            time.sleep(_LOOK_SECONDS / 10)
        for process in self._started:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
