"""Which compute targets there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from terrazul.core.errors import ComputeTargetException
from terrazul.server.compute.kind import ComputeKind

LOCAL = "local"


class Computes:
    """The compute targets by name."""

    def __init__(self, kinds: Mapping[str, ComputeKind]) -> None:
        self._kinds = kinds

    def forget(self, workspace_id: str, run_ids: Sequence[str]) -> None:
        """Put what is left of runs that have ended aside, on every compute."""
        for kind in self._kinds.values():
            kind.forget(workspace_id, run_ids)

    def clear(self, workspace_id: str) -> None:
        """Remove what was put aside."""
        for kind in self._kinds.values():
            kind.clear(workspace_id)

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
