"""What must hold of compute targets: names, settings, how many nodes there are to be, why a run waits. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, NamedTuple, TypeVar

from terrazul.core.errors import ComputeTargetException, InvalidInput, RunConfigurationException
from terrazul.wire.compute import (
    CLUSTER,
    LOCAL,
    ON_DEMAND,
    REMOTE,
    ClusterSettings,
    NodeCounts,
    NodeState,
    ProvisioningState,
    RemoteSettings,
)

Settings = ClusterSettings | RemoteSettings
"""What is set of a target, by its kind."""
_Known = TypeVar("_Known", bound=Settings)

SECOND = 1_000_000
UNUSABLE_PATIENCE = 60 * SECOND
"""So long a node that could not be made is shown, before another one is tried in its place."""
ON_DEMAND_PREFIX = "od-"
KINDS = (CLUSTER, REMOTE)
"""What can be made."""
SETTINGS: Mapping[str, type[Settings]] = {CLUSTER: ClusterSettings, REMOTE: RemoteSettings}
CREDENTIAL = ("password", "private_key", "private_key_passphrase")
MOST_RUNS = 100
PRIORITIES = ("dedicated", "lowpriority")
MOST_NODES = 1000
_LONGEST_IDLE = 366 * 86400
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,15}\Z")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\Z|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]+\Z")
_USER = re.compile(r"[^\x00-\x20\x7f]{1,256}\Z")
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}\Z")
_FOLDER = re.compile(r"[^\x00-\x1f\x7f\\~-][^\x00-\x1f\x7f\\]{0,255}\Z")
_HIGHEST_PORT = 65535
_LONGEST_SECRET = 64 << 10
_SIZE = re.compile(r"[A-Za-z0-9_. -]{0,64}\Z")
_MOST_TAGS = 100
_TEXT_LIMIT = 5000
_USABLE = frozenset({NodeState.PREPARING, NodeState.IDLE, NodeState.RUNNING})


def key_of(name: str) -> str:
    """The text under which a compute target is unique: its name without case."""
    return name.lower()


def check_name(name: str) -> None:
    """Raise ``ComputeTargetException`` unless it can be the name of a cluster, by v1's rule."""
    if not _NAME.match(name):
        raise ComputeTargetException(
            f"{name[:80]!r} cannot be the name of a compute target.",
            target=name[:80],
            hint="Use 2 to 16 letters, digits and '-', the first a letter.",
        )
    if key_of(name) in {LOCAL, ON_DEMAND} or key_of(name).startswith(ON_DEMAND_PREFIX):
        raise ComputeTargetException(
            f"The name {name!r} has a meaning of its own, so no compute target can have it.",
            target=name,
            hint=f"{LOCAL!r} is the server's machine; {ON_DEMAND!r} and names that begin with {ON_DEMAND_PREFIX!r} "
            "are clusters that are made for one run.",
        )


def check_kind(kind: str) -> None:
    """Raise ``ComputeTargetException`` for a kind that cannot be made."""
    if kind not in KINDS:
        raise ComputeTargetException(
            f"{kind[:80]!r} is no kind of compute target that can be made here.",
            target=kind[:80],
            hint=f"What there is: {', '.join(KINDS)}.",
        )


def check_texts(tags: Mapping[str, str] | None, description: str | None) -> None:
    """Raise ``InvalidInput`` for tags or a description that cannot be kept."""
    known = tags or {}
    if len(known) > _MOST_TAGS or not all(known) or sum(len(key) + len(known[key]) for key in known) > _TEXT_LIMIT * 10:
        raise InvalidInput(
            f"A compute target has at most {_MOST_TAGS} tags of {_TEXT_LIMIT * 10} characters together, none of them "
            "without a key.",
            target="tags",
        )
    if len(description or "") > _TEXT_LIMIT or "\0" in (description or ""):
        raise InvalidInput(
            f"A description has at most {_TEXT_LIMIT} characters, and none of code 0.", target="description"
        )


def read_settings(given: Mapping[str, Any], base: _Known) -> _Known:
    """The settings that are given, and those of ``base`` where they say nothing.

    Raises ``ComputeTargetException`` for one that is not known, of another type, or that no such target can have.
    """
    known = {each.name for each in fields(base)} - {"own"}
    what = "A cluster" if isinstance(base, ClusterSettings) else "A machine over SSH"
    for name, value in given.items():
        if name not in known:
            raise _wrong(name, f"{what} has no setting {name[:80]!r}", f"It has: {', '.join(sorted(known))}.")
        wanted = type(getattr(base, name))
        if type(value) is not wanted:
            raise _wrong(name, f"{name} is {str(value)[:80]!r}, and must be of type {wanted.__name__}")
    settings = replace(base, **given)
    if isinstance(settings, ClusterSettings):
        _check_settings(settings)
    else:
        _check_remote(settings)
    return settings


