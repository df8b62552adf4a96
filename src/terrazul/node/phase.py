"""The phases of a longer work: each is told with its seconds, and none is silent for more than five."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import Callable, Iterator

from terrazul.node.log import TimedLog

_SILENCE = 5.0
Report = Callable[[str, float, str], None]
"""Takes the name of a phase that has ended, its seconds, and what is to be said of it."""


class Phases:
    """Goes from phase to phase, and knows which one it is in."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._name = ""
        self._detail = ""

    @property
    def current(self) -> str:
        """The phase, and what is being done in it where that is known."""
        return f"{self._name}: {self._detail}" if self._detail else self._name

    def tell(self, detail: str) -> None:
        """Something within the phase begins."""
        self._detail = detail

    def step(self, name: str, seconds: float, message: str) -> None:
        """Something within the phase is over."""
        self._report(name, seconds, message)

    @contextmanager
    def phase(self, name: str, log: TimedLog, *, quiet: bool = False) -> Iterator[list[str]]:
        """A phase, from its first line in the log to its report; what is put into the list is told with the end.

        ``quiet`` leaves out the lines that say it still goes on.
        """
        self._name, self._detail = name, ""
        notes: list[str] = []
        log.line(f"{name}: begins")
        start = time.monotonic()
        ticker = None if quiet else _Ticker(name, log, lambda: self._detail)
        try:
            yield notes
        except BaseException as problem:
            log.line(f"{name}: ended after {time.monotonic() - start:.3f} s: {str(problem) or type(problem).__name__}")
            raise
        else:
            log.line(f"{name}: done in {time.monotonic() - start:.3f} s {'; '.join(notes)}".rstrip())
        finally:
            if ticker:
                ticker.end()
            self._detail = ""
            self._report(name, time.monotonic() - start, "; ".join(notes))


class _Ticker:
    """Says every few seconds that something still goes on."""

    def __init__(self, name: str, log: TimedLog, detail: Callable[[], str]) -> None:
        self._ended = threading.Event()
        self._detail = detail
        self._name = name
        self._log = log
        self._start = time.monotonic()
        threading.Thread(target=self._tick, name="ticker", daemon=True).start()

    def end(self) -> None:
        """Say nothing more."""
        self._ended.set()

    def _tick(self) -> None:
        while not self._ended.wait(_SILENCE):
            detail = self._detail()
            doing = f": {detail}" if detail else ""
            self._log.line(f"{self._name}: goes on, {time.monotonic() - self._start:.0f} s so far{doing}")
