"""Runs."""

from __future__ import annotations

import enum
from dataclasses import field
from typing import Dict, List, Optional

from terrazul.core.dataclass import dataclass
from terrazul.wire.metric import MetricSummary


class RunState(str, enum.Enum):
    """Where a run is in its life; the words are v1's."""

    NOT_STARTED = "NotStarted"
    QUEUED = "Queued"
    PREPARING = "Preparing"
    PROVISIONING = "Provisioning"
    STARTING = "Starting"
    RUNNING = "Running"
    FINALIZING = "Finalizing"
    CANCEL_REQUESTED = "CancelRequested"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELED = "Canceled"

    @property
    def terminal(self) -> bool:
        """True for a state that is never left (but by reopening an interactive run)."""
        return self in {RunState.COMPLETED, RunState.FAILED, RunState.CANCELED}


@dataclass(frozen=True)
class RunError:
    """Why a run failed, in one sentence a person can act on."""

    message: str
    code: str = "UserError"
    """``UserError`` where the script or its definition is the cause, ``SystemError`` where Terrazul is."""
    exit_code: Optional[int] = None
    last_error_line: str = ""
    log_path: str = ""
    """The log file of the run in which to look, with ``log_line`` its line (from 1) where one is known."""
    log_line: Optional[int] = None
    hint: str = ""


@dataclass(frozen=True)
class Run:
    """One execution, with everything but the histories of its metrics, its files and its logs."""

    run_id: str
    experiment_id: str
    experiment_name: str
    number: int
    type: str
    state: RunState
    display_name: str
    description: str
    tags: Dict[str, str]
    properties: Dict[str, str]
    root_run_id: str
    created_at: str
    created_by: str
    parent_run_id: Optional[str] = None
    started_at: Optional[str] = None
    ended_at: Optional[str] = None
    target: str = "local"
    snapshot_id: Optional[str] = None
    error: Optional[RunError] = None
    warnings: List[str] = field(default_factory=list)
    attempt: int = 1
    interactive: bool = False
    parameters: Dict[str, str] = field(default_factory=dict)
    metrics: List[MetricSummary] = field(default_factory=list)
    """Empty, unless a list was asked to include them."""
    archived_at: Optional[str] = None
    deleted_at: Optional[str] = None
    """When it was deleted in MLflow's way, from which it can be restored."""
    queue_reason: str = ""
    """For a run that waits: what it waits for, in a sentence; empty where it is about to begin."""
    queue_position: Optional[int] = None
    """For a run that waits: its place in the line of its target, from 1; None where a limit holds it back."""
    held_until: Optional[str] = None
    """For a run that has failed and whose node and folder are kept: until when."""
    phase: str = ""
    """For a run that is executed: what its runner does at the moment, as it said a few seconds ago."""


@dataclass(frozen=True)
class RunPage:
    """One page of a list of runs; ``next_page`` continues it and is stable while new runs arrive."""

    runs: List[Run]
    total: Optional[int] = None
    """How many runs fit, where that was asked for."""
    next_page: Optional[str] = None


class RunSelection(str, enum.Enum):
    """Which runs a list shows; ``DELETED`` are those that can be restored."""

    ACTIVE = "active"
    ARCHIVED = "archived"
    DELETED = "deleted"
    ALL = "all"
    """Active and archived ones."""


class RunInclusion(str, enum.Enum):
    """What a list of runs holds only where it is asked for."""

    METRICS = "metrics"
    TOTAL = "total"


@dataclass(frozen=True)
class RunSearch:
    """Which runs are wanted, in which order; a filter and the terms of an order are written as the guide says."""

    filter: str = ""
    order_by: List[str] = field(default_factory=list)
    experiment_names: Optional[List[str]] = None
    parent_run_id: Optional[str] = None
    root_run_id: Optional[str] = None
    include_children: bool = True
    include: List[RunInclusion] = field(default_factory=list)
    limit: int = 100
    page: Optional[str] = None
    """``next_page`` of the page before."""
    view: RunSelection = RunSelection.ACTIVE


@dataclass(frozen=True)
class RunEvent:
    """One step of a run's life, with its time: the state it came to, or a phase of the runner and its seconds."""

    time: str
    state: Optional[RunState] = None
    phase: str = ""
    seconds: Optional[float] = None
    message: str = ""