def scale_of(settings: Settings) -> ClusterSettings:
    """How a target scales: a machine over SSH always has as many places as it executes runs at once."""
    if isinstance(settings, ClusterSettings):
        return settings
    places = settings.max_concurrent_runs
    return ClusterSettings(min_nodes=places, max_nodes=places, idle_seconds_before_scaledown=_LONGEST_IDLE)


def check_credential(kind: str, credential: Mapping[str, str] | None) -> None:
    """Raise ``ComputeTargetException`` unless a target of the kind can be signed in to with it."""
    given = {name for name, value in (credential or {}).items() if value}
    if credential is None:
        return
    if kind != REMOTE:
        raise _wrong("credential", "A cluster takes no credential")
    if not given <= set(CREDENTIAL):
        unknown = min(given - set(CREDENTIAL))
        raise _wrong("credential", f"A credential has no {unknown[:80]!r}", f"It has: {', '.join(CREDENTIAL)}.")
    if ("password" in given) == ("private_key" in given):
        hint = "Give a password, or a private key with its passphrase where it has one."
        raise _wrong("credential", "A machine over SSH is signed in to with a password or a private key", hint)
    if any(len(value) > _LONGEST_SECRET or "\0" in value for value in (credential or {}).values()):
        raise _wrong("credential", f"A credential has at most {_LONGEST_SECRET} characters, and none of code 0")


def _check_remote(settings: RemoteSettings) -> None:
    if not _HOST.match(settings.address):
        raise _wrong("address", f"{settings.address[:80]!r} is no name or address of a machine", "Such as vm.example.")
    if not 0 < settings.port <= _HIGHEST_PORT:
        raise _wrong("port", f"The port is {settings.port}", f"Give 1 to {_HIGHEST_PORT}; that of SSH is 22.")
    if not _USER.match(settings.username):
        raise _wrong("username", f"{settings.username[:80]!r} is no name of a user", "It has no spaces.")
    if settings.host_key and not _FINGERPRINT.match(settings.host_key):
        hint = "Such as SHA256:… with 43 characters: ssh-keyscan HOST | ssh-keygen -lf - prints it."
        raise _wrong("host_key", f"{settings.host_key[:80]!r} is no fingerprint of a host key", hint)
    if not 1 <= settings.max_concurrent_runs <= MOST_RUNS:
        hint = f"Give 1 to {MOST_RUNS}."
        raise _wrong("max_concurrent_runs", f"max_concurrent_runs is {settings.max_concurrent_runs}", hint)
    if not _FOLDER.match(settings.folder) or ".." in settings.folder.split("/"):
        hint = "A path below the user's home, or one that begins with a slash; without .. and \\."
        raise _wrong("folder", f"{settings.folder[:80]!r} is no folder", hint)


def _check_settings(settings: ClusterSettings) -> None:
    low, high, idle = settings.min_nodes, settings.max_nodes, settings.idle_seconds_before_scaledown
    if not 0 <= low <= MOST_NODES:
        raise _wrong("min_nodes", f"min_nodes is {low}", f"Give 0 to {MOST_NODES}.")
    if not 1 <= high <= MOST_NODES:
        raise _wrong("max_nodes", f"max_nodes is {high}", f"Give 1 to {MOST_NODES}.")
    if low > high:
        raise _wrong("min_nodes", f"min_nodes is {low}, more than max_nodes, which is {high}", "Make one of them fit.")
    if not 0 <= idle <= _LONGEST_IDLE:
        hint = f"Give 0 to {_LONGEST_IDLE} seconds."
        raise _wrong("idle_seconds_before_scaledown", f"idle_seconds_before_scaledown is {idle}", hint)
    if not _SIZE.match(settings.vm_size):
        raise _wrong("vm_size", f"{settings.vm_size[:80]!r} is no size of a machine", "Such as STANDARD_D2_V2.")
    if settings.vm_priority.lower() not in PRIORITIES:
        raise _wrong("vm_priority", f"{settings.vm_priority[:80]!r} is no priority", f"Use {' or '.join(PRIORITIES)}.")


