"""The rows of the queue: every submitted run until it ends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    and_,
    func,
    not_,
    or_,
    select,
)

from terrazul.server.compute.store import target
from terrazul.server.quota.rules import QueueCount
from terrazul.server.sql.metadata import Json, metadata
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
    Index("ix_queue_entry_user", "workspace", "submitted_by"),
    Index("ix_queue_entry_order", "claimed_at", "priority", "queued_at"),
    Index("ix_queue_entry_compute_target", "compute_target", "claimed_at"),
)
"""``compute_target`` is empty for runs on the server's machine itself.

``submitted_by`` is a user: of a run that another one submitted, the user behind that.
"""


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


class Waiting(NamedTuple):
    """A run that waits, for whom, and for which compute target: by its name, and its key where it has one."""

    run: int
    workspace: int
    user: str
    target: str
    compute_target: int | None


_COLUMNS = select(entry.c.run, entry.c.target, entry.c.compute_target, entry.c.placement)
_WAITING = ("run", "workspace", "submitted_by", "target", "compute_target")
_WAITS = entry.c.claimed_at.is_(None)
_ORDER = (entry.c.priority.desc(), entry.c.queued_at, entry.c.run)


def add(connection: Connection, waiting: Waiting, queued_at: int, *, reads_secrets: bool) -> None:
    """Put a run at the end of the queue; ``reads_secrets`` where who submits it may read those of the workspace."""
    values = {"workspace": waiting.workspace, "run": waiting.run, "submitted_by": waiting.user}
    values |= {"target": waiting.target, "compute_target": waiting.compute_target}
    values |= {"priority": 0, "queued_at": queued_at, "reads_secrets": reads_secrets}
    connection.execute(entry.insert().values(**values))


def first_waiting(
    connection: Connection,
    targets: Iterable[int],
    without: Iterable[int] = (),
    without_users: Iterable[tuple[int, str]] = (),
    *,
    here: bool = True,
) -> Entry | None:
    """The next entry to claim: for the server's machine (unless not ``here``) or one of these compute targets.

    It is none of these workspaces, and none of these users in these workspaces.
    """
    held = [and_(entry.c.workspace == workspace, entry.c.submitted_by == user) for workspace, user in without_users]
    has_node = entry.c.compute_target.in_(list(targets))
    has_place = or_(entry.c.compute_target.is_(None), has_node) if here else has_node
    query = _COLUMNS.where(_WAITS, has_place, entry.c.workspace.not_in(list(without)), *map(not_, held))
    query = query.order_by(*_ORDER).limit(1)
    row = connection.execute(query).first()
    return None if row is None else Entry(*row)


def waiting_among(connection: Connection, runs: Iterable[int]) -> list[Waiting]:
    """Those of the runs that wait."""
    query = select(*(entry.c[name] for name in _WAITING)).where(_WAITS)
    return [
        Waiting(*row) for group in in_groups(runs) for row in connection.execute(query.where(entry.c.run.in_(group)))
    ]


def places_in_line(connection: Connection, targets: Iterable[int | None]) -> dict[int, int]:
    """Of all runs that wait for these compute targets (None is the server's machine): how many come before each."""
    before: dict[int, int] = {}
    for key in set(targets):
        query = select(entry.c.run).where(_WAITS, entry.c.compute_target.is_not_distinct_from(key))
        waiting = connection.execute(query.order_by(*_ORDER)).scalars()
        before.update({run: place for place, run in enumerate(waiting)})
    return before


def count_waiting_by_target(connection: Connection) -> dict[int, int]:
    """How many runs wait for each compute target, by its key."""
    query = select(entry.c.compute_target, func.count()).where(_WAITS, entry.c.compute_target.is_not(None))
    return {row[0]: row[1] for row in connection.execute(query.group_by(entry.c.compute_target))}


def waiting_in_vain(connection: Connection) -> list[Entry]:
    """The runs that wait for a compute target that is gone, or is being deleted."""
    there = select(target.c.id).where(target.c.state != ProvisioningState.DELETING.value)
    query = _COLUMNS.where(_WAITS, entry.c.compute_target.is_not(None), entry.c.compute_target.not_in(there))
    return [Entry(*row) for row in connection.execute(query)]


def claimed_by_user(connection: Connection) -> list[tuple[int, str, int]]:
    """How many runs have been claimed and not ended, by workspace and user."""
    whose = (entry.c.workspace, entry.c.submitted_by)
    query = select(*whose, func.count()).where(entry.c.claimed_at.is_not(None)).group_by(*whose)
    return [(workspace, user, count) for workspace, user, count in connection.execute(query)]


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
    connection.execute(entry.update().where(entry.c.run == run).values(claimed_at=now, placement=placement))


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
