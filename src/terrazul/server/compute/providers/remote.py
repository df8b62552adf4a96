"""Nodes that are places on machines that somebody attached: there while the machine is connected."""

from __future__ import annotations

from collections.abc import Collection

from terrazul.core.errors import ComputeTargetException, TerrazulError
from terrazul.server.compute.kind import ComputeKind
from terrazul.server.compute.remote.machines import Machines
from terrazul.server.compute.remote.message import machine_of, node_of
from terrazul.wire.compute import ComputeSize


class RemoteNodes:
    """A node is a right to execute a run on its machine, which is connected and prepared with the first of them."""

    def __init__(self, runners: ComputeKind, machines: Machines) -> None:
        self._runners = runners
        self._machines = machines

    @property
    def runners(self) -> ComputeKind:
        """What executes runs on the machines."""
        return self._runners

    def node_id(self, target: int) -> str:
        """An id that names the target."""
        return node_of(str(target))

    def why_lost(self, node: str) -> str:
        """Its machine is not connected."""
        return self._machines.problem(machine_of(node))

    def make(self, node: str) -> None:
        """Connect its machine, and lay out there what runs take. Raises ``ComputeTargetException``."""
        try:
            self._machines.connect(machine_of(node))
        except ComputeTargetException:
            raise
        except TerrazulError as problem:
            raise ComputeTargetException(problem.message, target=problem.target, hint=problem.hint) from None

    def remove(self, node: str) -> None:
        """There is nothing to remove: the machine is somebody else's."""

    def let_go(self, target: int) -> None:
        """Remove from the machine what the target has there, and close the connection."""
        self._machines.let_go(str(target), tidy=True)

    def keep_only(self, targets: Collection[int]) -> None:
        """Do so for the machines of all others."""
        kept = set(map(str, targets))
        for machine in self._machines.connected():
            if machine not in kept:
                self._machines.begin_to_let_go(machine)

    def sizes(self) -> list[ComputeSize]:
        """What the machines have that are connected."""
        return [
            ComputeSize("remote", each["cores"], each["memory_bytes"], each["disk_bytes"], each["gpus"])
            for each in self._machines.about()
        ]
