"""Compute targets: where runs are executed, their nodes, and how many there are to be."""

from __future__ import annotations

import enum
from dataclasses import field
from typing import Any, Dict, List, Optional

from terrazul.core.dataclass import dataclass

LOCAL = "local"
"""The server's machine: a target of every workspace, which nobody makes."""
ON_DEMAND = "amlcompute"
"""What a run names whose cluster is made for it, and goes with it."""
CLUSTER = "AmlCompute"
"""The kind of a cluster, by v1's name."""
REMOTE = "VirtualMachine"
"""The kind of a machine that is reached over SSH, by v1's name."""


class ProvisioningState(str, enum.Enum):
    """Where a compute target is in its life."""

    CREATING = "Creating"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    DELETING = "Deleting"


class NodeState(str, enum.Enum):
    """What a node does."""

    PREPARING = "preparing"
    IDLE = "idle"
    RUNNING = "running"
    LEAVING = "leaving"
    UNUSABLE = "unusable"


@dataclass(frozen=True)
class ClusterSettings:
    """The settings of a cluster."""

    vm_size: str = ""
    """As v1 names sizes; kept, and told. What a node has is its provider's to say."""
    vm_priority: str = "dedicated"
    min_nodes: int = 0
    max_nodes: int = 4
    idle_seconds_before_scaledown: int = 1800
    """So long a node is idle before it goes."""


@dataclass(frozen=True)
class RemoteSettings:
    """The settings of a machine that is reached over SSH."""

    address: str = ""
    """Its name or its IP address."""
    port: int = 22
    username: str = ""
    host_key: str = ""
    """The fingerprint of the key by which it is known, as ``ssh-keygen -l`` writes it. Where none is given, that of the
    first answer counts from then on."""
    max_concurrent_runs: int = 1
    folder: str = ".terrazul/remote"
    """Where Terrazul's files lie on the machine; below the user's home unless it begins with a slash."""
    own: str = ""
    """The name of this target's folder in there. The server chooses it."""


@dataclass(frozen=True)
class NewComputeTarget:
    """A compute target as it is asked for.

    What ``settings`` hold is the kind's to say; see ``ClusterSettings`` and ``RemoteSettings``.
    """

    name: str
    kind: str = CLUSTER
    settings: Dict[str, Any] = field(default_factory=dict)
    tags: Dict[str, str] = field(default_factory=dict)
    description: str = ""
    credential: Optional[Dict[str, str]] = field(default=None, repr=False)
    """What a machine over SSH is signed in with: ``password``, or ``private_key`` (its text) with perhaps a
    ``private_key_passphrase``. It is sealed, and no answer holds it. ``None`` keeps that of the target of this name,
    where machine and user stay the same."""


@dataclass(frozen=True)
class ComputeTargetChange:
    """What changes of a compute target; ``None`` leaves it as it is, and so does a setting that is not named."""

    settings: Optional[Dict[str, Any]] = None
    tags: Optional[Dict[str, str]] = None
    description: Optional[str] = None


@dataclass(frozen=True)
class NodeCounts:
    """How many nodes of a compute target are in which state."""

    preparing: int = 0
    idle: int = 0
    running: int = 0
    leaving: int = 0
    unusable: int = 0


@dataclass(frozen=True)
class ComputeTarget:
    """A compute target as it is."""

    name: str
    kind: str
    settings: Dict[str, Any]
    tags: Dict[str, str]
    description: str
    state: ProvisioningState
    state_since: str
    errors: List[str]
    """Why nodes are missing that there should be."""
    nodes: NodeCounts
    resized_at: str
    """When nodes last came or went."""
    waiting: int
    """How many runs wait for it."""
    on_demand: bool
    """True for a cluster that was made for one run, and goes with it."""
    created_at: str
    created_by: str
    modified_at: str
    modified_by: str


@dataclass(frozen=True)
class ComputeNode:
    """A node of a compute target."""

    node_id: str
    number: int
    """The lowest that was free when it was made."""
    state: NodeState
    since: str
    run_id: Optional[str] = None
    problem: str = ""
    """Why it is unusable."""


@dataclass(frozen=True)
class ComputeSize:
    """What a node has."""

    name: str
    cores: int
    memory_bytes: int
    disk_bytes: int
    gpus: int
