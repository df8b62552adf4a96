"""The rows of experiments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Integer,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    false,
    or_,
    select,
)

from terrazul.core.clock import to_text
from terrazul.core.errors import Conflict, NotFound
from terrazul.core.ids import new_guid
from terrazul.server.identity.rules import Reach
from terrazul.server.sql.among import among
from terrazul.server.sql.metadata import Json, metadata, primary_key
from terrazul.server.sql.pattern import at_or_below, begins_with
from terrazul.server.sql.statement import Statement
from terrazul.server.sql.variables import in_groups
from terrazul.server.sql.witness import made
from terrazul.server.workspace import store as workspaces
from terrazul.wire.experiment import Experiment

experiment = Table(
    "experiment",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", ForeignKey("workspace.id"), nullable=False),
    Column("experiment_id", String(36), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("tags", Json, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("archived_at", BigInteger, nullable=True),
    Column("last_run_number", Integer, nullable=False, default=0),
    Column("run_count", Integer, nullable=False, default=0),
    Column("number", Integer, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger, nullable=True),
    Column("artifact_location", Text, nullable=True),
    Column("deletion", Integer, nullable=True),
    UniqueConstraint("workspace", "name"),
    UniqueConstraint("workspace", "number"),
    UniqueConstraint("workspace", "experiment_id"),
)

HERE = experiment.c.deletion.is_(None)
"""An experiment with a ``deletion`` is being removed, and nobody sees it any more."""

DEFAULT_NAME = "Default"
DEFAULT_NUMBER = 0
"""The experiment that MLflow takes where none is named; it is not listed while it has no runs."""


_COLUMNS = select(
    experiment.c.id, experiment.c.number, experiment.c.created_at, experiment.c.updated_at, experiment.c.deleted_at,
    experiment.c.artifact_location, experiment.c.experiment_id, experiment.c.name, experiment.c.description,
    experiment.c.tags, experiment.c.created_by, experiment.c.archived_at, experiment.c.run_count,
)  # fmt: skip


def _by(column: Column[Any]) -> Statement:
    of_workspace = experiment.c.workspace == bindparam("in_workspace")
    return Statement(_COLUMNS.where(of_workspace, column == bindparam("wanted"), HERE))


_BY_NUMBER, _BY_NAME = _by(experiment.c.number), _by(experiment.c.name)
_BY_KEYS = Statement(_COLUMNS.where(among(experiment.c.id, "keys")))
_COUNT_RUN = Statement(
    experiment.update()
    .where(experiment.c.id == bindparam("of_key"))
    .values(last_run_number=experiment.c.last_run_number + 1, run_count=experiment.c.run_count + 1)
    .returning(experiment.c.last_run_number)
)


class ExperimentRow(NamedTuple):
    """An experiment with its key inside the database, and what MLflow's face needs of it."""

    key: int
    experiment: Experiment
    number: int
    created_at: int
    updated_at: int
    deleted_at: int | None
    artifact_location: str | None


def ensure(connection: Connection, workspace: int, name: str, user: str, now: int) -> ExperimentRow:
    """The experiment of a name, made where there is none. Raises ``Conflict`` where that one is deleted."""
    found = find_by_name(connection, workspace, name)
    if found and found.deleted_at is not None:
        raise Conflict(
            f"The experiment {name[:80]!r} is deleted, and keeps its name until it is purged.",
            target=name[:80],
            hint="Restore it, or take another name.",
        )
    return found or add(connection, workspace, Experiment(new_guid(), name, "", {}, to_text(now), user), now)


def add(
    connection: Connection, workspace: int, new: Experiment, now: int, artifact_location: str | None = None
) -> ExperimentRow:
    """Enter an experiment; its number is the next of its workspace, from 1, but for MLflow's default one."""
    is_default = new.name == DEFAULT_NAME and find_by_number(connection, workspace, DEFAULT_NUMBER) is None
    number = DEFAULT_NUMBER if is_default else workspaces.next_experiment_number(connection, workspace)
    result = connection.execute(
        experiment.insert().values(
            workspace=workspace,
            number=number,
            updated_at=now,
            experiment_id=new.experiment_id,
            name=new.name,
            description=new.description,
            tags=new.tags,
            created_at=now,
            created_by=new.created_by,
            artifact_location=artifact_location,
        )
    )
    made(connection, "experiment", new.experiment_id)
    return ExperimentRow(primary_key(result), new, number, now, now, None, artifact_location)


def find_by_number(connection: Connection, workspace: int, number: int) -> ExperimentRow | None:
    """The experiment of MLflow's number."""
    return _one(_BY_NUMBER.first(connection, {"in_workspace": workspace, "wanted": number}))


def find_by_name(connection: Connection, workspace: int, name: str) -> ExperimentRow | None:
    """The experiment of a name."""
    return _one(_BY_NAME.first(connection, {"in_workspace": workspace, "wanted": name}))