def _wrong(setting: str, what: str, hint: str | None = None) -> ComputeTargetException:
    return ComputeTargetException(f"{what}.", target=setting[:80], hint=hint)


def check_node_count(name: str, settings: Settings, wanted: int) -> None:
    """Raise ``RunConfigurationException`` for a run that asks for more nodes than its target can ever have."""
    if isinstance(settings, RemoteSettings):
        if wanted > 1:
            raise RunConfigurationException(
                f"The compute target {name!r} is one machine, and the run asks for {wanted} nodes.",
                target="node_count",
                hint="Set node_count to 1, or choose a cluster.",
            )
    elif wanted > settings.max_nodes:
        raise RunConfigurationException(
            f"The run asks for {wanted} nodes; the compute target {name!r} has {settings.max_nodes} at most.",
            target="node_count",
            hint=f"Give node_count {settings.max_nodes} or less, or let the cluster have more: "
            f"compute_target.update(max_nodes={wanted}).",
        )


class NodeFacts(NamedTuple):
    """What is known of a node."""

    key: int
    number: int
    state: NodeState
    since: int


class Demand(NamedTuple):
    """What is asked of a cluster, and what hinders it."""

    waiting: int
    """Nodes that those need who wait."""
    room: int | None
    """How many nodes more the workspace may have; None for as many as one likes."""
    going: bool
    """Whether the cluster is being deleted."""
    gangs: bool = False
    """Whether a run waits that needs several nodes."""


class Scaling(NamedTuple):
    """A decision: which nodes come, by their numbers, and which go, by their keys."""

    add: tuple[int, ...] = ()
    leave: tuple[int, ...] = ()
    reason: str = ""
    hindered: bool = False
    """Whether nodes are missing that the quota does not allow."""


def plan(settings: ClusterSettings, nodes: Sequence[NodeFacts], demand: Demand, now: int) -> Scaling:
    """What is to be done. A node that executes a run stays, and so do as many as the cluster keeps at least."""
    present = [node for node in nodes if node.state is not NodeState.LEAVING]
    if demand.going:
        leave = tuple(node.key for node in present if node.state is not NodeState.RUNNING)
        return Scaling((), leave, _told(len(present), len(present) - len(leave), "it is being deleted"))
    running = sum(node.state is NodeState.RUNNING for node in present)
    wanted = max(running, min(max(running + demand.waiting, settings.min_nodes), settings.max_nodes))
    missing = max(0, wanted - len(present))
    add = _free_numbers(nodes, missing if demand.room is None else min(missing, max(0, demand.room)))
    leave = _leaving(settings, present, wanted, now)
    if add:
        reason = _who_waits(demand) or f"it keeps at least {settings.min_nodes}"
    elif len(present) > settings.max_nodes:
        reason = f"it may have {settings.max_nodes} at most"
    elif any(node.state is NodeState.IDLE for node in present if node.key in leave):
        reason = f"idle for {settings.idle_seconds_before_scaledown} s"
    else:
        reason = "what cannot be used makes room for another one"
    told = _told(len(present), len(present) + len(add) - len(leave), reason)
    return Scaling(add, leave, told if add or leave else "", hindered=missing > len(add))


def _who_waits(demand: Demand) -> str:
    if demand.gangs:
        return f"those that wait need {demand.waiting} nodes"
    return ("", "a run waits for a node", "runs wait for a node")[min(demand.waiting, 2)]


def _leaving(settings: ClusterSettings, present: Sequence[NodeFacts], wanted: int, now: int) -> tuple[int, ...]:
    """Those that were idle long enough and that nobody needs, the highest numbers first; and what is of no use."""
    gone = [node.key for node in present if _is_spent(node, now)]
    excess = sum(node.state in _USABLE for node in present) - wanted
    over = len(present) - len(gone) - settings.max_nodes
    for node in sorted(present, key=lambda node: -node.number):
        if node.state is not NodeState.IDLE or excess <= 0:
            continue
        if over > 0 or now - node.since >= settings.idle_seconds_before_scaledown * SECOND:
            gone.append(node.key)
            excess, over = excess - 1, over - 1
    return tuple(gone)


def _is_spent(node: NodeFacts, now: int) -> bool:
    return node.state is NodeState.UNUSABLE and now - node.since >= UNUSABLE_PATIENCE


def _free_numbers(nodes: Collection[NodeFacts], count: int) -> tuple[int, ...]:
    taken = {node.number for node in nodes}
    free = (number for number in range(1, len(taken) + count + 1) if number not in taken)
    return tuple(number for number, _ in zip(free, range(count), strict=False))


