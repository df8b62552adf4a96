"""Everything that a running script, its runner or an interactive client records, in one ordered stream of batches.

A *writer* is one process. It numbers its batches from 1; the server applies each number once and in order, so a batch
that is sent again changes nothing, and ids made by the writer let it create runs while the server is away.
"""

from __future__ import annotations

from dataclasses import field
from typing import Dict, List, Optional

from terrazul.core.dataclass import dataclass
from terrazul.wire.metric import MetricPoint
from terrazul.wire.run import RunError, RunState


@dataclass(frozen=True)
class NewRun:
    """A run that its writer conducts itself (interactive, or a child inside a script)."""

    run_id: str
    experiment_name: str
    time: int
    parent_run_id: Optional[str] = None
    type: str = ""
    display_name: str = ""
    description: str = ""
    tags: Dict[str, str] = field(default_factory=dict)
    properties: Dict[str, str] = field(default_factory=dict)
    snapshot_id: Optional[str] = None
    state: RunState = RunState.RUNNING
    parameters: Dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunChange:
    """A change of what describes a run. Tags are mutable; a property or a parameter, once set, keeps its value."""

    run_id: str
    set_tags: Dict[str, str] = field(default_factory=dict)
    remove_tags: List[str] = field(default_factory=list)
    add_properties: Dict[str, str] = field(default_factory=dict)
    display_name: Optional[str] = None
    description: Optional[str] = None
    snapshot_id: Optional[str] = None
    warnings: List[str] = field(default_factory=list)
    add_parameters: Dict[str, str] = field(default_factory=dict)
    archived: Optional[bool] = None
    """Whether lists leave it out."""


@dataclass(frozen=True)
class NewArtifact:
    """A file whose bytes the server holds already (they are sent before)."""

    run_id: str
    path: str
    digest: str
    size: int
    time: int
    overwrite: bool = False
    """Without it, a path that holds other bytes is refused, as v1 does."""


@dataclass(frozen=True)
class StateChange:
    """A run comes to a state; applied through the one lifecycle function."""

    run_id: str
    state: RunState
    time: int
    attempt: Optional[int] = None
    """The runner's attempt; a change by an attempt that is no longer the current one is refused."""
    error: Optional[RunError] = None
    reopens: bool = False
    """True where MLflow's protocol speaks: an interactive run may go on after its end, or end otherwise."""


@dataclass(frozen=True)
class PhaseReport:
    """A phase of the runner is over."""

    run_id: str
    phase: str
    seconds: float
    time: int
    message: str = ""


@dataclass(frozen=True)
class WriteBatch:
    """One batch of a writer. The lists are applied in the order in which they stand here, each from its start."""

    writer: str
    sequence: int
    runs: List[NewRun] = field(default_factory=list)
    changes: List[RunChange] = field(default_factory=list)
    metrics: List[MetricPoint] = field(default_factory=list)
    artifacts: List[NewArtifact] = field(default_factory=list)
    phases: List[PhaseReport] = field(default_factory=list)
    states: List[StateChange] = field(default_factory=list)


@dataclass(frozen=True)
class Refusal:
    """One entry of a batch that was not applied; the others were."""

    kind: str
    """The list it stood in: ``runs``, ``changes``, …"""
    index: int
    code: str
    message: str
    run_id: str = ""


@dataclass(frozen=True)
class WriteAnswer:
    """The batch is durable."""

    applied: bool
    """False where this sequence number had been applied before; ``refusals`` are those of the first time."""
    refusals: List[Refusal] = field(default_factory=list)
