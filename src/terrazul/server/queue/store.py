"""The rows of the queue: every submitted run until it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    FromClause,
    Index,
    Integer,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    not_,
    or_,
    select,
    type_coerce,
    union_all,
)

from terrazul.server.compute.store import target
from terrazul.server.queue.rules import Executed, Head, Held
from terrazul.server.quota.rules import QueueCount
from terrazul.server.sql.among import among
from terrazul.server.sql.metadata import Json, metadata
from terrazul.server.sql.statement import Statement
from terrazul.server.sql.variables import in_groups
from terrazul.wire.compute import REMOTE, ProvisioningState

entry = Table(
    "queue_entry",
    metadata,
    Column("workspace", Integer, nullable=False),
    Column("run", ForeignKey("run.id"), primary_key=True),
    Column("target", Text, nullable=False),
    Column("compute_target", Integer, nullable=True),
    Column("priority", Integer, nullable=False),
    Column("queued_at", BigInteger, nullable=False),
    Column("claimed_at", BigInteger, nullable=True),
    Column("placement", Json, nullable=True),
    Column("reads_secrets", Boolean, nullable=False),
    Column("submitted_by", Text, nullable=False),
    Column("node_count", Integer, nullable=False),
    Index("ix_queue_entry_user", "workspace", "submitted_by"),
)
Index(
    "ix_queue_entry_line",
    entry.c.claimed_at,
    entry.c.compute_target,
    entry.c.workspace,
    entry.c.submitted_by,
    entry.c.priority.desc(),
    entry.c.queued_at,
    entry.c.run,
)
"""``compute_target`` is empty for runs on the server's machine itself.

``submitted_by`` is a user: of a run that another one submitted, the user behind that.
"""


turn = Table(
    "queue_turn",
    metadata,
    Column("target", Integer, primary_key=True, autoincrement=False),
    Column("user", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""When a run of a user last began on a compute target; ``target`` is 0 for the server's machine."""

_TURNS_COUNT = 7 * 86400 * 1_000_000
"""Microseconds after which a turn is as good as none."""
_LAST = 2**62
"""The turn of whoever has had one just now."""


class Length(NamedTuple):
    """How many runs wait, and how many have been claimed and not ended."""

    waiting: int
    claimed: int


class Entry(NamedTuple):
    """A run in the queue; ``placement`` is set once it has been claimed."""

    run: int
    target: str
    compute_target: int | None
    placement: dict[str, Any] | None
    node_count: int


class Waiting(NamedTuple):
    """A run that waits: for whom, and for which compute target, by its name, and its key where it has one."""

    run: int
    workspace: int
    user: str
    target: str
    compute_target: int | None
    node_count: int


class Place(NamedTuple):
    """Where a run stands in the line of its target."""

    before: int
    """How many runs come before it."""
    nodes_before: int
    """How many nodes these need."""


_COLUMNS = select(entry.c.run, entry.c.target, entry.c.compute_target, entry.c.placement, entry.c.node_count)
_WAITING = [entry.c[name] for name in ("run", "workspace", "submitted_by", "target", "compute_target", "node_count")]
_HEAD = [
    entry.c[name]
    for name in ("run", "workspace", "submitted_by", "compute_target", "node_count", "priority", "queued_at")
]
_WAITS = entry.c.claimed_at.is_(None)
_ORDER = (entry.c.priority.desc(), entry.c.queued_at, entry.c.run)


def add(connection: Connection, waiting: Waiting, queued_at: int, *, priority: int, reads_secrets: bool) -> None:
    """Put a run into the queue; ``reads_secrets`` where who submits it may read those of the workspace."""
    values = {"workspace": waiting.workspace, "run": waiting.run, "submitted_by": waiting.user}
    values |= {"target": waiting.target, "compute_target": waiting.compute_target, "node_count": waiting.node_count}
    values |= {"priority": priority, "queued_at": queued_at, "reads_secrets": reads_secrets}
    connection.execute(entry.insert().values(**values))


def _heads() -> Statement:
    """The index of the lines tells who stands in them, then who is first in each: no line is read as a whole."""
    here = _first_of(entry.c.compute_target.is_(None), lambda one, _: one.c.compute_target.is_(None))
    on_targets = _first_of(
        among(entry.c.compute_target, "in_targets"), lambda one, of: one.c.compute_target == of.c.compute_target
    )
    return Statement(select(*_HEAD).where(entry.c.run.in_(union_all(here, on_targets))))


def _first_of(
    of_targets: ColumnElement[bool], is_same: Callable[[FromClause, FromClause], ColumnElement[bool]]
) -> Select[tuple[int]]:
    """The first of the runs of each user of each workspace that wait for each of these targets."""
    whose = select(entry.c.compute_target, entry.c.workspace, entry.c.submitted_by).where(_WAITS, of_targets).distinct()
    of, one = whose.subquery(), entry.alias()
    theirs = and_(one.c.workspace == of.c.workspace, one.c.submitted_by == of.c.submitted_by, is_same(one, of))
    order = (one.c.priority.desc(), one.c.queued_at, one.c.run)
    first = select(one.c.run).where(one.c.claimed_at.is_(None), theirs).order_by(*order).limit(1)
    return select(first.scalar_subquery()).select_from(of)


