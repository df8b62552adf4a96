"""What a compute kind hands to a runner: a file, readable by its owner only."""

from __future__ import annotations

from dataclasses import field
from typing import Optional

from terrazul.core.dataclass import dataclass
from terrazul.wire.node import EnvironmentLimits
from terrazul.wire.run_configuration import RunDefinition
from terrazul.wire.workspace import WorkspaceScope


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
