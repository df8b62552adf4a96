"""Runs on this machine: each runner is a process in a session of its own.

A lock on a file, which the runner inherits and holds for as long as it lives, tells whether it is alive: unlike a
process id, it is never anybody else's.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from terrazul.server.compute.kind import Placement, RunnerStatus
from terrazul.wire import codec
from terrazul.wire.job import Job

_RUN_VARIABLE = "AZUREML_RUN_ID"
_WORKSPACE_VARIABLE = "AZUREML_WORKSPACE_ID"
_HIDDEN_PREFIXES = ("AZUREML_", "MLFLOW_", "TERRAZUL_TOKEN")


class LocalCompute:
    """This machine."""

    def __init__(self, runs_folder: Path) -> None:
        self._runs_folder = runs_folder
        self._children: list[subprocess.Popen[bytes]] = []

    def place(self, job: Job) -> Placement:
        """A folder of its own for each attempt."""
        return {"folder": str(self._runs_folder / job.workspace_id / job.run_id / str(job.attempt))}

    def launch(self, job: Job, placement: Placement) -> None:
        """Start the runner."""
        self._start(job, placement, [])

    def status(self, placement: Placement) -> RunnerStatus:
        """Alive while its lock is held."""
        self._reap()
        folder = Path(placement["folder"])
        if not _process_file(folder).exists() and not _lock_file(folder).exists():
            return RunnerStatus.ABSENT
        with _lock(folder) as lock:
            if lock is None:
                return RunnerStatus.ALIVE
        return RunnerStatus.GONE if _process_file(folder).exists() else RunnerStatus.ABSENT

    def cancel(self, placement: Placement) -> None:
        """SIGTERM means cancel to a runner."""
        self._signal(Path(placement["folder"]), signal.SIGTERM)

    def kill(self, placement: Placement) -> None:
        """SIGKILL for the runner, then for every process with the ids of workspace and run in its environment."""
        folder = Path(placement["folder"])
        self._signal(folder, signal.SIGKILL)
        marks = {_WORKSPACE_VARIABLE: folder.parent.parent.name, _RUN_VARIABLE: folder.parent.name}
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if marks.items() <= process.environ().items():
                    process.kill()

    def deliver(self, job: Job, placement: Placement) -> None:
        """The runner's own program, told to send what is left."""
        self.kill(placement)
        self._start(job, placement, ["--deliver"])

    def _start(self, job: Job, placement: Placement, options: list[str]) -> None:
        folder = Path(placement["folder"])
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _lock(folder) as lock:
            if lock is None:
                return
            _write_secret(folder / "job.json", codec.encode(job))
            with (folder / "runner.log").open("ab") as log:
                # The safe-path isolation of -I: nothing is imported from the current folder or by PYTHON* variables.
                child = subprocess.Popen(
                    [sys.executable, "-I", "-m", "terrazul.runner", *options, str(folder)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=folder,
                    env=_runner_environment(),
                    start_new_session=True,
                    pass_fds=[lock],
                )
            _process_file(folder).write_text(str(child.pid))
        self._children.append(child)

    def _reap(self) -> None:
        self._children = [child for child in self._children if child.poll() is None]

    def _signal(self, folder: Path, number: int) -> None:
        with _lock(folder) as lock:
            if lock is None:
                with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
                    os.kill(int(_process_file(folder).read_text()), number)


def _process_file(folder: Path) -> Path:
    return folder / "runner.pid"


def _lock_file(folder: Path) -> Path:
    return folder / "runner.lock"


class _lock:  # noqa: N801  # reads as a function where it is used
    """The lock of a folder as a descriptor; None where a living runner holds it."""

    def __init__(self, folder: Path) -> None:
        self._path = _lock_file(folder)
        self._descriptor: int | None = None

    def __enter__(self) -> int | None:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        self._descriptor = descriptor
        return descriptor

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


def _write_secret(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _runner_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_HIDDEN_PREFIXES)}
