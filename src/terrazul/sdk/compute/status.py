"""How a cluster is, in v1's words."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, List, Mapping, Optional

from terrazul.core.clock import from_text, to_datetime
from terrazul.wire import compute as wire

_IDLE = ("PT", "S")


class ScaleSettings:
    """Between which numbers of nodes a cluster scales, and how long a node is idle before it goes."""

    def __init__(
        self,
        minimum_node_count: Optional[int],
        maximum_node_count: Optional[int],
        idle_seconds_before_scaledown: Optional[int],
    ) -> None:
        self.minimum_node_count = minimum_node_count
        self.maximum_node_count = maximum_node_count
        self.idle_seconds_before_scaledown = idle_seconds_before_scaledown

    def serialize(self) -> Dict[str, Any]:
        """As v1's dictionary."""
        idle = self.idle_seconds_before_scaledown
        return {
            "minNodeCount": self.minimum_node_count,
            "maxNodeCount": self.maximum_node_count,
            "nodeIdleTimeBeforeScaleDown": None if idle is None else f"{_IDLE[0]}{idle}{_IDLE[1]}",
        }

    @staticmethod
    def deserialize(object_dict: Optional[Mapping[str, Any]]) -> Optional[ScaleSettings]:
        """The object of such a dictionary; ``None`` for none."""
        if not object_dict:
            return None
        idle = str(object_dict.get("nodeIdleTimeBeforeScaleDown") or "").strip("".join(_IDLE))
        return ScaleSettings(
            object_dict.get("minNodeCount"), object_dict.get("maxNodeCount"), int(idle) if idle.isdecimal() else None
        )

    def __repr__(self) -> str:
        return (
            f"ScaleSettings(minimum_node_count={self.minimum_node_count!r}, "
            f"maximum_node_count={self.maximum_node_count!r}, "
            f"idle_seconds_before_scaledown={self.idle_seconds_before_scaledown!r})"
        )


class AmlComputeNodeStateCounts:
    """How many nodes are in which state."""

    def __init__(
        self,
        idle_node_count: Optional[int],
        leaving_node_count: Optional[int],
        preempted_node_count: Optional[int],
        preparing_node_count: Optional[int],
        running_node_count: Optional[int],
        unusable_node_count: Optional[int],
    ) -> None:
        self.idle_node_count = idle_node_count
        self.leaving_node_count = leaving_node_count
        self.preempted_node_count = preempted_node_count
        self.preparing_node_count = preparing_node_count
        self.running_node_count = running_node_count
        self.unusable_node_count = unusable_node_count

    def serialize(self) -> Dict[str, Any]:
        """As v1's dictionary."""
        return {
            "preparingNodeCount": self.preparing_node_count,
            "runningNodeCount": self.running_node_count,
            "idleNodeCount": self.idle_node_count,
            "unusableNodeCount": self.unusable_node_count,
            "leavingNodeCount": self.leaving_node_count,
            "preemptedNodeCount": self.preempted_node_count,
        }

    @staticmethod
    def deserialize(object_dict: Optional[Mapping[str, Any]]) -> Optional[AmlComputeNodeStateCounts]:
        """The object of such a dictionary; ``None`` for none."""
        if not object_dict:
            return None
        words = ("idle", "leaving", "preempted", "preparing", "running", "unusable")
        return AmlComputeNodeStateCounts(*(object_dict.get(f"{word}NodeCount") for word in words))


