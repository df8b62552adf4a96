"""Where the nodes of clusters come from. One file in ``providers`` for each; all pass ``terrazul.testing.compute``."""

from __future__ import annotations

from typing import Protocol

from terrazul.server.compute.kind import ComputeKind
from terrazul.wire.compute import ComputeSize


class NodeProvider(Protocol):
    """Makes nodes and removes them. Calls may take as long as that takes, and may come from several threads."""

    @property
    def runners(self) -> ComputeKind:
        """What executes runs on the nodes."""

    def make(self, node: str) -> None:
        """Make the node of an id; making one that is there does nothing.

        Raises ``ComputeTargetException`` with the reason where it cannot be made.
        """

    def remove(self, node: str) -> None:
        """Remove a node, on which nothing is executed; removing one that is not there does nothing."""

    def sizes(self) -> list[ComputeSize]:
        """What a node can have."""
