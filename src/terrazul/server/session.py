"""Processes of ours on this machine that outlive the server: each in a session of its own, in a folder of its own.

A lock on a file in the folder, which the process inherits and holds for as long as it lives, tells whether it is alive:
unlike a process id, it is never anybody else's.
"""

from __future__ import annotations

import contextlib
import enum
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

_HIDDEN_PREFIXES = ("AZUREML_", "MLFLOW_", "TERRAZUL_TOKEN", "TERRAZUL_DATABASE", "PGPASSWORD", "TERRAZUL_MASTER_KEY")

_OF_CLOUDS = ("AWS_", "AZURE_", "GOOGLE_")
_kept_for_children: dict[str, str] = {}
_kept_for_storage: dict[str, str] = {}


def keep_clouds_from_server(of_storage: str = "") -> None:
    """Take what would let programs into a cloud out of this process's variables; those that are started have it.

    A library that the server reaches datastores with would use it beside the credential of a datastore, or send it to
    wherever somebody says that one is. What begins with ``of_storage`` lets in where the files of all workspaces lie:
    no program that is started has it.
    """
    for name in [name for name in os.environ if name.startswith(_OF_CLOUDS)]:
        kept = _kept_for_storage if of_storage and name.startswith(of_storage) else _kept_for_children
        kept[name] = os.environ.pop(name)


@contextlib.contextmanager
def variables_of_storage() -> Iterator[None]:
    """Let a library see what lets it into the storage, while it opens it. For a process that has one thread."""
    os.environ.update(_kept_for_storage)
    try:
        yield
    finally:
        for name in _kept_for_storage:
            os.environ.pop(name, None)


class SessionState(str, enum.Enum):
    """What has become of a process."""

    ABSENT = "absent"
    """It was never started."""
    ALIVE = "alive"
    GONE = "gone"
    """It was started and is no more."""


class Program(NamedTuple):
    """What is to be started: one of our modules, its arguments, and the assignment that it finds in its folder."""

    module: str
    arguments: Sequence[str]
    assignment_file: str
    assignment: bytes
    """It holds a token, so only its owner may read it."""


class Sessions:
    """The processes of one kind; ``name`` is what their files are called, and ``log`` the file of their output."""

    def __init__(self, name: str, log: str) -> None:
        self._name = name
        self._log = log
        self._children: dict[Path, subprocess.Popen[bytes]] = {}

    def state(self, folder: Path) -> SessionState:
        """Alive while the lock is held."""
        self._children = {at: child for at, child in self._children.items() if child.poll() is None}
        started = self._process_file(folder)
        if not started.exists() and not self._lock_file(folder).exists():
            return SessionState.ABSENT
        with self._locked(folder) as lock:
            if lock is None:
                return SessionState.ALIVE
            self._reap(folder)
        return SessionState.GONE if started.exists() else SessionState.ABSENT

    def start(self, folder: Path, program: Program) -> None:
        """Start a program in a folder, made where it is not there; does nothing where one is alive in it."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked(folder) as lock:
            if lock is None:
                return
            self._reap(folder)
            _write_secret(folder / program.assignment_file, program.assignment)
            with (folder / self._log).open("ab") as log:
                # The safe-path isolation of -I: nothing is imported from the current folder or by PYTHON* variables.
                child = subprocess.Popen(
                    [sys.executable, "-I", "-m", program.module, *program.arguments, str(folder)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=folder,
                    env=environment_of_children(),
                    start_new_session=True,
                    pass_fds=[lock],
                )
            self._process_file(folder).write_text(str(child.pid))
        self._children[folder] = child

    def signal(self, folder: Path, number: signal.Signals) -> None:
        """Send a signal to the process, if it is alive."""
        with self._locked(folder) as lock:
            if lock is None:
                with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
                    os.kill(int(self._process_file(folder).read_text()), number)

    def kill(self, folder: Path, belongs: Callable[[Mapping[str, str]], bool]) -> None:
        """SIGKILL for the process, then for every process whose environment belongs to what it was at work on."""
        self.signal(folder, signal.SIGKILL)
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if belongs(process.environ()):
                    process.kill()

    def _reap(self, folder: Path) -> None:
        """Take the exit code of one that has let go of its lock: that comes a moment before its end."""
        if child := self._children.pop(folder, None):
            child.wait()

    def _process_file(self, folder: Path) -> Path:
        return folder / f"{self._name}.pid"

    def _lock_file(self, folder: Path) -> Path:
        return folder / f"{self._name}.lock"

    @contextlib.contextmanager
    def _locked(self, folder: Path) -> Iterator[int | None]:
        """The lock of a folder as a descriptor; None where a living process holds it, or there is no folder."""
        try:
            descriptor = os.open(self._lock_file(folder), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            yield None
            return
        try:
            yield descriptor if take_lock(descriptor) else None
        finally:
            os.close(descriptor)


def take_lock(descriptor: int) -> bool:
    """Lock an open file, unless another process holds its lock; it lasts until all who have inherited it are gone."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_secret(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def environment_of_children() -> dict[str, str]:
    """The variables that programs find which are started from here."""
    whole = {**os.environ, **_kept_for_children}
    return {name: value for name, value in whole.items() if not name.startswith(_HIDDEN_PREFIXES)}
