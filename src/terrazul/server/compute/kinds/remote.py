"""Runs on machines that are reached over SSH: what runs them there is what runs them here.

Where there is no connection nobody can tell what has become of a runner: it goes on, records what it does, and is found
again. What it is to be told waits for that too; the queue says it again.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Sequence

from terrazul.server.compute.kind import Placement, RunnerStatus
from terrazul.server.compute.remote.machines import Machines
from terrazul.server.compute.remote.message import machine_of
from terrazul.server.compute.remote.reach import MachineUnreachable
from terrazul.wire import codec
from terrazul.wire.job import Job

_MACHINE, _FOLDER = "machine", "folder"


class RemoteCompute:
    """The machines of all targets."""

    def __init__(self, machines: Machines) -> None:
        self._machines = machines

    def place(self, job: Job, node: str) -> Placement:
        """In a folder that no other attempt ever has: what one left counts for none, be it forgotten or not."""
        folder = f"{job.workspace_id}/{job.run_id}/{job.attempt}-{secrets.token_hex(4)}"
        return {_MACHINE: machine_of(node), _FOLDER: folder}

    def launch(self, job: Job, placement: Placement) -> None:
        """Start the runner there; where there is no connection, the queue finds it absent later and says it again."""
        self._tell(placement, "launch", job=codec.to_plain(job))

    def status(self, placement: Placement) -> RunnerStatus:
        """What the machine says; the connection to one that is lost is made again meanwhile."""
        machine = str(placement[_MACHINE])
        if not self._machines.is_connected(machine):
            self._machines.connect_again(machine)
            return RunnerStatus.UNREACHABLE
        try:
            return RunnerStatus(self._machines.glance(machine, "status", placement=placement))
        except MachineUnreachable:
            return RunnerStatus.UNREACHABLE

    def cancel(self, placement: Placement) -> None:
        """Tell the runner to end its run."""
        self._tell(placement, "cancel")

    def kill(self, placement: Placement) -> None:
        """End the runner and what it started."""
        self._tell(placement, "kill")

    def forget(self, workspace_id: str, run_ids: Sequence[str]) -> None:
        """Have the machines that are connected put the folders aside. None of them has to: see ``place``."""
        self._tell_all("forget", workspace_id=workspace_id, run_ids=list(run_ids))

    def clear(self, workspace_id: str) -> None:
        """Have the machines that are connected remove them."""
        self._tell_all("clear", workspace_id=workspace_id)

    def deliver(self, job: Job, placement: Placement) -> None:
        """Have a process there send what a runner that is gone had recorded."""
        self._tell(placement, "deliver", job=codec.to_plain(job))

    def _tell(self, placement: Placement, call: str, **arguments: object) -> None:
        with contextlib.suppress(MachineUnreachable):
            self._machines.call(str(placement[_MACHINE]), call, placement=placement, **arguments)

    def _tell_all(self, call: str, **arguments: object) -> None:
        for machine in self._machines.connected():
            self._machines.tell(machine, call, **arguments)
