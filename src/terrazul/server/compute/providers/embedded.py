"""Nodes that are places on the server's machine: made at once, and at no cost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from pathlib import Path

import psutil

from terrazul.core.ids import new_guid
from terrazul.server.compute.kind import ComputeKind
from terrazul.wire.compute import ComputeSize


class EmbeddedNodes:
    """A node is a right to execute a run on this machine; the machine itself has as many places as ``concurrency``."""

    def __init__(self, runners: ComputeKind, folder: Path) -> None:
        self._runners = runners
        self._folder = folder

    @property
    def runners(self) -> ComputeKind:
        """What executes runs on this machine."""
        return self._runners

    def node_id(self, target: int) -> str:  # noqa: ARG002  # nodes have nothing of their target
        """Any that is new."""
        return new_guid()

    def why_lost(self, node: str) -> str:  # noqa: ARG002  # this machine is here
        """It never is."""
        return ""

    def make(self, node: str) -> None:
        """There is nothing to make."""

    def remove(self, node: str) -> None:
        """Nor to remove."""

    def let_go(self, target: int) -> None:
        """Nor to tidy up."""

    def keep_only(self, targets: Collection[int]) -> None:
        """Nor then."""

    def sizes(self) -> list[ComputeSize]:
        """This machine, as a whole: its nodes share it."""
        memory, disk = psutil.virtual_memory().total, shutil.disk_usage(self._folder).total
        gpus = len(list(Path("/dev").glob("nvidia[0-9]*")))
        return [ComputeSize("local", os.cpu_count() or 1, memory, disk, gpus)]
