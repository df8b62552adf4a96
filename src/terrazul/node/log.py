"""The logs that a process on a compute writes about its own work."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from terrazul.core import clock


class TimedLog:
    """A log file whose lines begin with their time."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def line(self, text: str) -> None:
        """Append a line (each of its lines, if it has several)."""
        moment = clock.to_text(clock.now())
        lines = "".join(f"{moment} {line}\n" for line in text.splitlines())
        self.append(lines.encode("utf-8", "backslashreplace"))

    def append(self, data: bytes) -> None:
        """Append bytes as they are; a full disk must end nothing, so it loses the line."""
        with suppress(OSError), self.file.open("ab", buffering=0) as stream:
            stream.write(data)
