"""The rows of compute targets and of their nodes. What is executed holds its node until it ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
)

from terrazul.server.compute.rules import SETTINGS, NodeFacts, Settings, scale_of
from terrazul.server.sql.metadata import Json, metadata, primary_key
from terrazul.server.sql.variables import in_groups
from terrazul.wire.compute import ClusterSettings, NodeCounts, NodeState, ProvisioningState

target = Table(
    "compute_target",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", ForeignKey("workspace.id"), nullable=False),
    Column("key", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("settings", Json, nullable=False),
    Column("tags", Json, nullable=False),
    Column("description", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("state_since", BigInteger, nullable=False),
    Column("errors", Json, nullable=False),
    Column("resized_at", BigInteger, nullable=False),
    Column("on_demand", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    Column("modified_by", Text, nullable=False),
    UniqueConstraint("workspace", "key"),
)
"""``on_demand``: made for one run, and removed once that has ended."""

node = Table(
    "compute_node",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", Integer, nullable=False),
    Column("target", ForeignKey("compute_target.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("node_id", String(36), nullable=False),
    Column("state", String(16), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("run", Integer, nullable=True),
    Column("problem", Text, nullable=False),
    UniqueConstraint("target", "number"),
    Index("ix_compute_node_run", "run"),
    Index("ix_compute_node_state", "state", "target"),
    Index("ix_compute_node_workspace", "workspace"),
)
"""``run`` is set while the node executes one; a run has as many nodes as it asks for, from one target."""


class TargetRow(NamedTuple):
    """A compute target."""

    id: int
    workspace: int
    key: str
    name: str
    kind: str
    settings: Settings
    tags: dict[str, str]
    description: str
    state: ProvisioningState
    state_since: int
    errors: list[str]
    resized_at: int
    on_demand: bool
    created_at: int
    created_by: str
    modified_at: int
    modified_by: str

    @property
    def scale(self) -> ClusterSettings:
        """Between which numbers of nodes it scales."""
        return scale_of(self.settings)

    @property
    def is_going(self) -> bool:
        """Whether it is being deleted."""
        return self.state is ProvisioningState.DELETING


class NodeRow(NamedTuple):
    """A node of a compute target."""

    id: int
    target: int
    number: int
    node_id: str
    state: NodeState
    since: int
    run: int | None
    problem: str

    @property
    def facts(self) -> NodeFacts:
        """What decisions need of it."""
        return NodeFacts(self.id, self.number, self.state, self.since)


_TARGET = [target.c[name] for name in TargetRow._fields]
_NODE = [node.c[name] for name in NodeRow._fields]
_FREE = node.c.state == NodeState.IDLE.value


def add(connection: Connection, values: dict[str, Any]) -> int:
    """Enter a target; returns its key inside the database."""
    return primary_key(connection.execute(target.insert().values(**_plain(values))))


def change(connection: Connection, key: int, values: dict[str, Any]) -> None:
    """Set columns of a target."""
    connection.execute(target.update().where(target.c.id == key).values(**_plain(values)))


def delete(connection: Connection, key: int) -> None:
    """Remove a target that has no nodes."""
    connection.execute(target.delete().where(target.c.id == key))


def find(connection: Connection, workspace: int, key: str) -> TargetRow | None:
    """The target of a name without case."""
    query = select(*_TARGET).where(target.c.workspace == workspace, target.c.key == key)
    row = connection.execute(query).first()
    return None if row is None else _target(row)


def find_by_key(connection: Connection, key: int) -> TargetRow | None:
    """The target of a key inside the database."""
    row = connection.execute(select(*_TARGET).where(target.c.id == key)).first()
    return None if row is None else _target(row)


def list_all(connection: Connection, workspace: int | None = None) -> list[TargetRow]:
    """The targets of a workspace by name; those of all workspaces without one."""
    query = select(*_TARGET).order_by(target.c.workspace, target.c.key)
    if workspace is not None:
        query = query.where(target.c.workspace == workspace)
    return [_target(row) for row in connection.execute(query)]


def list_among(connection: Connection, keys: Iterable[int]) -> dict[int, TargetRow]:
    """Those of the targets that are there, by their keys inside the database."""
    return {
        row.id: _target(row)
        for group in in_groups(keys)
        for row in connection.execute(select(*_TARGET).where(target.c.id.in_(group)))
    }


def add_nodes(connection: Connection, of: TargetRow, numbers: Sequence[int], ids: Sequence[str], now: int) -> None:
    """Enter nodes that are to be made."""
    fresh = {"workspace": of.workspace, "target": of.id, "since": now, "run": None, "problem": ""}
    rows = [
        {**fresh, "number": number, "node_id": node_id, "state": NodeState.PREPARING.value}
        for number, node_id in zip(numbers, ids, strict=True)
    ]
    connection.execute(node.insert(), rows)


def move(
    connection: Connection, key: int, before: NodeState | None, after: NodeState, now: int, problem: str = ""
) -> bool:
    """Bring a node from a state (any, for None) to another one; one that is elsewhere by now, or busy, stays."""
    query = node.update().where(node.c.id == key, node.c.run.is_(None))
    if before is not None:
        query = query.where(node.c.state == before.value)
    return connection.execute(query.values(state=after.value, since=now, problem=problem)).rowcount == 1


def remove_node(connection: Connection, key: int) -> None:
    """Forget a node that has gone."""
    connection.execute(node.delete().where(node.c.id == key, node.c.state == NodeState.LEAVING.value))


def nodes_of(connection: Connection, key: int) -> list[NodeRow]:
    """The nodes of a target, by number."""
    query = select(*_NODE).where(node.c.target == key).order_by(node.c.number)
    return [_node(row) for row in connection.execute(query)]


def nodes_by_target(connection: Connection) -> dict[int, list[NodeRow]]:
    """The nodes of all targets that have some, by number."""
    found: dict[int, list[NodeRow]] = {}
    for row in connection.execute(select(*_NODE).order_by(node.c.target, node.c.number)):
        found.setdefault(row.target, []).append(_node(row))
    return found


def counts_of(connection: Connection, keys: Iterable[int]) -> dict[int, NodeCounts]:
    """How many nodes of these targets are in which state; nothing for a target without nodes."""
    query = select(node.c.target, node.c.state, func.count()).group_by(node.c.target, node.c.state)
    found: dict[int, dict[str, int]] = {}
    for group in in_groups(keys):
        for key, state, count in connection.execute(query.where(node.c.target.in_(group))):
            found.setdefault(key, {})[state] = count
    return {key: NodeCounts(**counts) for key, counts in found.items()}


def count_nodes(connection: Connection, workspace: int) -> int:
    """How many nodes a workspace has."""
    query = select(func.count()).select_from(node).where(node.c.workspace == workspace)
    return int(connection.execute(query).scalar_one())


def free_nodes(connection: Connection) -> dict[int, int]:
    """How many nodes are free, by the keys of the targets that could execute a run more."""
    stays = target.c.state != ProvisioningState.DELETING.value
    query = select(node.c.target, func.count()).join(target, target.c.id == node.c.target).where(_FREE, stays)
    return {row[0]: row[1] for row in connection.execute(query.group_by(node.c.target))}


def kind_of(connection: Connection, key: int) -> str:
    """What a target is."""
    return str(connection.execute(select(target.c.kind).where(target.c.id == key)).scalar_one())


def occupy(connection: Connection, key: int, run: int, count: int, now: int) -> list[str]:
    """Give a run so many free nodes, of the lowest numbers; returns their ids, none where there are not enough."""
    free = select(node.c.id, node.c.node_id).where(node.c.target == key, _FREE).order_by(node.c.number).limit(count)
    rows = connection.execute(free).all()
    if len(rows) < count:
        return []
    values = {"state": NodeState.RUNNING.value, "run": run, "since": now}
    for group in in_groups(row.id for row in rows):
        connection.execute(node.update().where(node.c.id.in_(group)).values(**values))
    return [str(row.node_id) for row in rows]


def release(connection: Connection, run: int, now: int) -> None:
    """Let the nodes of a run that has ended be free."""
    values = {"state": NodeState.IDLE.value, "run": None, "since": now}
    connection.execute(node.update().where(node.c.run == run).values(**values))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    settings = values.get("settings")
    return {**values, "settings": asdict(settings)} if isinstance(settings, Settings) else values


def _target(row: Row[Any]) -> TargetRow:
    values = row._asdict()
    settings = msgspec.convert(values["settings"], SETTINGS[values["kind"]])
    return TargetRow(**{**values, "settings": settings, "state": ProvisioningState(values["state"])})


def _node(row: Row[Any]) -> NodeRow:
    return NodeRow(**{**row._asdict(), "state": NodeState(row.state)})
