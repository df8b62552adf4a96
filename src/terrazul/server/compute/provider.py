"""Where the nodes of clusters come from. One file in ``providers`` for each; all pass ``terrazul.testing.compute``."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from terrazul.server.compute.kind import ComputeKind
from terrazul.wire.compute import ComputeSize


class NodeProvider(Protocol):
    """Makes nodes and removes them. Calls may take as long as that takes, and may come from several threads."""

    @property
    def runners(self) -> ComputeKind:
        """What executes runs on the nodes."""

    def node_id(self, target: int) -> str:
        """An id for a further node of a target, by the target's key; nobody else's."""

    def why_lost(self, node: str) -> str:
        """Why a node that was made is out of reach, and is to be made again before it executes a run; else empty.

        It takes no time.
        """

    def make(self, node: str) -> None:
        """Make the node of an id; making one that is there does nothing.

        Raises ``ComputeTargetException`` with the reason where it cannot be made.
        """

    def remove(self, node: str) -> None:
        """Remove a node, on which nothing is executed; removing one that is not there does nothing."""

    def let_go(self, target: int) -> None:
        """Tidy up after a target whose nodes are gone, and that is about to be forgotten, as far as that can be."""

    def keep_only(self, targets: Collection[int]) -> None:
        """Begin to tidy up after all other targets, which went with their workspaces. It takes no time."""

    def sizes(self) -> list[ComputeSize]:
        """What a node can have."""
