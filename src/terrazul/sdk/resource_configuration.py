"""What a model asks for when it is deployed without a configuration of its own."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from terrazul.wire import model as wire


class ResourceConfiguration:
    """Cores, gigabytes of memory and graphics devices."""

    def __init__(
        self, cpu: Optional[float] = None, memory_in_gb: Optional[float] = None, gpu: Optional[int] = None
    ) -> None:
        self.cpu = cpu
        self.memory_in_gb = memory_in_gb
        self.gpu = gpu

    def serialize(self) -> Dict[str, Any]:
        """As v1's dictionary."""
        return {"cpu": self.cpu, "memoryInGB": self.memory_in_gb, "gpu": self.gpu}

    @staticmethod
    def deserialize(payload_obj: Optional[Mapping[str, Any]]) -> Optional[ResourceConfiguration]:
        """The object of such a dictionary; ``None`` for none."""
        if payload_obj is None:
            return None
        return ResourceConfiguration(payload_obj.get("cpu"), payload_obj.get("memoryInGB"), payload_obj.get("gpu"))

    def to_wire(self) -> wire.ResourceConfiguration:
        """As it travels; Terrazul's own."""
        return wire.ResourceConfiguration(self.cpu, self.memory_in_gb, self.gpu)

    def __repr__(self) -> str:
        return f"ResourceConfiguration(cpu={self.cpu!r}, memory_in_gb={self.memory_in_gb!r}, gpu={self.gpu!r})"
