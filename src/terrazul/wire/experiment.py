"""Experiments."""

from __future__ import annotations

from dataclasses import field
from typing import Dict, List, Optional

from terrazul.core.dataclass import dataclass


@dataclass(frozen=True)
class Experiment:
    """A group of runs under a name that is unique in its workspace."""

    experiment_id: str
    name: str
    description: str
    tags: Dict[str, str]
    created_at: str
    created_by: str
    archived_at: Optional[str] = None
    run_count: int = 0
    deleted_at: Optional[str] = None
    """When it was deleted in MLflow's way, from which it can be restored."""


@dataclass(frozen=True)
class ExperimentFolder:
    """A folder of experiments: those whose names begin with its path and ``/``."""

    path: str
    experiment_count: int
    run_count: int


@dataclass(frozen=True)
class NewExperiment:
    """Asking for an experiment that exists answers with that one."""

    name: str
    description: str = ""
    tags: Dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ExperimentChange:
    """What is to be different; ``None`` leaves a field as it is."""

    name: Optional[str] = None
    description: Optional[str] = None
    archived: Optional[bool] = None
    set_tags: Dict[str, str] = field(default_factory=dict)
    remove_tags: List[str] = field(default_factory=list)
