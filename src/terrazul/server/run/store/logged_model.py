"""The rows of logged models: what a run wrote down as a model, before anyone registers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    Row,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    select,
)
from sqlalchemy.dialects.sqlite import insert

from terrazul.core.clock import to_text
from terrazul.core.errors import NotFound
from terrazul.server.blobs import store as contents
from terrazul.server.experiment.store import experiment
from terrazul.server.run.store.run import run
from terrazul.server.sql.metadata import metadata, primary_key
from terrazul.server.sql.named_texts import NamedTexts
from terrazul.server.sql.pattern import at_or_below, begins_with
from terrazul.server.sql.variables import in_groups
from terrazul.server.sql.witness import made
from terrazul.wire.artifact import Artifact

logged_model = Table(
    "logged_model",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", ForeignKey("workspace.id"), nullable=False),
    Column("model_id", String(64), nullable=False),
    Column("experiment", ForeignKey("experiment.id"), nullable=False),
    Column("run", ForeignKey("run.id"), nullable=True, index=True),
    Column("name", Text, nullable=False),
    Column("model_type", Text, nullable=False),
    Column("status", String(32), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger, nullable=True),
    UniqueConstraint("workspace", "model_id"),
    Index("ix_logged_model_newest", "experiment", "created_at", "id"),
)


parameter = NamedTexts("logged_model_parameter", "logged_model")
tag = NamedTexts("logged_model_tag", "logged_model")

metric = Table(
    "logged_model_metric",
    metadata,
    Column("workspace", Integer, nullable=False),
    Column("logged_model", ForeignKey("logged_model.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("run", ForeignKey("run.id"), primary_key=True, index=True),
    Column("dataset_name", Text, primary_key=True),
    Column("dataset_digest", Text, primary_key=True),
    Column("number", Float, nullable=True),
    Column("word", Text, nullable=True),
    Column("step", BigInteger, nullable=False),
    Column("time", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The last value of a metric that was recorded for a model, on a dataset (or none, empty texts). ``word`` stands for
what is no finite number."""