def keys_of(connection: Connection, workspace: int, names: Iterable[str]) -> list[int]:
    """The keys of those experiments that there are."""
    query = select(experiment.c.id).where(experiment.c.workspace == workspace, HERE)
    groups = in_groups(dict.fromkeys(names))
    return [row[0] for group in groups for row in connection.execute(query.where(experiment.c.name.in_(group)))]


def lies_in(folders: Sequence[str]) -> ColumnElement[bool]:
    """The condition that an experiment has the name of one of the folders, or lies below one."""
    return or_(false(), *(at_or_below(experiment.c.name, each) for each in folders))


def keys_in(workspace: int, folders: Sequence[str]) -> Select[tuple[int]]:
    """The keys of the experiments in folders."""
    return select(experiment.c.id).where(experiment.c.workspace == workspace, lies_in(folders))


def find(connection: Connection, workspace: int, experiment_id: str) -> ExperimentRow | None:
    """The experiment of an id."""
    of_id = experiment.c.experiment_id == experiment_id
    query = _COLUMNS.where(experiment.c.workspace == workspace, of_id, HERE)
    return _one(connection.execute(query).first())


def existing(connection: Connection, workspace: int, experiment_id: str, reach: Reach | None = None) -> ExperimentRow:
    """The experiment of an id. Raises ``NotFound``, also for one of which a call may not know."""
    row = find(connection, workspace, experiment_id)
    if row is None or (reach is not None and not reach.shows(row.experiment.name)):
        told = experiment_id[:80]
        raise NotFound(f"There is no experiment with the id {told!r} in this workspace.", target=told)
    return row


def list_all(
    connection: Connection,
    workspace: int,
    *,
    name: str | None = None,
    folder: str | None = None,
    archived: bool | None = None,
    deleted: bool = False,
    among: Sequence[str] | None = None,
) -> list[Experiment]:
    """The experiments of a workspace, newest first; ``archived`` None lists both kinds.

    With a folder only those in and below it; with folders ``among`` which to look, only those that lie in these. Those
    that are deleted softly are listed where they alone are wanted.
    """
    used = or_(experiment.c.number != DEFAULT_NUMBER, experiment.c.run_count > 0)
    there = experiment.c.deleted_at.is_not(None) if deleted else experiment.c.deleted_at.is_(None)
    query = _COLUMNS.where(experiment.c.workspace == workspace, there, used, HERE)
    query = query.order_by(experiment.c.id.desc())
    if name is not None:
        query = query.where(experiment.c.name == name)
    if folder:
        below = folder + "/"
        query = query.where(begins_with(experiment.c.name, below))
    if among is not None:
        query = query.where(lies_in(among))
    if archived is not None:
        query = query.where(experiment.c.archived_at.is_not(None) if archived else experiment.c.archived_at.is_(None))
    return [_row(row).experiment for row in connection.execute(query)]


def rows_of(connection: Connection, workspace: int) -> list[ExperimentRow]:
    """All experiments of a workspace, also deleted ones."""
    query = _COLUMNS.where(experiment.c.workspace == workspace, HERE)
    return [_row(row) for row in connection.execute(query)]


def of_keys(connection: Connection, keys: Iterable[int]) -> list[ExperimentRow]:
    """The experiments of keys that other rows hold, in this order."""
    keys = list(keys)
    found = {row[0]: _row(row) for row in _BY_KEYS.all(connection, {"keys": keys})}
    return [found[key] for key in keys]


def next_run_number(connection: Connection, key: int) -> int:
    """Count a new run; returns its number, from 1."""
    ((number,),) = _COUNT_RUN.all(connection, {"of_key": key})
    return int(number)


def get(connection: Connection, key: int) -> ExperimentRow:
    """The experiment of a key that another row holds."""
    return _row(connection.execute(_COLUMNS.where(experiment.c.id == key)).one())


def change(connection: Connection, key: int, values: dict[str, Any]) -> None:
    """Set columns of an experiment."""
    connection.execute(experiment.update().where(experiment.c.id == key).values(**values))


def _one(row: Sequence[Any] | None) -> ExperimentRow | None:
    return None if row is None else _row(row)


def _row(row: Sequence[Any]) -> ExperimentRow:
    # unpacked, since a row finds a column by its name ten times slower
    (
        key, number, created_at, updated_at, deleted_at, artifact_location, experiment_id, name, description, tags,
        created_by, archived_at, run_count,
    ) = row  # fmt: skip
    made = Experiment(
        experiment_id=experiment_id,
        name=name,
        description=description,
        tags=tags,
        created_at=to_text(created_at),
        created_by=created_by,
        archived_at=None if archived_at is None else to_text(archived_at),
        run_count=run_count,
        deleted_at=None if deleted_at is None else to_text(deleted_at),
    )
    return ExperimentRow(key, made, number, created_at, updated_at, deleted_at, artifact_location)