_HEADS = _heads()


def heads(connection: Connection, targets: Iterable[int]) -> list[Head]:
    """The first runs of all who wait for the server's machine or one of these compute targets."""
    return [Head(*row) for row in _HEADS.all(connection, {"in_targets": list(targets)})]


def head_of(connection: Connection, of: Head) -> Head | None:
    """The first run that waits for the same compute target as another one, of the same user and workspace."""
    query = select(*_HEAD).where(
        _WAITS,
        entry.c.compute_target == of.compute_target,  # IS NULL for None
        entry.c.workspace == of.workspace,
        entry.c.submitted_by == of.user,
    )
    row = connection.execute(query.order_by(*_ORDER).limit(1)).first()
    return None if row is None else Head(*row)


def waiting_among(connection: Connection, runs: Iterable[int]) -> list[Waiting]:
    """Those of the runs that wait."""
    query = select(*_WAITING).where(_WAITS)
    return [
        Waiting(*row) for group in in_groups(runs) for row in connection.execute(query.where(entry.c.run.in_(group)))
    ]


def places_in_line(connection: Connection, waiting: Iterable[Waiting], held: Held) -> dict[int, Place]:
    """Where these runs stand in the lines of their targets: in the order of ``rules.rank_of``, as if nothing ended.

    Runs that are held back stand before nobody, and have no place.
    """
    runs_of: dict[int | None, list[int]] = {}
    for each in waiting:
        runs_of.setdefault(each.compute_target, []).append(each.run)
    places: dict[int, Place] = {}
    for key, runs in runs_of.items():
        values = {
            "in_target": key or 0,
            "in_runs": runs,
            "held_workspaces": list(held.workspaces),
            "held_users": [f"{workspace}/{user}" for workspace, user in held.users],
            "held_here": [user for target_key, user in held.on_targets if target_key == key],
        }
        rows = (_PLACES_HERE if key is None else _PLACES).all(connection, values)
        places.update({run: Place(before, int(nodes_before)) for run, before, nodes_before in rows})
    return places


def _places(of_target: ColumnElement[bool]) -> Statement:
    """Of all that wait for a target: what comes before each.

    What comes before a run of the same user, be it executed or wait, is what the user has when that run's turn comes.
    """
    user, nodes = entry.c.submitted_by, entry.c.node_count
    own = func.sum(nodes).over(partition_by=user, order_by=(_WAITS, *_ORDER), rows=(None, 0))
    own_place = func.row_number().over(partition_by=(user, _WAITS), order_by=_ORDER)
    last = case((own_place == 1, func.coalesce(turn.c.at, 0)), else_=_LAST)
    columns = (entry.c.run, entry.c.claimed_at, entry.c.priority, entry.c.queued_at, nodes)
    in_workspace = type_coerce(cast(entry.c.workspace, Text) + "/" + user, Text)
    is_held = or_(
        among(entry.c.workspace, "held_workspaces"), among(in_workspace, "held_users"), among(user, "held_here")
    )
    turns = and_(turn.c.user == user, turn.c.target == bindparam("in_target", type_=Integer))
    query = select(*columns, (own - nodes).label("has"), last.label("last")).select_from(entry.outerjoin(turn, turns))
    all_of = query.where(of_target, or_(entry.c.claimed_at.is_not(None), not_(is_held))).subquery()
    order = (all_of.c.priority.desc(), all_of.c.has, all_of.c.last, all_of.c.queued_at, all_of.c.run)
    before = func.row_number().over(order_by=order) - 1
    nodes_before = func.sum(all_of.c.node_count).over(order_by=order, rows=(None, 0)) - all_of.c.node_count
    query = select(all_of.c.run, before.label("before"), nodes_before.label("nodes_before"))
    line = query.where(all_of.c.claimed_at.is_(None)).subquery()
    return Statement(select(line.c.run, line.c.before, line.c.nodes_before).where(among(line.c.run, "in_runs")))


_PLACES = _places(entry.c.compute_target == bindparam("in_target", type_=Integer))
_PLACES_HERE = _places(entry.c.compute_target.is_(None))


def awaited_nodes(connection: Connection) -> dict[int, dict[int, int]]:
    """How many runs wait for each compute target, by its key and by how many nodes they need."""
    query = select(entry.c.compute_target, entry.c.node_count, func.count()).where(
        _WAITS, entry.c.compute_target.is_not(None)
    )
    found: dict[int, dict[int, int]] = {}
    for key, nodes, runs in connection.execute(query.group_by(entry.c.compute_target, entry.c.node_count)):
        found.setdefault(key, {})[nodes] = runs
    return found