class AmlComputeStatus:
    """How a cluster is."""

    def __init__(
        self,
        allocation_state: Optional[str],
        allocation_state_transition_time: Optional[datetime],
        creation_time: Optional[datetime],
        current_node_count: Optional[int],
        errors: Optional[List[Any]],
        modified_time: Optional[datetime],
        node_state_counts: Optional[AmlComputeNodeStateCounts],
        provisioning_state: Optional[str],
        provisioning_state_transition_time: Optional[datetime],
        scale_settings: Optional[ScaleSettings],
        target_node_count: Optional[int],
        vm_priority: Optional[str],
        vm_size: Optional[str],
    ) -> None:
        self.allocation_state = allocation_state
        self.allocation_state_transition_time = allocation_state_transition_time
        self.creation_time = creation_time
        self.current_node_count = current_node_count
        self.errors = errors
        self.modified_time = modified_time
        self.node_state_counts = node_state_counts
        self.provisioning_state = provisioning_state
        self.provisioning_state_transition_time = provisioning_state_transition_time
        self.scale_settings = scale_settings
        self.target_node_count = target_node_count
        self.vm_priority = vm_priority
        self.vm_size = vm_size

    def serialize(self) -> Dict[str, Any]:
        """As v1's dictionary."""
        return {
            "currentNodeCount": self.current_node_count,
            "targetNodeCount": self.target_node_count,
            "nodeStateCounts": self.node_state_counts.serialize() if self.node_state_counts else None,
            "allocationState": self.allocation_state,
            "allocationStateTransitionTime": _text(self.allocation_state_transition_time),
            "errors": self.errors,
            "creationTime": _text(self.creation_time),
            "modifiedTime": _text(self.modified_time),
            "provisioningState": self.provisioning_state,
            "provisioningStateTransitionTime": _text(self.provisioning_state_transition_time),
            "scaleSettings": self.scale_settings.serialize() if self.scale_settings else None,
            "vmPriority": self.vm_priority,
            "vmSize": self.vm_size,
        }

    @staticmethod
    def deserialize(object_dict: Optional[Mapping[str, Any]]) -> Optional[AmlComputeStatus]:
        """The object of such a dictionary; ``None`` for none."""
        if not object_dict:
            return None
        given = object_dict.get
        return AmlComputeStatus(
            given("allocationState"),
            _time(given("allocationStateTransitionTime")),
            _time(given("creationTime")),
            given("currentNodeCount"),
            given("errors"),
            _time(given("modifiedTime")),
            AmlComputeNodeStateCounts.deserialize(given("nodeStateCounts")),
            given("provisioningState"),
            _time(given("provisioningStateTransitionTime")),
            ScaleSettings.deserialize(given("scaleSettings")),
            given("targetNodeCount"),
            given("vmPriority"),
            given("vmSize"),
        )


def status_of(known: wire.ComputeTarget) -> AmlComputeStatus:
    """The status of a cluster that the server told of; Terrazul's own."""
    nodes = known.nodes
    moving = nodes.preparing or nodes.leaving
    present = nodes.idle + nodes.busy + nodes.unusable
    return AmlComputeStatus(
        allocation_state="Resizing" if moving else "Steady",
        allocation_state_transition_time=to_datetime(from_text(known.resized_at)),
        creation_time=to_datetime(from_text(known.created_at)),
        current_node_count=present + nodes.leaving,
        errors=errors_of(known),
        modified_time=to_datetime(from_text(known.modified_at)),
        node_state_counts=AmlComputeNodeStateCounts(
            nodes.idle, nodes.leaving, 0, nodes.preparing, nodes.busy, nodes.unusable
        ),
        provisioning_state=known.state.value,
        provisioning_state_transition_time=to_datetime(from_text(known.state_since)),
        scale_settings=scale_settings_of(known),
        target_node_count=present + nodes.preparing,
        vm_priority={"lowpriority": "LowPriority"}.get(str(known.settings.get("vm_priority")).lower(), "Dedicated"),
        vm_size=str(known.settings.get("vm_size") or "").upper(),
    )


def scale_settings_of(known: wire.ComputeTarget) -> ScaleSettings:
    """Between which numbers a cluster scales; Terrazul's own."""
    settings = known.settings
    return ScaleSettings(settings["min_nodes"], settings["max_nodes"], settings["idle_seconds_before_scaledown"])


def errors_of(known: wire.ComputeTarget) -> Optional[List[Dict[str, Any]]]:
    """Why nodes are missing, as v1 tells errors; ``None`` where none is. Terrazul's own."""
    return [{"error": {"code": "ComputeTarget", "message": message}} for message in known.errors] or None


def _text(time: Optional[datetime]) -> Optional[str]:
    return None if time is None else time.isoformat()


def _time(text: Optional[str]) -> Optional[datetime]:
    return None if text is None else to_datetime(from_text(text))
