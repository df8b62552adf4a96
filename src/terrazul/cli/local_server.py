"""The server's process on this machine: whether it lives, starting it, stopping it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from typing import List, Mapping, Optional, Sequence
from urllib.parse import urlsplit

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import Conflict, Forbidden, InvalidInput, TerrazulError
from terrazul.core.home import Home
from terrazul.sdk.client import tls_context
from terrazul.wire import codec
from terrazul.wire.server import ServerFile

_OLDEST_PYTHON = (3, 10)
_START_SECONDS = 30.0
_STOP_SECONDS = 20.0
_ANSWER_SECONDS = 10.0
_LOOK_SECONDS = 0.02
_HEALTH_SECONDS = 5.0
_TAIL_BYTES = 16384
_TAIL_LINES = 15
_MISSING_MODULE = re.compile(r"ModuleNotFoundError: No module named '(?P<name>[\w.]+)'")


@dataclass(frozen=True)
class RunningProcess:
    """A server that holds the lock of its home."""

    pid: int
    about: Optional[ServerFile]
    """What ``server.json`` says of it; None while it is starting, or where the file is damaged."""

    @property
    def url(self) -> str:
        """Its address, or nothing where that is not known."""
        return self.about.url if self.about else ""

    def answers(self) -> bool:
        """Whether it answers there."""
        return self.about is not None and answers(self.about.url, self.about.ca_file)


class StartFailed(TerrazulError):
    """The server did not come up, and did not say why in a sentence of its own."""

    code = "start_failed"
    log: Sequence[str] = ()
    """The lines that it wrote last."""


def find(home: Home) -> Optional[RunningProcess]:
    """The server of a home; None where there is none, or only what a killed one left behind."""
    try:
        pid = int(home.lock_file.read_text())
    except (OSError, ValueError):
        return None
    if not (_is_alive(pid) and _is_locked(home)):
        return None
    about = read_server_file(home)
    return RunningProcess(pid, about if about and about.pid == pid else None)


def read_server_file(home: Home) -> Optional[ServerFile]:
    """What ``server.json`` says; None where it is missing or damaged."""
    try:
        return codec.decode(ServerFile, home.server_file.read_bytes())
    except (OSError, ValueError, KeyError, TypeError):
        return None


def answers(url: str, ca_file: str = "") -> bool:
    """Whether a server answers at the address; a certificate that these certificates do not vouch for is nobody's."""
    address = urlsplit(url)
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError, InvalidInput):
        host, port = address.hostname or "", address.port
        connection = http.client.HTTPConnection(host, port, timeout=_HEALTH_SECONDS)
        if address.scheme == "https":
            connection = http.client.HTTPSConnection(host, port, timeout=_HEALTH_SECONDS, context=tls_context(ca_file))
        with contextlib.closing(connection):
            connection.request("GET", "/health")
            answer = connection.getresponse()
            return answer.status == http.client.OK and json.loads(answer.read()) == {"status": "ok"}
    return False  # also for another program on that port, whatever it says


def command_of(home: Home, settings: List[str]) -> List[str]:
    """The command line of the server's process."""
    return [sys.executable, "-m", "terrazul.server", "--home", str(home.path), *settings]


def check_startable(home: Home) -> None:
    """Raise ``TerrazulError`` where no server can be started in this home by this interpreter; makes the home."""
    if sys.platform == "win32":
        raise TerrazulError(
            "The server runs on Linux and macOS, not on Windows.",
            hint="Start it inside WSL, and point TERRAZUL_SERVER and TERRAZUL_TOKEN to it from here.",
        )
    if sys.version_info < _OLDEST_PYTHON:
        raise TerrazulError(
            f"The server needs Python 3.10 or newer, and this is {sys.version.split()[0]} ({sys.executable}).",
            hint="Install terrazul[server] into a newer Python and run its `terrazul up`.",
        )
    try:
        home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(home, f"cannot be made: {error.strerror}") from error
    if not os.access(home.path, os.W_OK | os.X_OK):
        raise _unusable(home, "cannot be written to")


