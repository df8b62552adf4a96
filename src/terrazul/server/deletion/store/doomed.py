"""Finding what a deletion is about: everything that goes, and what hinders it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, select

from terrazul.server.deletion.rules import SoftRun, purgeable
from terrazul.server.experiment import store as experiments
from terrazul.server.experiment.store import DEFAULT_NUMBER, ExperimentRow
from terrazul.server.hold import store as holds
from terrazul.server.lineage import store as lineage
from terrazul.server.lineage.rules import MODEL
from terrazul.server.mlflow import registry_store as registry
from terrazul.server.mlflow.registry_store import NameRow
from terrazul.server.model import rules as model_rules
from terrazul.server.model import store as models
from terrazul.server.model.service import load_model
from terrazul.server.run.store import run as runs
from terrazul.server.run.store.logged_model import logged_model
from terrazul.server.run.store.run import run
from terrazul.server.sql.variables import in_groups
from terrazul.wire.deletion import DeletionHindrance, Selection
from terrazul.wire.run import RunState

_SECOND = 1_000_000
_MOST_HINDRANCES = 20
_ACTIVE = [state.value for state in RunState if not state.terminal]
_PRESENT = run.c.deletion.is_(None)


class Version(NamedTuple):
    """A version of a model."""

    key: int
    registered_model: int
    name: str
    version: int

    @property
    def id(self) -> str:
        """``name:version``."""
        return f"{self.name}:{self.version}"


class Doomed(NamedTuple):
    """What a deletion takes; all are keys but for the rows."""

    experiments: list[ExperimentRow]
    runs: list[int]
    versions: list[Version]
    names: list[NameRow]
    """Names of models that become free."""
    logged_models: list[int]
    """Logged models that go without their run."""
    kept: int = 0
    """Runs that were deleted softly and stay, since runs below them were not."""


def find(connection: Connection, workspace: int, selection: Selection, now: int) -> Doomed:
    """All that goes with what is selected. Raises ``NotFound`` for a thing that there is not."""
    if selection.deleted_for_seconds is not None:
        return _softly_deleted(connection, workspace, now - selection.deleted_for_seconds * _SECOND)
    chosen = [experiments.existing(connection, workspace, each) for each in dict.fromkeys(selection.experiment_ids)]
    named = runs.find_some(connection, workspace, selection.run_ids)
    known = {row.run_id for row in named}
    for run_id in selection.run_ids:
        if run_id not in known:
            raise runs.no_run(run_id)
    versions, names = _models(connection, workspace, selection.model_ids)
    keys = _with_all_below(connection, [each.key for each in chosen], [row.key for row in named])
    return Doomed(chosen, keys, versions, names, [])


def hindrances(
    connection: Connection, workspace: int, doomed: Doomed, *, purging: bool = False
) -> list[DeletionHindrance]:
    """The first of what keeps these things from being deleted."""
    found = [] if purging else [*_active(connection, doomed.runs)]
    going = {each.id for each in doomed.versions}
    for edge in lineage.users_of_all(connection, workspace, MODEL, going):
        if edge.user_type != MODEL or edge.user_id not in going:
            reason = f"is used by the {edge.user_type} {edge.user_id}"
            hint = f"Delete the {edge.user_type} {edge.user_id} first."
            found.append(DeletionHindrance("model", edge.used_id, reason, hint))
    return found[:_MOST_HINDRANCES]


def _models(connection: Connection, workspace: int, model_ids: Iterable[str]) -> tuple[list[Version], list[NameRow]]:
    versions: dict[int, Version] = {}
    names: list[NameRow] = []
    for model_id in dict.fromkeys(model_ids):
        wanted = model_rules.read_model_id(model_id)
        name = None
        if wanted.version is None:
            name = registry.find_name(connection, workspace, wanted.name)
            if name is not None:
                names.append(name)
        found = [
            Version(each.key, each.registered_model, each.name, each.version)
            for each in registry.versions(connection, workspace, wanted.name)
            if wanted.version in {None, each.version}
        ]
        if not found and (wanted.version is not None or name is None):
            load_model(connection, workspace, model_id)  # which says that there is none
        versions.update((each.key, each) for each in found)
    return list(versions.values()), names


def _with_all_below(connection: Connection, of_experiments: list[int], named: list[int]) -> list[int]:
    """The runs of experiments and those named, with every run below them, each once."""
    found: dict[int, None] = dict.fromkeys(named)
    within = run.c.experiment.in_(of_experiments)
    found.update(dict.fromkeys(connection.execute(select(run.c.id).where(within, _PRESENT)).scalars()))
    parent = run.alias("parent")
    strays = select(run.c.id).join(parent, run.c.parent == parent.c.id)
    strays = strays.where(parent.c.experiment.in_(of_experiments), run.c.experiment.not_in(of_experiments), _PRESENT)
    level = [*named, *connection.execute(strays).scalars()]
    found.update(dict.fromkeys(level))
    while level:
        below = list(_children(connection, level, _PRESENT))
        level = [key for key, _ in below if key not in found]
        found.update(dict.fromkeys(level))
    return list(found)


def _children(
    connection: Connection, parents: Iterable[int], *conditions: ColumnElement[bool]
) -> Iterator[tuple[int, int]]:
    """Runs with their parents, for these parents."""
    for group in in_groups(parents):
        query = select(run.c.id, run.c.parent).where(run.c.parent.in_(group), *conditions)
        for row in connection.execute(query):
            yield row[0], row[1]


def _active(connection: Connection, keys: Collection[int]) -> Iterator[DeletionHindrance]:
    """Runs that go on. An interactive one that was deleted softly counts as given up."""
    given_up = run.c.interactive & run.c.deleted_at.is_not(None)
    for group in in_groups(keys):
        query = select(run.c.run_id, run.c.state).where(run.c.id.in_(group), run.c.state.in_(_ACTIVE), ~given_up)
        for run_id, state in connection.execute(query):
            yield DeletionHindrance(
                "run", run_id, f"is {state}", f"Wait for its end, or cancel it: `terrazul run cancel {run_id}`."
            )
        held = holds.until_of(connection, group)
        for run_id in connection.execute(select(run.c.run_id).where(run.c.id.in_(held))).scalars():
            yield DeletionHindrance("run", run_id, "is held", f"`terrazul run release {run_id}` frees its node.")


def _softly_deleted(connection: Connection, workspace: int, until: int) -> Doomed:
    """What was deleted softly until a time, together with everything in it and below it."""
    executed = ~run.c.interactive & run.c.state.in_(_ACTIVE)
    query = select(run.c.id, run.c.experiment, run.c.parent).where(
        run.c.workspace == workspace, run.c.deleted_at <= until, _PRESENT, ~executed
    )
    softly = {row[0]: SoftRun(*row) for row in connection.execute(query)}
    going = purgeable(softly, list(_children(connection, softly, _PRESENT)))
    chosen = [
        row
        for row in experiments.rows_of(connection, workspace)
        if row.deleted_at is not None
        and row.deleted_at <= until
        and row.number != DEFAULT_NUMBER
        and all(
            key in going
            for key in connection.execute(select(run.c.id).where(run.c.experiment == row.key, _PRESENT)).scalars()
        )
    ]
    gone = select(logged_model.c.id).where(logged_model.c.workspace == workspace, logged_model.c.deleted_at <= until)
    return Doomed(chosen, sorted(going), [], [], list(connection.execute(gone).scalars()), len(softly) - len(going))


def names_of(connection: Connection, doomed: Doomed, limit: int) -> list[str]:
    """The first of what goes, in words."""
    told = [f"experiment {row.experiment.name}" for row in doomed.experiments[:limit]]
    whole = [row.key for row in doomed.experiments]
    for group in in_groups(doomed.runs):
        query = select(run.c.run_id).where(run.c.id.in_(group), run.c.experiment.not_in(whole))
        told += [f"run {run_id}" for run_id in connection.execute(query.limit(limit)).scalars()]
        if len(told) >= limit:
            break
    told += [f"model {version.id}" for version in doomed.versions[:limit]]
    return told[:limit]


def models_made_of(connection: Connection, workspace: int, doomed: Doomed, limit: int) -> list[str]:
    """The ids of models that were made of the runs and stay."""
    going = {version.key for version in doomed.versions}
    found: list[str] = []
    table = models.model
    for group in in_groups(doomed.runs):
        of_runs = select(run.c.run_id).where(run.c.id.in_(group))
        query = (
            select(table.c.id, models.registered_model.c.name, table.c.version)
            .join(models.registered_model, models.registered_model.c.id == table.c.registered_model)
            .where(table.c.workspace == workspace, table.c.run_id.in_(of_runs))
        )
        found += [f"{name}:{version}" for key, name, version in connection.execute(query) if key not in going]
        if len(found) >= limit:
            break
    return found[:limit]


def experiments_counted(connection: Connection, keys: Iterable[int]) -> dict[int, int]:
    """How many of the runs belong to each experiment."""
    counted: dict[int, int] = {}
    for group in in_groups(keys):
        for of_run in connection.execute(select(run.c.experiment).where(run.c.id.in_(group))).scalars():
            counted[of_run] = counted.get(of_run, 0) + 1
    return counted


def submitted(connection: Connection, keys: Iterable[int]) -> list[str]:
    """The ids of those runs that a compute executed."""
    return [
        run_id
        for group in in_groups(keys)
        for run_id in connection.execute(select(run.c.run_id).where(run.c.id.in_(group), ~run.c.interactive)).scalars()
    ]
