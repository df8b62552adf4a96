"""Running uv for a build: watched, within limits, and what it says read as it says it."""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import time
from pathlib import Path
from typing import Sequence

from terrazul.core.dataclass import dataclass
from terrazul.node import process
from terrazul.node.environment import below, index, program
from terrazul.node.environment.progress import Progress
from terrazul.node.log import TimedLog
from terrazul.node.stop import Stop
from terrazul.wire.node import EnvironmentLimits

_GLANCE = 0.05
_GLANCES_PER_LOOK = 10
_TOLD_BYTES = 1 << 16
_STARTING_WITH_OURS = re.compile(r"(TERRAZUL_|PYTHON|VIRTUAL_ENV|CONDA_)")


class UvFailed(Exception):
    """uv did not do it; the text is the reason, in one line."""


class BeyondLimit(UvFailed):
    """It was ended, since it took more than it may."""


@dataclass
class Uv:
    """Runs uv; its output goes into the log."""

    log: TimedLog
    stop: Stop
    limits: EnvironmentLimits
    progress: Progress
    """Told of each line that it says, and of what is seen."""

    def __post_init__(self) -> None:
        self._deadline = time.monotonic() + self.limits.build_seconds

    def run(self, arguments: Sequence[str], folder: Path) -> None:
        """Run one command in a folder. Raises ``UvFailed``, or ``Stopped``."""
        begin = self.log.file.stat().st_size
        with self.log.file.open("ab") as output:
            uv = subprocess.Popen(
                [program.uv(), *arguments],
                cwd=folder,
                env=_variables_of_build(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        ended = _End(uv)
        try:
            self._watch(uv, ended, _Lines(self.log.file, begin))
        finally:
            ended.close()
            if uv.poll() is None:
                process.end_tree(uv.pid)
                uv.wait()
        if uv.returncode:
            raise UvFailed(reason_in(_tail(self.log.file, begin)))

    def _watch(self, uv: subprocess.Popen[bytes], ended: _End, lines: _Lines) -> None:
        """Until it has ended."""
        glances = 0
        while uv.poll() is None:
            ended.wait(_GLANCE)
            self.stop.check()
            for line in lines.new():
                self.progress.read(line)
            if time.monotonic() > self._deadline:
                raise BeyondLimit(f"it took longer than {self.limits.build_seconds} s")
            glances += 1
            if glances % _GLANCES_PER_LOOK == 0:
                self._look(uv.pid)
        for line in lines.new():
            self.progress.read(line)

    def _look(self, pid: int) -> None:
        seen = below.look(pid)
        self.progress.see(seen.compiled)
        if seen.written > self.limits.build_bytes:
            raise BeyondLimit(f"it wrote more than {self.limits.build_bytes} bytes to disk")


class _End:
    """The end of a process, noticed at once where the system can tell of it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._descriptor = -1
        with contextlib.suppress(AttributeError, OSError):
            self._descriptor = os.pidfd_open(process.pid)

    def wait(self, seconds: float) -> None:
        """Wait for it, but not longer."""
        if self._descriptor >= 0:
            select.select([self._descriptor], [], [], seconds)
        else:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)

    def close(self) -> None:
        """Wait no more."""
        if self._descriptor >= 0:
            os.close(self._descriptor)


class _Lines:
    """The lines that a file gets, whole ones."""

    def __init__(self, file: Path, position: int) -> None:
        self._file = file
        self._position = position

    def new(self) -> list[str]:
        with self._file.open("rb") as stream:
            stream.seek(self._position)
            data = stream.read()
        end = data.rfind(b"\n") + 1
        self._position += end
        return data[:end].decode("utf-8", "replace").splitlines()


def uv_variables() -> dict[str, str]:
    """The environment of uv: it asks nothing, downloads no Python, and finds packages where the user's pip does."""
    kept = {name: value for name, value in os.environ.items() if not _STARTING_WITH_OURS.match(name)}
    return {**kept, **index.variables(kept), "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}


def _variables_of_build() -> dict[str, str]:
    """Without a terminal it shows no bars, but says what it fetches and compiles."""
    return {name: value for name, value in uv_variables().items() if name != "UV_NO_PROGRESS"}


def _tail(file: Path, begin: int) -> str:
    with file.open("rb") as stream:
        stream.seek(max(begin, file.stat().st_size - _TOLD_BYTES))
        return stream.read().decode("utf-8", "replace")


def reason_in(output: str) -> str:
    """What uv's output says went wrong: its error, the first cause, and what a package's own build said last."""
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    errors = [line.partition("error:")[2].strip() for line in lines if line.startswith("error:")]
    causes = [line.partition("cause:")[2].strip() for line in lines if line.lstrip().startswith("cause:")]
    begin = next((index for index, line in enumerate(lines) if line.strip() == "[stderr]"), len(lines))
    said = [line.strip() for line in lines if re.match(r"\s+[\w.]*(Error|Exception)\b", line)] or [
        line.strip() for line in lines[begin + 1 : begin + 2]
    ]
    parts = errors[-1:] + causes[:1] + said[-1:]
    return ": ".join(part.rstrip(".:") for part in parts or lines[-1:] or ["uv gave no reason"]) + "."
