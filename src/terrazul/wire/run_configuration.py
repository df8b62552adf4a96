"""Run configurations: how a script runs where. v1's `.runconfig` sections, typed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from terrazul.wire.environment import EnvironmentDefinition


@dataclass(frozen=True)
class History:
    """What is collected from the working directory."""

    output_collection: bool = True
    directories_to_watch: List[str] = field(default_factory=lambda: ["logs"])
    snapshot_project: bool = True


@dataclass(frozen=True)
class RunDefinition:
    """Everything a runner needs to know to execute a run, besides its snapshot.

    Exactly one of ``script`` and ``command`` is given. ``arguments`` are texts; ``command`` is a shell line or a list.
    ``sections`` keeps the rest of a v1 run configuration (mpi, spark, data, …) under v1's camelCase keys.
    """

    script: str = ""
    command: List[str] = field(default_factory=list)
    command_is_shell: bool = False
    """True when ``command`` holds a single line for the shell, as v1 runs a command given as one text."""
    arguments: List[str] = field(default_factory=list)
    target: str = "local"
    framework: str = "Python"
    communicator: str = "None"
    node_count: int = 1
    max_run_duration_seconds: Optional[int] = None
    environment: EnvironmentDefinition = field(default_factory=EnvironmentDefinition)
    environment_variables: Dict[str, str] = field(default_factory=dict)
    history: History = field(default_factory=History)
    sections: Dict[str, Any] = field(default_factory=dict)
