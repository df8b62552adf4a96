"""How much a workspace may use, and how much it does."""

from __future__ import annotations

from dataclasses import field
from typing import List, Optional

from terrazul.core.dataclass import dataclass


@dataclass(frozen=True)
class QuotaLimits:
    """Limits of a workspace: 0 is no limit, ``None`` is what the server's settings say."""

    storage_bytes: Optional[int] = None
    """The bytes of files: snapshots, files of runs and models, closed logs. Equal files count once."""
    concurrent_runs: Optional[int] = None
    """Submitted runs that are executed at once; further ones wait."""
    running_per_user: Optional[int] = None
    """The same, of one user."""
    waiting_per_user: Optional[int] = None
    """Runs of one user that wait; further ones are refused."""


@dataclass(frozen=True)
class QueueUse:
    """How many submitted runs of a user are executed, and how many wait."""

    user: str
    running: int
    waiting: int


@dataclass(frozen=True)
class Quota:
    """What a workspace may use and does use."""

    limits: QuotaLimits
    """What counts."""
    own: QuotaLimits
    """What was set for this workspace; the rest comes from the server's settings."""
    storage_bytes: int
    running: int
    waiting: int
    users: List[QueueUse] = field(default_factory=list)
    """Those who have submitted runs that have not ended, by name."""
