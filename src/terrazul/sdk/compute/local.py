"""The machine itself, as v1's first releases name it."""

from __future__ import annotations

from typing import Any, Mapping

from terrazul.wire.compute import LOCAL


class AbstractComputeTarget:
    """A compute target of v1's first releases: a type and a name."""

    def __init__(self, compute_target_type: str, name: str) -> None:
        self._type = compute_target_type
        self._name = name

    @property
    def type(self) -> str:
        """What it is."""
        return self._type

    @property
    def name(self) -> str:
        """The name."""
        return self._name

    @staticmethod
    def deserialize_from_dict(
        compute_target_name: str, compute_target_dict: Mapping[str, Any]
    ) -> AbstractComputeTarget:
        """The object of a name and a dictionary that tells its type."""
        return AbstractComputeTarget(str(compute_target_dict.get("type", LOCAL)), compute_target_name)


class LocalTarget(AbstractComputeTarget):
    """The machine itself."""

    def __init__(self) -> None:
        super().__init__(LOCAL, LOCAL)