def _told(before: int, after: int, reason: str) -> str:
    return f"From {before} to {after} node{'' if after == 1 else 's'}: {reason}."


def seconds_until_next_look(settings: ClusterSettings, nodes: Sequence[NodeFacts], now: int, longest: float) -> float:
    """After how long the plan may differ though nobody has done anything."""
    patience = {
        NodeState.IDLE: settings.idle_seconds_before_scaledown * SECOND,
        NodeState.UNUSABLE: UNUSABLE_PATIENCE,
    }
    due = [node.since + patience[node.state] - now for node in nodes if node.state in patience]
    return min([longest, *(each / SECOND for each in due if each > 0)])


def state_after(
    state: ProvisioningState, settings: ClusterSettings, nodes: Sequence[NodeFacts], *, hindered: bool
) -> ProvisioningState:
    """Where a target is, once its nodes are in these states: made when it has the nodes that it keeps at least."""
    if state not in {ProvisioningState.CREATING, ProvisioningState.FAILED}:
        return state
    usable = sum(node.state in _USABLE - {NodeState.PREPARING} for node in nodes)
    if hindered or usable >= settings.min_nodes:
        return ProvisioningState.SUCCEEDED
    if any(node.state is NodeState.UNUSABLE for node in nodes):
        return ProvisioningState.FAILED
    return state


class Queued(NamedTuple):
    """A run that waits, as far as compute targets are concerned."""

    target: str
    """The name of its compute target."""
    before: int
    """How many runs wait for the same target and come first."""
    nodes: int = 1
    """How many nodes it needs."""
    nodes_before: int = 0
    """How many those need that come first."""


class Machine(NamedTuple):
    """How many runs the server's machine executes, and may at once."""

    taken: int
    places: int


def why_it_waits(
    queued: Queued, settings: Settings | None, counts: NodeCounts, machine: Machine, hindrance: str
) -> str:
    """The sentence that says what a run waits for; empty where it is about to begin.

    ``settings`` are those of its cluster, None for the server's machine itself; ``hindrance`` is why the cluster cannot
    have the nodes that it should have.
    """
    if isinstance(settings, RemoteSettings):
        return _waits_for_machine(queued, settings, counts, hindrance)
    return _waits_for_node(queued, settings, counts, machine, hindrance)


def _waits_for_node(
    queued: Queued, settings: ClusterSettings | None, counts: NodeCounts, machine: Machine, hindrance: str
) -> str:
    needed = max(queued.before, queued.nodes_before) + queued.nodes
    if settings is None or counts.idle >= needed:
        if machine.taken < machine.places:
            return ""
        return _waits(f"a place on the server's machine: {machine.taken} of {machine.places} are taken", queued)
    wanted = f"a node of {queued.target!r}" if queued.nodes == 1 else f"{queued.nodes} nodes of {queued.target!r}"
    if hindrance:
        return _waits(f"{wanted}, which has {_number(counts.running, 'busy node')}", queued, hindrance)
    if queued.nodes > settings.max_nodes:
        return _waits(f"{wanted}, which may have {settings.max_nodes}", queued)
    if needed <= settings.max_nodes - counts.running:
        return _waits(f"{wanted}, which {'is' if queued.nodes == 1 else 'are'} being made", queued)
    busy = f"{counts.running} of {_number(settings.max_nodes, 'node')} {'is' if counts.running == 1 else 'are'} busy"
    return _waits(f"{wanted}: {busy}", queued)


def _waits_for_machine(queued: Queued, settings: RemoteSettings, counts: NodeCounts, hindrance: str) -> str:
    if counts.idle > queued.before:
        return ""
    if hindrance:
        return _waits(f"a place on {queued.target!r}", queued, hindrance)
    if queued.before < settings.max_concurrent_runs - counts.running:
        return _waits(f"{queued.target!r}, which is being connected to", queued)
    taken = f"{counts.running} of {settings.max_concurrent_runs} {'is' if counts.running == 1 else 'are'} taken"
    return _waits(f"a place on {queued.target!r}: {taken}", queued)


def _waits(what: str, queued: Queued, why: str = "") -> str:
    before, nodes = queued.before, queued.nodes_before
    first = f"; {_number(before, 'run')} {'is' if before == 1 else 'are'} before it" if before else ""
    if nodes > before:
        first += f" and {'needs' if before == 1 else 'need'} {_number(nodes, 'node')}"
    return f"Waits for {what}{first}." + (f" {why}" if why else "")


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
