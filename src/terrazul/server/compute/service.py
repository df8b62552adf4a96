"""Which compute targets there are."""

from __future__ import annotations

from collections.abc import Mapping

from terrazul.core.errors import ComputeTargetException
from terrazul.server.compute.kind import ComputeKind

LOCAL = "local"


class Computes:
    """The compute targets by name."""

    def __init__(self, kinds: Mapping[str, ComputeKind]) -> None:
        self._kinds = kinds

    def get(self, target: str) -> ComputeKind:
        """The kind behind a target. Raises ``ComputeTargetException`` for a name that is not known."""
        kind = self._kinds.get(target)
        if kind is None:
            raise ComputeTargetException(
                f"There is no compute target {target!r} in this workspace.",
                target=target,
                hint=f"The targets are: {', '.join(sorted(self._kinds))}.",
            )
        return kind
