"""The rows of runs, with their tags, properties and events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    exists,
    func,
    not_,
    select,
)

from terrazul.core.clock import to_text
from terrazul.core.errors import NotFound
from terrazul.server.experiment.store import experiment, keys_in
from terrazul.server.sql.among import among
from terrazul.server.sql.index_choice import indexed, unindexed
from terrazul.server.sql.metadata import Json, metadata
from terrazul.server.sql.named_texts import NamedTexts
from terrazul.server.sql.statement import Statement
from terrazul.server.sql.text_map import text_map
from terrazul.server.sql.variables import in_groups
from terrazul.server.sql.witness import made
from terrazul.wire.run import Run, RunError, RunEvent, RunState

_display_name = Column("display_name", Text, nullable=False)
_snapshot_id = Column("snapshot_id", String(36), nullable=True)
_deletion = Column("deletion", Integer, nullable=True)

run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", ForeignKey("workspace.id"), nullable=False),
    Column("run_id", String(256), nullable=False),
    Column("experiment", ForeignKey("experiment.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("state", String(32), nullable=False),
    _display_name,
    Column("description", Text, nullable=False),
    Column("parent", ForeignKey("run.id"), nullable=True, index=True),
    Column("root", Integer, nullable=True, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("started_at", BigInteger, nullable=True),
    Column("ended_at", BigInteger, nullable=True),
    Column("duration", BigInteger, nullable=True),
    Column("target", Text, nullable=False),
    _snapshot_id,
    Column("error", Json, nullable=True),
    Column("warnings", Json, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("interactive", Boolean, nullable=False),
    Column("definition", Json, nullable=True),
    Column("heartbeat_at", BigInteger, nullable=True),
    Column("phase", Text, nullable=True),
    Column("deleted_at", BigInteger, nullable=True),
    Column("archived_at", BigInteger, nullable=True),
    _deletion,
    UniqueConstraint("workspace", "run_id"),
    Index("ix_run_newest", "workspace", "created_at", "id"),
    Index("ix_run_of_experiment", "experiment", "created_at", "id"),
    Index("ix_run_state", "workspace", "state"),
    Index("ix_run_started", "workspace", "started_at", "created_at", "id"),
    Index("ix_run_ended", "workspace", "ended_at", "created_at", "id"),
    Index("ix_run_duration", "workspace", "duration", "created_at", "id"),
    Index("ix_run_display_name", "workspace", indexed(_display_name), "created_at", "id"),
    Index(
        "ix_run_snapshot",
        "workspace",
        "snapshot_id",
        sqlite_where=_snapshot_id.is_not(None),
        postgresql_where=_snapshot_id.is_not(None),
    ),
    Index("ix_run_deletion", "deletion", sqlite_where=_deletion.is_not(None), postgresql_where=_deletion.is_not(None)),
)
"""A run with a ``deletion`` is being removed, and nobody sees it any more. ``deleted_at`` is MLflow's soft deletion."""


tag = NamedTexts("run_tag", "run")
property_ = NamedTexts("run_property", "run")
parameter = NamedTexts("run_parameter", "run")

event = Table(
    "run_event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", Integer, nullable=False),
    Column("run", ForeignKey("run.id"), nullable=False, index=True),
    Column("time", BigInteger, nullable=False),
    Column("state", String(32), nullable=True),
    Column("phase", Text, nullable=False),
    Column("seconds", Float, nullable=True),
    Column("message", Text, nullable=False),
)

_EXECUTED = {"Preparing", "Starting", "Running", "Finalizing", "CancelRequested"}
_above = run.alias("run_above")
_parent = run.alias("parent")
_root = run.alias("root")


class RunRow(NamedTuple):
    """What the services need of a run besides what travels."""

    key: int
    workspace: int
    run_id: str
    state: RunState
    parent: int | None
    root: int
    attempt: int
    interactive: bool
    experiment: int
    deleted: bool
    started_at: int | None