def start(home: Home, settings: List[str], environment: Mapping[str, str]) -> RunningProcess:
    """Start the server in a session of its own and return once it answers.

    Its output goes to ``server.log``. Raises ``TerrazulError`` with the reason, and the last lines of the log, where
    it does not come up.
    """
    check_startable(home)
    with os.fdopen(os.open(home.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
        begin = log.seek(0, os.SEEK_END)
        process = subprocess.Popen(
            command_of(home, settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=home.path,  # Python looks for modules in the current folder first, so it must not be the user's
            env=dict(environment),
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        about = read_server_file(home)
        started = RunningProcess(process.pid, about)
        if about and about.pid == process.pid and started.answers():
            return started
        if process.poll() is not None:
            other = find(home)  # somebody else started one at the same moment, and was first
            if other:
                return wait_until_answers(home, other)
            raise _explain(home, begin)
        time.sleep(_LOOK_SECONDS)
    process.terminate()
    raise _failed(home, begin, f"The server did not answer within {_START_SECONDS:.0f} seconds.")


def wait_until_answers(home: Home, running: RunningProcess) -> RunningProcess:
    """The server of a home, as soon as it answers. Raises ``Conflict`` where it does not."""
    deadline = time.monotonic() + _ANSWER_SECONDS
    while not running.answers():
        if time.monotonic() > deadline:
            state = "does not answer" if running.url else "runs, but its server.json is missing or damaged"
            raise Conflict(
                f"The server (process {running.pid}) of {home.path} {state}.",
                target=str(running.pid),
                hint="Run `terrazul down`, then `terrazul up`.",
            )
        time.sleep(_LOOK_SECONDS)
        running = find(home) or running
    return running


def stop(home: Home, running: RunningProcess) -> None:
    """Ask a server to end, and wait until it has. Raises ``Conflict`` where it does not, or ``Forbidden``."""
    try:
        os.kill(running.pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError:
        raise Forbidden(
            f"The server (process {running.pid}) belongs to another user.",
            target=str(running.pid),
            hint="Only that user can stop it.",
        ) from None
    deadline = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < deadline:
        if not (_is_alive(running.pid) and _is_locked(home)):
            return
        time.sleep(_LOOK_SECONDS)
    raise Conflict(
        f"The server (process {running.pid}) has not ended within {_STOP_SECONDS:.0f} seconds.",
        target=str(running.pid),
        hint=f"Wait, or end it with `kill -9 {running.pid}`: nothing that it acknowledged is lost.",
    )


def _is_alive(pid: int) -> bool:
    if sys.platform == "win32":
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return pid > 0
    return pid > 0


def _is_locked(home: Home) -> bool:
    """Whether a process holds the home's lock: unlike a process id, it is never anybody else's."""
    import fcntl  # noqa: PLC0415  # POSIX alone has it, as it alone has the server; the rest of this module is imported anywhere

    try:
        descriptor = os.open(home.lock_file, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _explain(home: Home, begin: int) -> TerrazulError:
    """Why a server ended while it was starting, from what it wrote."""
    lines = _written(home, begin)
    missing = next(filter(None, (_MISSING_MODULE.search(line) for line in lines)), None)
    if missing and missing["name"].partition(".")[0] != "terrazul":
        return TerrazulError(
            f"The server needs the package {missing['name']!r}, which {sys.executable} does not have.",
            hint='Install what the server needs: pip install "terrazul[server]".',
        )
    told = [line for line in lines if line and not line.startswith(("{", "Traceback", " "))]
    if told and not any(line.startswith("Traceback") for line in lines):
        return Conflict(" ".join(told))
    return _failed(home, begin, "The server ended while it was starting.")


def _failed(home: Home, begin: int, happened: str) -> StartFailed:
    error = StartFailed(happened, target=str(home.path), hint="`terrazul doctor` looks for causes.")
    error.log = _written(home, begin)[-_TAIL_LINES:]
    return error


def _written(home: Home, begin: int) -> List[str]:
    with contextlib.suppress(OSError), home.log_file.open("rb") as log:
        size = log.seek(0, os.SEEK_END)
        log.seek(max(begin, size - _TAIL_BYTES))
        return log.read().decode("utf-8", "replace").splitlines()
    return []


def _unusable(home: Home, reason: str) -> TerrazulError:
    return Conflict(
        f"The home directory {home.path} {reason}.",
        target=str(home.path),
        hint="Give another one with --home or TERRAZUL_HOME, or correct its permissions.",
    )
