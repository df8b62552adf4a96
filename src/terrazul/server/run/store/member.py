"""The rows of the members of runs on several nodes: how far each has come, and where the others find it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Connection, ForeignKey, Integer, Row, String, Table, Text, select

from terrazul.core.clock import check_time
from terrazul.core.errors import InvalidInput
from terrazul.server.queue.rules import Sign
from terrazul.server.run.store.run import RunRow
from terrazul.server.sql.metadata import Json, metadata
from terrazul.wire.heartbeat import MemberState, RunMember
from terrazul.wire.run import RunError

member = Table(
    "run_member",
    metadata,
    Column("run", ForeignKey("run.id"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("workspace", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("address", Text, nullable=False),
    Column("ports", Json, nullable=False),
    Column("starts_all", Boolean, nullable=False),
    Column("error", Json, nullable=True),
    Column("failed_at", BigInteger, nullable=True),
    Column("is_lost", Boolean, nullable=False),
    Column("heartbeat_at", BigInteger, nullable=False),
)
"""A member that has not told of itself has no row."""

_TOLD = ("number", "state", "address", "ports", "starts_all", "error", "failed_at", "is_lost")
_LONGEST_ADDRESS = 255
_MOST_PORTS = 5000
_LAST_PORT = 65535


def check(told: RunMember) -> None:
    """Raise ``InvalidInput`` for what cannot be a member."""
    if len(told.address) > _LONGEST_ADDRESS or "\0" in told.address:
        raise InvalidInput(f"{told.address[:80]!r} is no address.", target="address")
    if len(told.ports) > _MOST_PORTS or not all(0 < port <= _LAST_PORT for port in told.ports):
        raise InvalidInput("These are no ports.", target="ports")
    if told.failed_at is not None:
        check_time(told.failed_at)


def tell(connection: Connection, run: RunRow, told: RunMember, now: int) -> None:
    """Note what a member says of itself; what has been said of its state and its failure is not taken back."""
    of_member = (member.c.run == run.key, member.c.attempt == run.attempt, member.c.number == told.number)
    row = connection.execute(select(*(member.c[name] for name in _TOLD)).where(*of_member)).first()
    if row is None:
        key = {"run": run.key, "attempt": run.attempt, "workspace": run.workspace}
        connection.execute(member.insert().values(**key, **msgspec.to_builtins(told), heartbeat_at=now))
        return
    before = _member(row)
    values: dict[str, Any] = {"heartbeat_at": now}
    if told.state.place >= before.state.place:
        values["state"] = told.state.value
    if told.state is MemberState.READY:
        values |= {"address": told.address, "ports": told.ports}
    if told.starts_all:
        values["starts_all"] = True
    if before.error is None and told.error is not None:
        values |= {"error": msgspec.to_builtins(told.error), "failed_at": told.failed_at, "is_lost": told.is_lost}
    connection.execute(member.update().where(*of_member).values(**values))


def of(connection: Connection, run: int, attempt: int) -> list[RunMember]:
    """The members of an attempt that have told of themselves, by number."""
    query = select(*(member.c[name] for name in _TOLD)).where(member.c.run == run, member.c.attempt == attempt)
    return [_member(row) for row in connection.execute(query.order_by(member.c.number))]


def signs(connection: Connection, run: int, attempt: int) -> Mapping[int, Sign]:
    """Whether the server has everything of each member, and when it last gave a sign of life."""
    query = select(member.c.number, member.c.state, member.c.heartbeat_at)
    query = query.where(member.c.run == run, member.c.attempt == attempt)
    return {
        row.number: Sign(row.state == MemberState.DONE.value, row.heartbeat_at) for row in connection.execute(query)
    }


def _member(row: Row[Any]) -> RunMember:
    values = row._asdict()
    error = None if row.error is None else msgspec.convert(row.error, RunError)
    return RunMember(**{**values, "state": MemberState(row.state), "error": error})
