"""How far an import is, on one line of a terminal."""

from __future__ import annotations

import sys
import time
from typing import TextIO

_WIDTH = 24
_REFRESH_SECONDS = 0.1
_MEGABYTE = 1_000_000


class Bar:
    """A line that tells what is being done, and how many of the runs and how many bytes are through.

    It is written to a terminal only.
    """

    def __init__(self, verb: str, total: int, stream: TextIO = sys.stderr) -> None:
        self._verb = verb
        self._total = max(total, 1)
        self._stream = stream
        self._done = 0
        self._bytes = 0
        self._shown = 0.0
        self._is_shown = False

    def add_runs(self, count: int) -> None:
        """So many more runs are through."""
        self._done += count
        self._tell(always=True)

    def add_bytes(self, count: int) -> None:
        """So many more bytes are through."""
        self._bytes += count
        self._tell()

    def say(self, verb: str) -> None:
        """Something else is being done now."""
        self._verb = verb
        self._tell(always=True)

    def close(self) -> None:
        """Take the line away."""
        if self._is_shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _tell(self, *, always: bool = False) -> None:
        now = time.monotonic()
        if not self._stream.isatty() or (now - self._shown < _REFRESH_SECONDS and not always):
            return
        self._shown, self._is_shown = now, True
        share = min(self._done / self._total, 1.0)
        bar = ("#" * round(share * _WIDTH)).ljust(_WIDTH, ".")
        told = f"{self._verb} [{bar}] {share:4.0%}, {self._done} of {self._total} runs"
        self._stream.write(f"\r\x1b[K{told}, {self._bytes / _MEGABYTE:.0f} MB")
        self._stream.flush()
