"""The rows of artifacts."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    bindparam,
    select,
)
from sqlalchemy.dialects.sqlite import insert

from terrazul.core.clock import to_text
from terrazul.server.blobs import store as contents
from terrazul.server.sql.metadata import metadata
from terrazul.server.sql.pattern import at_or_below, begins_with
from terrazul.server.sql.statement import Statement
from terrazul.wire.artifact import Artifact

artifact = Table(
    "artifact",
    metadata,
    Column("workspace", Integer, nullable=False),
    Column("run", ForeignKey("run.id"), primary_key=True),
    Column("path", Text, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_artifact_content", "workspace", "digest"),
    sqlite_with_rowid=False,
)

_COLUMNS = select(artifact.c.path, artifact.c.size, artifact.c.digest, artifact.c.created_at)
_DIGEST = Statement(
    select(artifact.c.digest).where(artifact.c.run == bindparam("of_run"), artifact.c.path == bindparam("of_path"))
)


def _replace() -> Statement:
    new = insert(artifact)
    values = {name: new.excluded[name] for name in ("digest", "size", "created_at")}
    named = ("workspace", "run", "path", *values)
    return Statement(new.on_conflict_do_update(index_elements=["run", "path"], set_=values), *named)


_PUT = _replace()


def find(connection: Connection, run: int, path: str) -> Artifact | None:
    """The artifact of a path."""
    row = connection.execute(_COLUMNS.where(artifact.c.run == run, artifact.c.path == path)).first()
    return None if row is None else Artifact(row[0], row[1], row[2], to_text(row[3]))


def put(connection: Connection, workspace: int, run: int, path: str, digest: str, size: int, time: int) -> None:
    """Enter an artifact in the place of an earlier one of that path."""
    earlier = _DIGEST.all(connection, {"of_run": run, "of_path": path})
    contents.release(connection, workspace, [row[0] for row in earlier], time)
    new = {"workspace": workspace, "run": run, "path": path, "digest": digest, "size": size, "created_at": time}
    _PUT.run(connection, new)


def list_all(connection: Connection, run: int, prefix: str) -> list[Artifact]:
    """The artifacts of a run whose path begins with a prefix, by path."""
    query = _COLUMNS.where(artifact.c.run == run).order_by(artifact.c.path)
    if prefix:
        query = query.where(begins_with(artifact.c.path, prefix))
    return [Artifact(row[0], row[1], row[2], to_text(row[3])) for row in connection.execute(query)]


def remove(connection: Connection, workspace: int, run: int, path: str, now: int) -> int:
    """Remove an artifact, or all below a folder; returns how many went."""
    return _remove(connection, workspace, (artifact.c.run == run) & at_or_below(artifact.c.path, path), now)


def _remove(connection: Connection, workspace: int, which: ColumnElement[bool], now: int) -> int:
    digests = connection.execute(artifact.delete().where(which).returning(artifact.c.digest)).scalars().all()
    contents.release(connection, workspace, dict.fromkeys(digests), now)
    return len(digests)
