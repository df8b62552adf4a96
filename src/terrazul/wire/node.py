"""What a server sets for the nodes that work for it."""

from __future__ import annotations

from terrazul.core.dataclass import dataclass


@dataclass(frozen=True)
class EnvironmentLimits:
    """How much the environments of a node may take; the server's settings say it."""

    build_seconds: int = 3600
    """How long the building of one may take."""
    build_bytes: int = 32 << 30
    """How much the building of one may write to disk."""
    kept_bytes: int = 0
    """How large all of them may be together; 0 for a fifth of their disk."""