_ROW = select(
    run.c.id, run.c.workspace, run.c.run_id, run.c.state, run.c.parent, run.c.root, run.c.attempt, run.c.interactive,
    run.c.experiment, run.c.deleted_at, run.c.started_at,
)  # fmt: skip
_FIND = Statement(
    _ROW.where(
        run.c.workspace == bindparam("in_workspace"), run.c.run_id == bindparam("of_run_id"), run.c.deletion.is_(None)
    )
)
_FIND_BY_KEY = Statement(_ROW.where(run.c.id == bindparam("of_key")))
_NAMES = [column.name for column in run.columns if column.name != "id"]
_ADD = Statement(run.insert(), *_NAMES)
_NOTHING = dict.fromkeys(_NAMES)
_ADD_EVENT = Statement(event.insert(), "workspace", "run", "time", "state", "phase", "seconds", "message")


def add(connection: Connection, values: Mapping[str, Any], parent: RunRow | None) -> int:
    """Enter a run; returns its key."""
    above = {"parent": parent.key, "root": parent.root} if parent else {}
    key = _ADD.insert(connection, {**_NOTHING, **values, **above})
    if parent is None:
        change(connection, key, {"root": key})
    made(connection, "run", values["run_id"])
    return key


def find(connection: Connection, workspace: int, run_id: str) -> RunRow | None:
    """The run of an id."""
    row = _FIND.first(connection, {"in_workspace": workspace, "of_run_id": run_id})
    return None if row is None else _row(row)


def lies_in(workspace: int, folders: Sequence[str]) -> ColumnElement[bool]:
    """The condition that a run's experiment lies in folders, for a statement over ``run``.

    So do the experiments of its parent and of its root: a run tells of these.
    """
    there = keys_in(workspace, folders)
    elsewhere = exists().where(_above.c.id.in_([run.c.parent, run.c.root]), _above.c.experiment.not_in(there))
    return and_(unindexed(run.c.experiment).in_(there), not_(elsewhere.correlate(run)))


def those_in(connection: Connection, workspace: int, keys: Iterable[int], folders: Sequence[str]) -> set[int]:
    """Those of the runs that lie in folders."""
    query = select(run.c.id).where(lies_in(workspace, folders))
    return {key for group in in_groups(keys) for key in connection.execute(query.where(run.c.id.in_(group))).scalars()}


def snapshot_lies_in(connection: Connection, workspace: int, snapshot_id: str, folders: Sequence[str]) -> bool:
    """True where a run in folders was made from the snapshot."""
    of_snapshot = (run.c.workspace == workspace, run.c.snapshot_id == snapshot_id, run.c.deletion.is_(None))
    query = select(run.c.id).where(*of_snapshot, lies_in(workspace, folders)).limit(1)
    return connection.execute(query).first() is not None


def existing(connection: Connection, workspace: int, run_id: str) -> RunRow:
    """The run of an id. Raises ``NotFound``."""
    row = find(connection, workspace, run_id)
    if row is None:
        raise no_run(run_id)
    return row


def no_run(run_id: str) -> NotFound:
    """What is said of a run that there is not, or not for the caller."""
    return NotFound(f"There is no run {run_id[:80]!r} in this workspace.", target=run_id[:80])


def ids_of(connection: Connection, keys: Iterable[int]) -> dict[int, str]:
    """The ids of runs by their keys."""
    query = select(run.c.id, run.c.run_id)
    return {
        row.id: row.run_id for group in in_groups(keys) for row in connection.execute(query.where(run.c.id.in_(group)))
    }


def find_some(connection: Connection, workspace: int, run_ids: Iterable[str]) -> list[RunRow]:
    """The runs of ids, those that there are."""
    here = _ROW.where(run.c.workspace == workspace, run.c.deletion.is_(None))
    return [
        _row(row) for group in in_groups(run_ids) for row in connection.execute(here.where(run.c.run_id.in_(group)))
    ]


def find_by_key(connection: Connection, key: int) -> RunRow | None:
    """The run of a key."""
    row = _FIND_BY_KEY.first(connection, {"of_key": key})
    return None if row is None else _row(row)


def is_within(connection: Connection, key: int, ancestor: int) -> bool:
    """True where the run is the ancestor or descends from it."""
    current: int | None = key
    while current is not None:
        if current == ancestor:
            return True
        current = connection.execute(select(run.c.parent).where(run.c.id == current)).scalar()
    return False


