"""Removing the rows of what is hidden, a bounded number in each transaction; what is left goes with the next one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, select, tuple_

from terrazul.server.blobs import store as contents
from terrazul.server.deletion.store.deletion import DeletionRow
from terrazul.server.experiment.store import experiment
from terrazul.server.run.store import inputs, log, logged_model, member, metric
from terrazul.server.run.store.artifact import artifact
from terrazul.server.run.store.run import event, parameter, property_, run, tag
from terrazul.server.snapshot import store as snapshots

_RUNS = 100
_ROWS = 5000


def step(connection: Connection, row: DeletionRow, now: int) -> bool:
    """Remove some rows; false where there are none left."""
    query = select(run.c.id).where(run.c.deletion == row.key).limit(_RUNS)
    keys = list(connection.execute(query).scalars())
    if keys:
        _remove_from_runs(connection, row.workspace, keys, now)
        return True
    return _remove_from_experiments(connection, row, now)


def _remove_from_runs(connection: Connection, workspace: int, keys: list[int], now: int) -> None:
    if _points_are_left(connection, keys) or _files_are_left(connection, workspace, keys, now):
        return
    if _logs_are_left(connection, workspace, keys):
        return
    if _some_are_left(connection, event, keys, ["id"]):
        return
    of_runs = select(logged_model.logged_model.c.id).where(logged_model.logged_model.c.run.in_(keys))
    logged_model.delete(connection, workspace, list(connection.execute(of_runs).scalars()), now)
    used = select(run.c.snapshot_id).where(run.c.id.in_(keys), run.c.snapshot_id.is_not(None)).distinct()
    snapshots.release(connection, workspace, list(connection.execute(used).scalars()), now)
    for table in (
        tag.table, property_.table, parameter.table, inputs.dataset_input, inputs.run_model, logged_model.metric,
        log.log, metric.metric, member.member,
    ):  # fmt: skip
        connection.execute(table.delete().where(table.c.run.in_(keys)))
    connection.execute(run.delete().where(run.c.id.in_(keys)))


def _points_are_left(connection: Connection, keys: list[int]) -> bool:
    """Remove points of metrics; true where the room of this transaction is used up."""
    room = _ROWS
    table = metric.metric
    whole: list[int] = []
    for key, count in connection.execute(select(table.c.id, table.c.count).where(table.c.run.in_(keys))).all():
        if count <= room:
            room -= count
            whole.append(key)
        else:
            some = select(metric.point.c.sequence).where(metric.point.c.metric == key).limit(room)
            of_metric = metric.point.c.metric == key
            connection.execute(metric.point.delete().where(of_metric, metric.point.c.sequence.in_(some)))
            connection.execute(table.update().where(table.c.id == key).values(count=count - room))
            room = 0
        if room <= 0:
            break
    connection.execute(metric.point.delete().where(metric.point.c.metric.in_(whole)))
    connection.execute(table.delete().where(table.c.id.in_(whole)))
    return room <= 0


def _files_are_left(connection: Connection, workspace: int, keys: list[int], now: int) -> bool:
    query = select(artifact.c.run, artifact.c.path, artifact.c.digest).where(artifact.c.run.in_(keys)).limit(_ROWS)
    rows = connection.execute(query).all()
    contents.release(connection, workspace, dict.fromkeys(row.digest for row in rows), now)
    return _some_are_left(connection, artifact, keys, ["run", "path"])


def _logs_are_left(connection: Connection, workspace: int, keys: list[int]) -> bool:
    """Remove the bytes of logs that were never closed."""
    of_runs = select(log.log.c.id).where(log.log.c.run.in_(keys))
    chunk = log.chunk
    query = select(chunk.c.log, chunk.c.offset, chunk.c.key).where(chunk.c.log.in_(of_runs)).limit(_ROWS // 10)
    rows = connection.execute(query).all()
    contents.bury(connection, workspace, [row.key for row in rows if row.key])
    for row in rows:
        connection.execute(chunk.delete().where(chunk.c.log == row.log, chunk.c.offset == row.offset))
    return len(rows) == _ROWS // 10


def _some_are_left(connection: Connection, table: Table, keys: list[int], primary: Sequence[str]) -> bool:
    """Remove rows of runs; true where the room of this transaction is used up."""
    columns: list[Any] = [table.c[name] for name in primary]
    some = select(*columns).where(table.c.run.in_(keys)).limit(_ROWS)
    which = columns[0].in_(some) if len(columns) == 1 else tuple_(*columns).in_(some)
    return connection.execute(table.delete().where(which)).rowcount == _ROWS


def _remove_from_experiments(connection: Connection, row: DeletionRow, now: int) -> bool:
    query = select(experiment.c.id).where(experiment.c.workspace == row.workspace, experiment.c.deletion == row.key)
    keys = list(connection.execute(query.limit(_RUNS)).scalars())
    if not keys:
        return False
    within = select(logged_model.logged_model.c.id).where(logged_model.logged_model.c.experiment.in_(keys))
    some = list(connection.execute(within.limit(_RUNS)).scalars())
    if some:
        logged_model.delete(connection, row.workspace, some, now)
    else:
        connection.execute(experiment.delete().where(experiment.c.id.in_(keys)))
    return True
