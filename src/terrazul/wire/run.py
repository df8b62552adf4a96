"""Runs."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Dict, List, Optional


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
    """One execution, with everything but its metrics, files and logs."""

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


@dataclass(frozen=True)
class RunPage:
    """One page of a list of runs, newest first; ``next_page`` continues it and is stable while new runs arrive."""

    runs: List[Run]
    total: int
    next_page: Optional[str] = None


@dataclass(frozen=True)
class RunEvent:
    """One step of a run's life, with its time: the state it came to, or a phase of the runner and its seconds."""

    time: str
    state: Optional[RunState] = None
    phase: str = ""
    seconds: Optional[float] = None
    message: str = ""


@dataclass(frozen=True)
class Heartbeat:
    """A runner is alive."""

    attempt: int
    phase: str = ""


@dataclass(frozen=True)
class HeartbeatAnswer:
    """What the runner must know at once."""

    cancel: bool
    """True when the run is to end: cancel the script."""
    fenced: bool = False
    """True when another attempt has taken over (or the run has ended): stop, and write nothing more."""