def descendants(connection: Connection, key: int) -> list[RunRow]:
    """Every run below this one, nearest first."""
    found: list[RunRow] = []
    level = [key]
    while level:
        rows = [_row(row) for row in connection.execute(_ROW.where(run.c.parent.in_(level)).order_by(run.c.id))]
        found += rows
        level = [row.key for row in rows]
    return found


def change(connection: Connection, key: int, values: Mapping[str, Any]) -> None:
    """Set columns of a run."""
    _changing(tuple(values)).run(
        connection, {"of_key": key, **{f"new_{name}": value for name, value in values.items()}}
    )


@cache
def _changing(names: tuple[str, ...]) -> Statement:
    changed = {name: bindparam(f"new_{name}", type_=run.c[name].type) for name in names}
    return Statement(run.update().where(run.c.id == bindparam("of_key")).values(changed))


def delete_all_of(connection: Connection, experiment_key: int, now: int) -> None:
    """Delete the runs of an experiment softly; those that are deleted already keep their time."""
    of_experiment = run.c.experiment == experiment_key
    connection.execute(run.update().where(of_experiment, run.c.deleted_at.is_(None)).values(deleted_at=now))


def restore_all_of(connection: Connection, experiment_key: int, deleted_at: int) -> None:
    """Bring back the runs of an experiment that were deleted at this time, together with it."""
    of_experiment = run.c.experiment == experiment_key
    connection.execute(run.update().where(of_experiment, run.c.deleted_at == deleted_at).values(deleted_at=None))


def creator_of(connection: Connection, key: int) -> str:
    """Who made a run: a user, or the run above it by its id."""
    return str(connection.execute(select(run.c.created_by).where(run.c.id == key)).scalar_one())


def warnings_of(connection: Connection, key: int) -> list[str]:
    """The warnings of a run."""
    return list(connection.execute(select(run.c.warnings).where(run.c.id == key)).scalar_one())


def definition_of(connection: Connection, key: int) -> Any:
    """The definition of a submitted run, as plain data; None for an interactive one."""
    return connection.execute(select(run.c.definition).where(run.c.id == key)).scalar_one()


def snapshot_of(connection: Connection, key: int) -> str | None:
    """The snapshot of a run."""
    found: str | None = connection.execute(select(run.c.snapshot_id).where(run.c.id == key)).scalar_one()
    return found


_SIGNS = Statement(select(run.c.id, run.c.state, run.c.heartbeat_at).where(among(run.c.id, "keys")))


def signs_of(connection: Connection, keys: Sequence[int]) -> dict[int, tuple[RunState, int | None]]:
    """Where runs are, and when the runner of each last gave a sign of life."""
    return {key: (RunState(state), at) for key, state, at in _SIGNS.all(connection, {"keys": keys})}


def count_by_state(connection: Connection) -> dict[str, int]:
    """How many runs of all workspaces are in each state."""
    query = select(run.c.state, func.count()).where(run.c.deletion.is_(None)).group_by(run.c.state)
    return {row[0]: row[1] for row in connection.execute(query)}


def set_tags(connection: Connection, row: RunRow, tags: Mapping[str, str]) -> None:
    """Set tags; a tag that is there gets the new value."""
    tag.set(connection, row.workspace, row.key, tags)


def remove_tags(connection: Connection, row: RunRow, keys: Iterable[str]) -> None:
    """Remove tags; one that is not there is no error."""
    tag.remove(connection, row.key, keys)


def tags_of(connection: Connection, key: int) -> dict[str, str]:
    """The tags of a run."""
    return tag.of(connection, [key]).get(key, {})


def properties_of(connection: Connection, key: int) -> dict[str, str]:
    """The properties of a run."""
    return property_.of(connection, [key]).get(key, {})


def add_properties(connection: Connection, row: RunRow, properties: Mapping[str, str]) -> None:
    """Enter properties that are not there."""
    property_.add(connection, row.workspace, row.key, properties)


def parameters_of(connection: Connection, key: int) -> dict[str, str]:
    """The parameters of a run."""
    return parameter.of(connection, [key]).get(key, {})


