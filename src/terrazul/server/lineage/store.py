"""The edges: one row for each use of one thing by another."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, ColumnElement, Connection, Index, Integer, String, Table, Text, and_, exists, or_, select
from sqlalchemy.dialects.sqlite import insert

from terrazul.server.lineage.rules import DATASET, RUN
from terrazul.server.sql.metadata import metadata
from terrazul.server.sql.variables import in_groups
from terrazul.wire.lineage import Edge

edge = Table(
    "edge",
    metadata,
    Column("workspace", Integer, primary_key=True),
    Column("user_type", String(32), primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("used_type", String(32), primary_key=True),
    Column("used_id", Text, primary_key=True),
    Column("role", Text, primary_key=True),
    Index("ix_edge_used", "workspace", "used_type", "used_id"),
    sqlite_with_rowid=False,
)

_COLUMNS = select(edge.c.user_type, edge.c.user_id, edge.c.used_type, edge.c.used_id, edge.c.role)


def add(connection: Connection, workspace: int, edges: Iterable[Edge]) -> None:
    """Note uses; one that is known already changes nothing."""
    rows = [{"workspace": workspace, **vars(each)} for each in edges]
    if rows:
        connection.execute(insert(edge).on_conflict_do_nothing(), rows)


def remove_user(connection: Connection, workspace: int, user_type: str, user_id: str) -> None:
    """Forget all that a thing uses."""
    connection.execute(
        edge.delete().where(edge.c.workspace == workspace, edge.c.user_type == user_type, edge.c.user_id == user_id)
    )


def forget_runs(connection: Connection, workspace: int, run_ids: Iterable[str]) -> None:
    """Forget what runs read and made, whose ids somebody may use again; models remember theirs."""
    for group in in_groups(run_ids):
        reads = and_(edge.c.user_type == RUN, edge.c.user_id.in_(group))
        made = and_(edge.c.user_type == DATASET, edge.c.used_type == RUN, edge.c.used_id.in_(group))
        connection.execute(edge.delete().where(edge.c.workspace == workspace, or_(reads, made)))


def users_of(connection: Connection, workspace: int, used_type: str, used_id: str) -> list[Edge]:
    """Who uses a thing."""
    query = _COLUMNS.where(edge.c.workspace == workspace, edge.c.used_type == used_type, edge.c.used_id == used_id)
    return [Edge(*row) for row in connection.execute(query)]


def users_of_all(connection: Connection, workspace: int, used_type: str, used_ids: Iterable[str]) -> list[Edge]:
    """Who uses any of several things."""
    of_type = _COLUMNS.where(edge.c.workspace == workspace, edge.c.used_type == used_type)
    found: list[Edge] = []
    for group in in_groups(used_ids):
        found += [Edge(*row) for row in connection.execute(of_type.where(edge.c.used_id.in_(group)))]
    return found


def uses(
    workspace: int, user_type: str, user_id: ColumnElement[str], used_type: str, used_id: str
) -> ColumnElement[bool]:
    """The condition that the thing of a row uses another one, in whatever role."""
    return exists().where(
        edge.c.workspace == workspace,
        edge.c.user_type == user_type,
        edge.c.user_id == user_id,
        edge.c.used_type == used_type,
        edge.c.used_id == used_id,
    )


def used_by(connection: Connection, workspace: int, user_type: str, user_id: str) -> list[Edge]:
    """What a thing uses."""
    query = _COLUMNS.where(edge.c.workspace == workspace, edge.c.user_type == user_type, edge.c.user_id == user_id)
    return [Edge(*row) for row in connection.execute(query)]
