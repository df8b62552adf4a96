"""Runs on this machine: each runner is a process in a session of its own."""

from __future__ import annotations

import secrets
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from terrazul.server.compute.kind import Placement, RunnerStatus
from terrazul.server.session import Program, Sessions
from terrazul.wire import codec
from terrazul.wire.job import MEMBER_VARIABLE, Job

_RUN_VARIABLE = "AZUREML_RUN_ID"
_WORKSPACE_VARIABLE = "AZUREML_WORKSPACE_ID"


class LocalCompute:
    """This machine."""

    def __init__(self, runs_folder: Path) -> None:
        self._runs_folder = runs_folder
        self._sessions = Sessions("runner", log="runner.log")

    def place(self, job: Job, node: str) -> Placement:  # noqa: ARG002  # this machine is one node
        """A folder of its own for each attempt, and for each member of a run on several nodes."""
        name = str(job.attempt) if job.is_head else f"{job.attempt}.{job.member}"
        return {"folder": str(self._runs_folder / job.workspace_id / job.run_id / name)}

    def launch(self, job: Job, placement: Placement) -> None:
        """Start the runner."""
        self._start(job, placement, [])

    def status(self, placement: Placement) -> RunnerStatus:
        """Alive while its lock is held."""
        return RunnerStatus(self._sessions.state(Path(placement["folder"])).value)

    def cancel(self, placement: Placement) -> None:
        """SIGTERM means cancel to a runner."""
        self._sessions.signal(Path(placement["folder"]), signal.SIGTERM)

    def kill(self, placement: Placement) -> None:
        """SIGKILL for the runner, then for every process that names workspace, run and member in its environment."""
        folder = Path(placement["folder"])
        marks = {_WORKSPACE_VARIABLE: folder.parent.parent.name, _RUN_VARIABLE: folder.parent.name}
        member = folder.name.partition(".")[2] or "0"

        def belongs(variables: Mapping[str, str]) -> bool:
            return marks.items() <= variables.items() and variables.get(MEMBER_VARIABLE, "0") == member

        self._sessions.kill(folder, belongs)

    def forget(self, workspace_id: str, run_ids: Sequence[str]) -> None:
        """Rename the folders of the runs."""
        aside = self._aside(workspace_id)
        for run_id in run_ids:
            folder = self._runs_folder / workspace_id / run_id
            if folder.is_dir():
                aside.mkdir(exist_ok=True)
                folder.replace(aside / secrets.token_hex(16))

    def clear(self, workspace_id: str) -> None:
        """Remove the renamed folders."""
        shutil.rmtree(self._aside(workspace_id), ignore_errors=True)

    def _aside(self, workspace_id: str) -> Path:
        return self._runs_folder / workspace_id / ".deleted"  # no run's id begins with a dot

    def deliver(self, job: Job, placement: Placement) -> None:
        """The runner's own program, told to send what is left."""
        self.kill(placement)
        self._start(job, placement, ["--deliver"])

    def _start(self, job: Job, placement: Placement, options: list[str]) -> None:
        program = Program("terrazul.runner", options, "job.json", codec.encode(job))
        self._sessions.start(Path(placement["folder"]), program)
