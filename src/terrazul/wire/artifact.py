"""Artifacts: the files of a run."""

from __future__ import annotations

from terrazul.core.dataclass import dataclass


@dataclass(frozen=True)
class Artifact:
    """A file of a run; its bytes are content-addressed by SHA-256."""

    path: str
    size: int
    digest: str
    created_at: str


@dataclass(frozen=True)
class LogFile:
    """A log of a run. It grows while ``open``; it is listed among the artifacts too."""

    path: str
    size: int
    open: bool
