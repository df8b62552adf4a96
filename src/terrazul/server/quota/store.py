"""The rows of quotas: what was set for single workspaces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Table, bindparam, select

from terrazul.server.sql.metadata import metadata
from terrazul.server.sql.statement import Statement
from terrazul.wire.quota import QuotaLimits

quota = Table(
    "quota",
    metadata,
    Column("workspace", ForeignKey("workspace.id"), primary_key=True),
    Column("storage_bytes", BigInteger, nullable=True),
    Column("concurrent_runs", BigInteger, nullable=True),
    Column("running_per_user", BigInteger, nullable=True),
    Column("waiting_per_user", BigInteger, nullable=True),
    Column("compute_nodes", BigInteger, nullable=True),
    sqlite_with_rowid=False,
)


def put(connection: Connection, workspace: int, limits: QuotaLimits) -> None:
    """Set all limits of a workspace; None is what the settings say."""
    connection.execute(quota.delete().where(quota.c.workspace == workspace))
    if limits != QuotaLimits():
        connection.execute(quota.insert().values(workspace=workspace, **vars(limits)))


_FIND = Statement(select(quota).where(quota.c.workspace == bindparam("in_workspace")))


def find(connection: Connection, workspace: int) -> QuotaLimits:
    """What was set for a workspace."""
    row = _FIND.first(connection, {"in_workspace": workspace})
    return QuotaLimits() if row is None else _limits(row)


def find_all(connection: Connection) -> dict[int, QuotaLimits]:
    """What was set, by workspace, for those for which something was."""
    return {row[0]: _limits(row) for row in connection.execute(select(quota))}


def _limits(row: Sequence[Any]) -> QuotaLimits:
    return QuotaLimits(*row[1:])
