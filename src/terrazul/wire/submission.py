"""Submitting a run."""

from __future__ import annotations

from dataclasses import field
from typing import Dict, Optional

from terrazul.core.dataclass import dataclass
from terrazul.wire.run_configuration import RunDefinition


@dataclass(frozen=True)
class RunSubmission:
    """A run that is to be executed on a compute target.

    The caller makes the id, so that a submission that is sent twice counts once.
    """

    run_id: str
    experiment_name: str
    definition: RunDefinition
    snapshot_id: Optional[str] = None
    parent_run_id: Optional[str] = None
    display_name: str = ""
    tags: Dict[str, str] = field(default_factory=dict)
    properties: Dict[str, str] = field(default_factory=dict)
