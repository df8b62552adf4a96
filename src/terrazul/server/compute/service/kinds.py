"""The kinds of compute of one server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from terrazul.server.compute.kind import ComputeKind
from terrazul.wire.compute import LOCAL

_KIND = "kind"


class Computes:
    """What executes runs, by the names of the kinds."""

    def __init__(self, kinds: Mapping[str, ComputeKind]) -> None:
        self._kinds = kinds

    def get(self, kind: str) -> ComputeKind:
        """The kind of a name."""
        return self._kinds[kind]

    def of(self, placement: Mapping[str, Any]) -> ComputeKind:
        """The kind that a placement is of; those of earlier versions name none, and are of this machine."""
        return self._kinds[str(placement.get(_KIND, LOCAL))]

    def placed(self, kind: str, placement: Mapping[str, Any]) -> dict[str, Any]:
        """A placement that names its kind."""
        return {_KIND: kind, **placement}

    def forget(self, workspace_id: str, run_ids: Sequence[str]) -> None:
        """Put what is left of runs that have ended aside, on every compute."""
        for kind in self._kinds.values():
            kind.forget(workspace_id, run_ids)

    def clear(self, workspace_id: str) -> None:
        """Remove what was put aside."""
        for kind in self._kinds.values():
            kind.clear(workspace_id)