file = Table(
    "logged_model_file",
    metadata,
    Column("workspace", Integer, nullable=False),
    Column("logged_model", ForeignKey("logged_model.id"), primary_key=True),
    Column("path", Text, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_logged_model_file_content", "workspace", "digest"),
    sqlite_with_rowid=False,
)


class LoggedModelRow(NamedTuple):
    """A logged model with its key inside the database."""

    key: int
    workspace: int
    model_id: str
    experiment: int
    experiment_number: int
    artifact_location: str | None
    run: int | None
    run_id: str | None
    name: str
    model_type: str
    status: str
    created_at: int
    created_by: str
    updated_at: int
    deleted_at: int | None


class MetricRow(NamedTuple):
    """A metric of a logged model."""

    key: str
    run_id: str
    dataset_name: str
    dataset_digest: str
    number: float | None
    word: str | None
    step: int
    time: int


_COLUMNS: Select[Any] = (
    select(
        logged_model.c.id, logged_model.c.workspace, logged_model.c.model_id, logged_model.c.experiment,
        experiment.c.number, experiment.c.artifact_location, logged_model.c.run, run.c.run_id, logged_model.c.name,
        logged_model.c.model_type, logged_model.c.status, logged_model.c.created_at, logged_model.c.created_by,
        logged_model.c.updated_at, logged_model.c.deleted_at,
    )
    .select_from(logged_model)
    .join(experiment, experiment.c.id == logged_model.c.experiment)
    .outerjoin(run, run.c.id == logged_model.c.run)
    .where(run.c.deletion.is_(None), experiment.c.deletion.is_(None))
)  # fmt: skip
_FILES: Select[Any] = select(file.c.path, file.c.size, file.c.digest, file.c.created_at)


def add(connection: Connection, values: Mapping[str, Any]) -> int:
    """Enter a logged model; returns its key."""
    key = primary_key(connection.execute(logged_model.insert().values(**values)))
    made(connection, "logged_model", values["model_id"])
    return key


def find(connection: Connection, workspace: int, model_id: str) -> LoggedModelRow | None:
    """The logged model of an id, also a deleted one."""
    query = _COLUMNS.where(logged_model.c.workspace == workspace, logged_model.c.model_id == model_id)
    row = connection.execute(query).first()
    return None if row is None else LoggedModelRow(*row)


def existing(connection: Connection, workspace: int, model_id: str) -> LoggedModelRow:
    """The logged model of an id. Raises ``NotFound``, also for one that is deleted."""
    row = find(connection, workspace, model_id)
    if row is None or row.deleted_at is not None:
        raise no_model(model_id)
    return row


def no_model(model_id: str) -> NotFound:
    """What is said of a logged model that there is not, or not for the caller."""
    return NotFound(f"Logged model with ID '{model_id[:80]}' not found.", target=model_id[:80])


def rows_of(connection: Connection, keys: Sequence[int]) -> list[LoggedModelRow]:
    """The logged models of keys, in this order."""
    found = {
        row[0]: LoggedModelRow(*row)
        for group in in_groups(keys)
        for row in connection.execute(_COLUMNS.where(logged_model.c.id.in_(group)))
    }
    return [found[key] for key in keys]


def change(connection: Connection, key: int, values: Mapping[str, Any]) -> None:
    """Set columns of a logged model."""
    connection.execute(logged_model.update().where(logged_model.c.id == key).values(**values))


def put_metrics(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Note values of metrics; a value of a lower step, or an earlier one, does not take a later one's place."""
    if rows:
        statement = insert(metric)
        fresh = statement.excluded
        statement = statement.on_conflict_do_update(
            index_elements=["logged_model", "key", "run", "dataset_name", "dataset_digest"],
            set_={name: fresh[name] for name in ("number", "word", "step", "time")},
            where=(fresh.step > metric.c.step) | ((fresh.step == metric.c.step) & (fresh.time >= metric.c.time)),
        )
        connection.execute(statement, rows)


def metrics_of(
    connection: Connection, keys: Sequence[int], condition: ColumnElement[bool]
) -> dict[int, list[MetricRow]]:
    """The metrics of logged models that meet a condition, by model."""
    found: dict[int, list[MetricRow]] = {}
    columns: Select[Any] = select(
        metric.c.logged_model, metric.c.key, run.c.run_id, metric.c.dataset_name, metric.c.dataset_digest,
        metric.c.number, metric.c.word, metric.c.step, metric.c.time,
    ).join(run, run.c.id == metric.c.run)  # fmt: skip
    for group in in_groups(keys):
        query = columns.where(metric.c.logged_model.in_(group), condition).order_by(metric.c.key)
        for key, *values in connection.execute(query).all():
            found.setdefault(key, []).append(MetricRow(*values))
    return found


def find_file(connection: Connection, key: int, path: str) -> Artifact | None:
    """The file of a path."""
    row = connection.execute(_FILES.where(file.c.logged_model == key, file.c.path == path)).first()
    return None if row is None else _artifact(row)


def put_file(connection: Connection, row: LoggedModelRow, path: str, digest: str, size: int, time: int) -> None:
    """Enter a file in the place of an earlier one of that path."""
    earlier = find_file(connection, row.key, path)
    contents.release(connection, row.workspace, [earlier.digest] if earlier else [], time)
    values = {"digest": digest, "size": size, "created_at": time}
    statement = insert(file).values(workspace=row.workspace, logged_model=row.key, path=path, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["logged_model", "path"], set_=values))


def files_of(connection: Connection, key: int, prefix: str) -> list[Artifact]:
    """The files whose path begins with a prefix, by path."""
    query = _FILES.where(file.c.logged_model == key).order_by(file.c.path)
    if prefix:
        query = query.where(begins_with(file.c.path, prefix))
    return [_artifact(row) for row in connection.execute(query)]


def of_run(connection: Connection, run_key: int) -> list[LoggedModelRow]:
    """The logged models that a run made, oldest first."""
    query = _COLUMNS.where(logged_model.c.run == run_key, logged_model.c.deleted_at.is_(None))
    return [LoggedModelRow(*row) for row in connection.execute(query.order_by(logged_model.c.id))]


def path_within(row: LoggedModelRow, path: str) -> str | None:
    """What a path of the run's files is among those of the model: empty for its folder, None where it is elsewhere."""
    folder = f"{row.name}/"
    return path[len(folder) :] if (path + "/").startswith(folder) else None


def remove_files(connection: Connection, row: LoggedModelRow, path: str, now: int) -> int:
    """Remove a file, all below a folder, or all without a path; returns how many went."""
    which = file.c.logged_model == row.key
    which = which & at_or_below(file.c.path, path) if path else which
    digests = connection.execute(file.delete().where(which).returning(file.c.digest)).scalars().all()
    contents.release(connection, row.workspace, dict.fromkeys(digests), now)
    return len(digests)


def delete(connection: Connection, workspace: int, keys: Sequence[int], now: int) -> None:
    """Remove logged models with everything that was recorded for them."""
    for group in in_groups(keys):
        contents.release_named_by(
            connection, workspace, select(file.c.digest).where(file.c.logged_model.in_(group)), now
        )
        for table in (file, metric, tag.table, parameter.table):
            connection.execute(table.delete().where(table.c.logged_model.in_(group)))
        connection.execute(logged_model.delete().where(logged_model.c.id.in_(group)))


def _artifact(row: Row[Any]) -> Artifact:
    return Artifact(row.path, row.size, row.digest, to_text(row.created_at))