def waiting_in_vain(connection: Connection) -> list[Entry]:
    """The runs that wait for a compute target that is gone, or is being deleted."""
    there = {row[0] for row in _THERE.all(connection, {})}
    gone = [row[0] for row in _AWAITED.all(connection, {}) if row[0] not in there]
    query = _COLUMNS.where(_WAITS, entry.c.compute_target.in_(gone))
    return [Entry(*row) for row in connection.execute(query)] if gone else []


_THERE = Statement(select(target.c.id).where(target.c.state != ProvisioningState.DELETING.value))
_AWAITED = Statement(select(entry.c.compute_target).where(_WAITS, entry.c.compute_target.is_not(None)).distinct())


_WHOSE = (entry.c.workspace, entry.c.submitted_by, entry.c.compute_target)
_CLAIMED = entry.c.claimed_at.is_not(None)
_EXECUTED = Statement(select(*_WHOSE, func.count(), func.sum(entry.c.node_count)).where(_CLAIMED).group_by(*_WHOSE))


def executed(connection: Connection) -> list[Executed]:
    """What has been claimed and has not ended, by workspace, user and compute target."""
    return [Executed(*row)._replace(nodes=int(row[4])) for row in _EXECUTED.all(connection, {})]


def count_by_user(connection: Connection, workspace: int) -> dict[str, QueueCount]:
    """How many runs of a workspace have been claimed and not ended, and how many wait, by user."""
    claims, user = func.count(entry.c.claimed_at), entry.c.submitted_by
    query = select(user, claims, func.count() - claims).where(entry.c.workspace == workspace).group_by(user)
    return {row[0]: QueueCount(row[1], row[2]) for row in connection.execute(query)}


def submitter_of(connection: Connection, run: int) -> str | None:
    """The user behind a run that has not ended; None where it has."""
    found: str | None = connection.execute(select(entry.c.submitted_by).where(entry.c.run == run)).scalar()
    return found


def claimed(connection: Connection) -> list[Entry]:
    """The entries that have been claimed and not ended."""
    return [Entry(*row) for row in connection.execute(_COLUMNS.where(entry.c.claimed_at.is_not(None)))]


def length(connection: Connection) -> Length:
    """How long the queue is."""
    total, claims = connection.execute(select(func.count(), func.count(entry.c.claimed_at))).one()
    return Length(total - claims, claims)


def claimed_here(connection: Connection) -> int:
    """How many entries have been claimed and not ended that the server's own machine executes."""
    elsewhere = select(target.c.id).where(target.c.kind == REMOTE)
    here = or_(entry.c.compute_target.is_(None), entry.c.compute_target.not_in(elsewhere))
    query = select(func.count()).select_from(entry).where(entry.c.claimed_at.is_not(None), here)
    return int(connection.execute(query).scalar_one())


def claim(connection: Connection, run: int, placement: dict[str, Any], now: int) -> None:
    """Note that an entry has been claimed, and where its runner will be."""
    connection.execute(entry.update().where(entry.c.run == run, _WAITS).values(claimed_at=now, placement=placement))


_TURNS = Statement(select(turn.c.target, turn.c.user, turn.c.at))


def turns(connection: Connection) -> dict[tuple[int, str], int]:
    """When a run of a user last began on a compute target (0 is the server's machine)."""
    return {(target_key, user): at for target_key, user, at in _TURNS.all(connection, {})}


def note_turn(connection: Connection, target_key: int, user: str, now: int) -> None:
    """Note that a run of a user begins on a compute target."""
    connection.execute(turn.delete().where(turn.c.at < now - _TURNS_COUNT))
    values = {"at": now}
    of = (turn.c.target == target_key, turn.c.user == user)
    if connection.execute(turn.update().where(*of).values(**values)).rowcount == 0:
        connection.execute(turn.insert().values(target=target_key, user=user, **values))


def find(connection: Connection, run: int) -> Entry | None:
    """The entry of a run; None once it has ended."""
    row = connection.execute(_COLUMNS.where(entry.c.run == run)).first()
    return None if row is None else Entry(*row)


def reads_secrets(connection: Connection, run: int) -> bool:
    """Whether a run that has not ended may read secrets, as far as its submission decides."""
    return bool(connection.execute(select(entry.c.reads_secrets).where(entry.c.run == run)).scalar())


def remove(connection: Connection, run: int) -> None:
    """Take a run that has ended out of the queue."""
    connection.execute(entry.delete().where(entry.c.run == run))


def count_active_runs(connection: Connection, workspace: int) -> int:
    """How many runs of a workspace wait or are being executed."""
    query = select(func.count()).select_from(entry).where(entry.c.workspace == workspace)
    return int(connection.execute(query).scalar_one())