def add_parameters(connection: Connection, row: RunRow, parameters: Mapping[str, str]) -> None:
    """Enter parameters that are not there."""
    parameter.add(connection, row.workspace, row.key, parameters)


def add_event(connection: Connection, row: RunRow, happened: RunEvent, time: int) -> None:
    """Note a step of a run's life."""
    values = {
        "workspace": row.workspace, "run": row.key, "time": time,
        "state": happened.state.value if happened.state else None, "phase": happened.phase,
        "seconds": happened.seconds, "message": happened.message,
    }  # fmt: skip
    _ADD_EVENT.run(connection, values)


def events_of(connection: Connection, key: int) -> list[RunEvent]:
    """The steps of a run's life, in order."""
    query = select(event).where(event.c.run == key).order_by(event.c.time, event.c.id)
    return [
        RunEvent(
            time=to_text(row.time),
            state=RunState(row.state) if row.state else None,
            phase=row.phase,
            seconds=row.seconds,
            message=row.message,
        )
        for row in connection.execute(query)
    ]


def texts_beside(texts: NamedTexts) -> ColumnElement[dict[str, str]]:
    """The texts of a run, for a statement over ``run``."""
    table = texts.table
    query = select(text_map(table.c.key, table.c.value)).where(table.c.run == run.c.id).correlate(run)
    return query.scalar_subquery().label(table.name)


_LOAD = Statement(
    select(
        run.c.id, run.c.run_id, experiment.c.experiment_id, experiment.c.name, run.c.number, run.c.type, run.c.state,
        run.c.display_name, run.c.description, texts_beside(tag), texts_beside(property_), _root.c.run_id,
        run.c.created_at, run.c.created_by, _parent.c.run_id, run.c.started_at, run.c.ended_at, run.c.target,
        run.c.snapshot_id, run.c.error, run.c.warnings, run.c.attempt, run.c.interactive, texts_beside(parameter),
        run.c.archived_at, run.c.deleted_at, run.c.phase,
    )
    .select_from(run)
    .join(experiment, experiment.c.id == run.c.experiment)
    .join(_root, _root.c.id == run.c.root)
    .outerjoin(_parent, _parent.c.id == run.c.parent)
    .where(among(run.c.id, "keys"))
)  # fmt: skip
"""In the order of the fields of ``Run``, after the key."""


def load(connection: Connection, keys: list[int]) -> list[Run]:
    """Runs as they travel, in the order of the keys."""
    found = {row[0]: _run(row) for row in _LOAD.all(connection, {"keys": keys})}
    return [found[key] for key in keys]


def _row(row: Any) -> RunRow:
    key, workspace, run_id, state, parent, root, attempt, interactive, of_experiment, deleted_at, started_at = row
    deleted = deleted_at is not None
    return RunRow(
        key, workspace, run_id, RunState(state), parent, root, attempt, interactive, of_experiment, deleted, started_at
    )


def _run(row: Any) -> Run:
    # unpacked, since a row finds a column by its name ten times slower
    (
        _, run_id, experiment_id, experiment_name, number, run_type, state, display_name, description, tags, properties,
        root_run_id, created_at, created_by, parent_run_id, started_at, ended_at, target, snapshot_id, error, warnings,
        attempt, interactive, parameters, archived_at, deleted_at, phase,
    ) = row  # fmt: skip
    return Run(
        run_id=run_id,
        experiment_id=experiment_id,
        experiment_name=experiment_name,
        number=number,
        type=run_type,
        state=RunState(state),
        display_name=display_name,
        description=description,
        tags=tags,
        properties=properties,
        root_run_id=root_run_id,
        created_at=to_text(created_at),
        created_by=created_by,
        parent_run_id=parent_run_id,
        started_at=None if started_at is None else to_text(started_at),
        ended_at=None if ended_at is None else to_text(ended_at),
        target=target,
        snapshot_id=snapshot_id,
        error=None if error is None else RunError(**error),
        warnings=warnings,
        attempt=attempt,
        interactive=interactive,
        parameters=parameters,
        archived_at=None if archived_at is None else to_text(archived_at),
        deleted_at=None if deleted_at is None else to_text(deleted_at),
        phase=(phase or "") if state in _EXECUTED else "",
    )
