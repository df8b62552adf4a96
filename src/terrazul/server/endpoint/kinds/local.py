"""Web services on this machine: each supervisor is a process in a session of its own."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

from terrazul.server.endpoint.kind import Placement
from terrazul.server.session import Program, Sessions, SessionState
from terrazul.wire import codec
from terrazul.wire.endpoint import ServiceJob

_LOG = "service.log"
_ROOT_VARIABLE = "AML_APP_ROOT"
_BLOCK = 1 << 16


class LocalEndpoint:
    """This machine."""

    def __init__(self, services_folder: Path) -> None:
        self._services_folder = services_folder
        self._sessions = Sessions("supervisor", log=_LOG)

    def place(self, workspace_id: str, name: str) -> Placement:
        """A folder by workspace and name."""
        return {"folder": str(self._services_folder / workspace_id / name)}

    def launch(self, job: ServiceJob, placement: Placement) -> None:
        """Start the supervisor."""
        folder = _folder(placement)
        if self._sessions.state(folder) is SessionState.GONE:
            self.kill(placement)
        self._sessions.start(folder, Program("terrazul.scoring", [], "service.json", codec.encode(job)))

    def is_alive(self, placement: Placement) -> bool:
        """True while its lock is held."""
        return self._sessions.state(_folder(placement)) is SessionState.ALIVE

    def stop(self, placement: Placement) -> None:
        """SIGTERM means drain and end to a supervisor."""
        self._sessions.signal(_folder(placement), signal.SIGTERM)

    def kill(self, placement: Placement) -> None:
        """SIGKILL for the supervisor, then for every process whose app root lies in the folder."""
        folder = _folder(placement)
        within = str(folder) + os.sep
        self._sessions.kill(folder, lambda variables: variables.get(_ROOT_VARIABLE, "").startswith(within))

    def remove(self, placement: Placement) -> None:
        """Remove the folder; what is not there is no error."""
        folder = _folder(placement)
        if folder.exists():
            shutil.rmtree(folder)

    def log(self, placement: Placement, lines: int) -> str:
        """The end of the log, and of the one before where it has just been begun anew."""
        log = _folder(placement) / _LOG
        return b"".join(_last_lines([log.with_name(f"{_LOG}.1"), log], lines)).decode("utf-8", "replace")


def _folder(placement: Placement) -> Path:
    return Path(placement["folder"])


def _last_lines(files: list[Path], count: int) -> list[bytes]:
    found: list[bytes] = []
    for file in reversed(files):
        if count > len(found) and file.exists():
            found = _tail(file, count - len(found)) + found
    return found


def _tail(file: Path, count: int) -> list[bytes]:
    """The last lines of a file, read from its end."""
    with file.open("rb") as stream:
        begin = stream.seek(0, os.SEEK_END)
        data = b""
        while begin and data.count(b"\n") <= count:
            step = min(_BLOCK, begin)
            begin -= step
            stream.seek(begin)
            data = stream.read(step) + data
    return data.splitlines(keepends=True)[-count:]
