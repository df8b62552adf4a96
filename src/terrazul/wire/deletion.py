"""Deleting for good: what goes, what it frees, and how far it has come."""

from __future__ import annotations

import enum
from dataclasses import field
from typing import List, Optional

from terrazul.core.dataclass import dataclass


@dataclass(frozen=True)
class Selection:
    """What is to be deleted. Experiments take their runs with them, and runs the runs below them."""

    experiment_ids: List[str] = field(default_factory=list)
    run_ids: List[str] = field(default_factory=list)
    model_ids: List[str] = field(default_factory=list)
    """``name:version``, or a name alone for all its versions and the name itself."""
    path: Optional[str] = None
    """Of the one run that is named only this file, or what lies below this folder."""
    deleted_for_seconds: Optional[int] = None
    """Instead of naming anything: what has been deleted in MLflow's way for at least so long."""


@dataclass(frozen=True)
class DeletionHindrance:
    """Why something cannot be deleted."""

    type: str
    id: str
    reason: str
    hint: str


@dataclass(frozen=True)
class DeletionPreview:
    """What a deletion would do. It is refused while there are hindrances."""

    experiments: int
    runs: int
    """The runs below others among them."""
    models: int
    """Versions."""
    files: int
    bytes: int
    """What the disk gets back: contents that nothing else names."""
    shared_bytes: int
    """What stays, since it is named by something that stays."""
    things: List[str] = field(default_factory=list)
    """The first of what goes, for people."""
    kept: List[str] = field(default_factory=list)
    """What stays although one might expect otherwise, for people."""
    hindrances: List[DeletionHindrance] = field(default_factory=list)


@dataclass(frozen=True)
class NewDeletion:
    """An order to delete. The id is made by the client; sent twice, it counts once."""

    deletion_id: str
    selection: Selection


class DeletionState(str, enum.Enum):
    """How far a deletion is. From the first moment on nobody sees what goes, and its names are free."""

    REMOVING = "Removing"
    COLLECTING = "Collecting"
    """Everything is forgotten; bytes are being removed from the disk."""
    DONE = "Done"


@dataclass(frozen=True)
class Deletion:
    """A deletion and how far it is."""

    deletion_id: str
    state: DeletionState
    experiments: int
    runs: int
    models: int
    files: int
    """Files that were deleted by their path."""
    created_at: str
    created_by: str
    runs_left: int = 0
    freed_bytes: int = 0
    ended_at: Optional[str] = None
