"""How far the server has come with each writer."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Connection, Integer, String, Table, select
from sqlalchemy.dialects.sqlite import insert

from terrazul.server.sql.metadata import Json, metadata

writer = Table(
    "writer",
    metadata,
    Column("workspace", Integer, primary_key=True),
    Column("writer_id", String(64), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("refusals", Json, nullable=False),
    Column("written_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)


class WriterRow(NamedTuple):
    """The last batch of a writer, and what of it was refused."""

    sequence: int
    refusals: list[dict[str, Any]]


def find(connection: Connection, workspace: int, writer_id: str) -> WriterRow:
    """How far the server has come; 0 for a writer that it does not know."""
    query = select(writer.c.sequence, writer.c.refusals)
    row = connection.execute(query.where(writer.c.workspace == workspace, writer.c.writer_id == writer_id)).first()
    return WriterRow(0, []) if row is None else WriterRow(*row)


def advance(
    connection: Connection, workspace: int, writer_id: str, sequence: int, refusals: list[Any], now: int
) -> None:
    """Note that a batch was applied."""
    values = {"sequence": sequence, "refusals": refusals, "written_at": now}
    statement = insert(writer).values(workspace=workspace, writer_id=writer_id, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["workspace", "writer_id"], set_=values))
