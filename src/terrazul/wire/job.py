"""What a compute kind hands to a runner: a file, readable by its owner only."""

from __future__ import annotations

from dataclasses import field
from typing import Optional

from terrazul.core.dataclass import dataclass
from terrazul.wire.node import EnvironmentLimits
from terrazul.wire.run_configuration import RunDefinition
from terrazul.wire.workspace import WorkspaceScope

MEMBER_VARIABLE = "TERRAZUL_MEMBER"
"""Tells the processes of a run's nodes apart where these are on one machine; only runs on several nodes have it."""


@dataclass(frozen=True)
class Job:
    """One attempt to execute one run.

    The folder in which the file lies is the runner's own: journal, spool, logs and working directory stand beside it.
    """

    server_url: str
    token: str
    """The run token; it can do only what its run may."""
    workspace_id: str
    workspace: WorkspaceScope
    run_id: str
    attempt: int
    experiment_id: str
    experiment_name: str
    definition: RunDefinition
    environments_folder: str
    """Where environments of this node are built and shared, one folder per content."""
    snapshot_id: Optional[str] = None
    parent_run_id: Optional[str] = None
    root_run_id: str = ""
    experiment_number: int = 0
    """By which MLflow knows the experiment."""
    data_cache_bytes: int = 0
    """How large the node's cache for data may be; 0 for a fifth of its disk."""
    data_mount_bytes: int = 256 << 20
    """How large an input is that is mounted where the node can; what is smaller is brought before the script starts."""
    environment_limits: EnvironmentLimits = field(default_factory=EnvironmentLimits)
    member: int = 0
    """Which of the run's nodes this is for; 0 is the head, and the only one of most runs."""

    @property
    def node_count(self) -> int:
        """How many nodes the run has."""
        return self.definition.node_count

    @property
    def is_head(self) -> bool:
        """Whether its runner speaks for the whole run."""
        return self.member == 0
