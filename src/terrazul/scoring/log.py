"""The log of a service: what its workers print, and a line for each request."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path
from typing import Callable, List, Optional

_LIMIT = 32 << 20
_TAIL = 1 << 16


class ServiceLog:
    """A file that grows up to a size, with its former content beside it (``.1``); standard error without a file.

    Workers write to it by a descriptor of their own, so it is emptied in place, never replaced.
    """

    def __init__(self, file: Optional[Path], limit: int = _LIMIT) -> None:
        self.file = file
        self._limit = limit
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = os.dup(2) if file is None else os.open(file, flags, 0o600)
        self._waiting: List[str] = []
        self._schedule: Optional[Callable[[Callable[[], None]], object]] = None
        self._second = 0
        self._stamp = ""

    @property
    def descriptor(self) -> int:
        """What a worker's output goes to."""
        return self._descriptor

    def buffer_with(self, schedule: Callable[[Callable[[], None]], object]) -> None:
        """Have lines of requests gathered; ``schedule`` is to call a function a moment later."""
        self._schedule = schedule

    def line(self, text: str) -> None:
        """Write a line (each of its lines, if it has several) at once."""
        self.flush()
        self._write("".join(f"{self._now()} {line}\n" for line in text.splitlines()))

    def request(self, text: str) -> None:
        """Note a request; lines are gathered for a moment, where a loop runs."""
        self._waiting.append(f"{self._now()} {text}\n")
        if self._schedule is None:
            self.flush()
        elif len(self._waiting) == 1:
            self._schedule(self.flush)

    def flush(self) -> None:
        """Write what was gathered."""
        if self._waiting:
            lines, self._waiting = self._waiting, []
            self._write("".join(lines))

    def look_after(self) -> None:
        """Begin the file anew when it has grown beyond its limit; called now and then."""
        with contextlib.suppress(OSError):  # a full disk must end no service
            if self.file is not None and os.fstat(self._descriptor).st_size > self._limit:
                self._rotate(self.file)

    def tail(self) -> str:
        """The end of the log."""
        self.flush()
        if self.file is None:
            return ""
        with self.file.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            stream.seek(max(0, size - _TAIL))
            return stream.read().decode("utf-8", "replace")

    def close(self) -> None:
        """Write what is left and let go of the file."""
        self.flush()
        os.close(self._descriptor)

    def _write(self, text: str) -> None:
        try:
            os.write(self._descriptor, text.encode("utf-8", "backslashreplace"))
        except OSError:
            return  # a full disk must end no service; it loses the line

    def _rotate(self, file: Path) -> None:
        shutil.copyfile(file, file.with_name(file.name + ".1"))
        os.ftruncate(self._descriptor, 0)

    def _now(self) -> str:
        moment = time.time()
        second = int(moment)
        if second != self._second:
            self._second = second
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._stamp}.{int(moment % 1 * 1000):03d}Z"
