"""What the SDK tells the person at the screen: lines, warnings, and the progress of long transfers."""

from __future__ import annotations

import sys
import time
from typing import TextIO

_MEGABYTE = 1_000_000
_PATIENCE_SECONDS = 1.0
_REFRESH_SECONDS = 0.2


def say(text: str) -> None:
    """Write a line to standard output, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    """Tell of something that did not stop the work; it goes to the logger ``terrazul``, else to standard error."""
    import logging  # noqa: PLC0415  # seldom needed, and a script's first line must come soon

    logging.getLogger("terrazul").warning("%s", text)


class Progress:
    """One line on a terminal that tells how far a transfer of many bytes is; silent for short ones and in files."""

    def __init__(self, verb: str, total: int, stream: TextIO = sys.stderr) -> None:
        self._verb = verb
        self._total = total
        self._stream = stream
        self._done = 0
        self._started = time.monotonic()
        self._shown = 0.0

    def add(self, count: int) -> None:
        """So many more bytes are through."""
        self._done += count
        now = time.monotonic()
        if now - self._started < _PATIENCE_SECONDS or now - self._shown < _REFRESH_SECONDS:
            return
        if self._stream.isatty():
            self._shown = now
            self._write(now)

    def close(self) -> None:
        """Take the line away."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _write(self, now: float) -> None:
        rate = self._done / (now - self._started) / _MEGABYTE
        done, total = self._done / _MEGABYTE, self._total / _MEGABYTE
        self._stream.write(f"\r\x1b[K{self._verb} {done:.0f} of {total:.0f} MB, {rate:.1f} MB/s")
        self._stream.flush()
