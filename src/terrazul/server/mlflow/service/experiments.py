"""Experiments as MLflow knows them: by a number, deleted softly, ``Default`` from the start."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, cast, func

from terrazul.core.clock import Clock, to_text
from terrazul.core.errors import AlreadyExists, Conflict, Forbidden, NotFound
from terrazul.core.ids import new_guid
from terrazul.server.experiment import store
from terrazul.server.experiment.service import check_reach
from terrazul.server.experiment.store import DEFAULT_NAME, DEFAULT_NUMBER, ExperimentRow
from terrazul.server.experiment.store import experiment as table
from terrazul.server.identity.rules import OWN_RUNS_ONLY, Principal
from terrazul.server.mlflow.selection import Listing, Page, Wanted, select
from terrazul.server.run.search.grammar import parse, parse_order
from terrazul.server.run.search.tree import Entity, Field, Kind, Schema
from terrazul.server.run.service.restoring import restore_experiment
from terrazul.server.run.service.search import in_time
from terrazul.server.run.store import run as runs
from terrazul.server.sql.database import Database
from terrazul.server.sql.text_map import text_at
from terrazul.wire.experiment import Experiment
from terrazul.wire.mlflow.error import InvalidParameter, missing
from terrazul.wire.mlflow.message import CreateExperiment, ExperimentChoice, Pair, Search
from terrazul.wire.mlflow.rules import NOTE, check_experiment_name, check_experiment_tag, invalid

_NUMBER = re.compile(r"[0-9]{1,9}\Z")
_GUID = re.compile(r"[0-9a-fA-F-]{36}\Z")


PAGE = 1000
LARGEST_PAGE = 50_000
_VIEWS = {"ACTIVE_ONLY": False, "DELETED_ONLY": True, "ALL": None, "1": False, "2": True, "3": None}
_ATTRIBUTES = {
    "name": Kind.TEXT,
    "experiment_id": Kind.TEXT,
    "creation_time": Kind.TIME,
    "last_update_time": Kind.TIME,
}
SCHEMA = Schema(
    attributes={name: Field(Entity.ATTRIBUTE, name, kind) for name, kind in _ATTRIBUTES.items()},
    entities={
        **dict.fromkeys(("attribute", "attributes", "attr"), (Entity.ATTRIBUTE, Kind.TEXT)),
        **dict.fromkeys(("tag", "tags"), (Entity.TAG, Kind.TEXT)),
    },
)
"""What can be searched of experiments."""


class MlflowExperiments:
    """The experiments of all workspaces."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._with_default: set[int] = set()

    async def ensure_default(self, workspace: int) -> None:
        """See to it that there is an experiment "0"; it costs nothing after the first time."""
        if workspace in self._with_default:
            return
        if await self._database.read(partial(store.find_by_number, workspace=workspace, number=DEFAULT_NUMBER)) is None:
            await self._database.write(partial(self._make_default, workspace=workspace))
        self._with_default.add(workspace)

    async def create(self, workspace: int, new: CreateExperiment, principal: Principal) -> int:
        """Make an experiment; returns its number. Raises ``AlreadyExists`` for a name that is taken."""
        if not new.name:
            raise missing("name")
        check_experiment_name(new.name)
        check_reach(principal, new.name)
        for tag in new.tags:
            check_experiment_tag(tag)
        tags = {each.key: each.value for each in new.tags}

        def work(connection: Connection) -> int:
            found = store.find_by_name(connection, workspace, new.name)
            if found:
                hint = "" if found.deleted_at is None else " It is deleted: restore it, or purge it to free its name."
                raise AlreadyExists(f"Experiment(name={new.name}) already exists.{hint}", target=new.name)
            now = self._clock()
            made = Experiment(new_guid(), new.name, tags.pop(NOTE, ""), tags, to_text(now), principal.name)
            return store.add(connection, workspace, made, now, new.artifact_location or None).number

        return await self._database.write(work)

    async def get(self, workspace: int, experiment_id: str, principal: Principal) -> ExperimentRow:
        """The experiment of a number. Raises ``NotFound``."""
        return await self._database.read(
            lambda connection: find_experiment(connection, workspace, experiment_id, principal)
        )

    async def get_by_name(self, workspace: int, name: str, principal: Principal) -> ExperimentRow:
        """The experiment of a name, also a deleted one. Raises ``NotFound``."""
        if not name:
            raise missing("experiment_name")

        def work(connection: Connection) -> ExperimentRow:
            found = store.find_by_name(connection, workspace, name)
            if found is None or not _may_see(connection, workspace, found, principal):
                raise NotFound(f"Could not find experiment with name '{name}'", target=name[:80])
            if principal.run_id is None:
                check_reach(principal, name)
            return found

        return await self._database.read(work)

    async def search(self, workspace: int, asked: Search, principal: Principal) -> Page[ExperimentRow]:
        """A page of experiments, the newest first unless another order is asked for."""
        limit = page_size(asked.max_results, PAGE, LARGEST_PAGE)
        deleted = view_of(asked.view_type, "view_type")
        condition, order = parse(asked.filter, SCHEMA), parse_order(asked.order_by, SCHEMA)
        wanted = Wanted(condition, order, limit, asked.page_token)
        among = [table.c.workspace == workspace, store.HERE]
        if deleted is not None:
            among.append(table.c.deleted_at.is_not(None) if deleted else table.c.deleted_at.is_(None))

        def work(connection: Connection) -> Page[ExperimentRow]:
            if principal.run_id is not None:
                own = runs.existing(connection, workspace, principal.run_id)
                among.append(table.c.id == own.experiment)
            elif principal.reach is not None:
                among.append(store.lies_in(principal.reach.folders))
            page = select(connection, _LISTING, wanted, *among)
            return Page(store.of_keys(connection, page.things), page.following)

        return await self._database.read(lambda connection: in_time(connection, work))

    async def rename(self, workspace: int, asked: ExperimentChoice, principal: Principal) -> None:
        """Give an experiment another name. Raises ``AlreadyExists`` for one that is taken."""
        if not asked.new_name:
            raise missing("new_name")
        check_experiment_name(asked.new_name)

        def work(connection: Connection) -> None:
            row = active_experiment(find_experiment(connection, workspace, asked.experiment_id, principal))
            check_reach(principal, asked.new_name)
            other = store.find_by_name(connection, workspace, asked.new_name)
            if other and other.key != row.key:
                raise AlreadyExists(f"Experiment(name={asked.new_name}) already exists.", target=asked.new_name)
            store.change(connection, row.key, {"name": asked.new_name, "updated_at": self._clock()})

        await self._database.write(work)

    async def set_tag(self, workspace: int, asked: ExperimentChoice, principal: Principal) -> None:
        """Set a tag of an experiment."""
        if not asked.key:
            raise missing("key")
        check_experiment_tag(Pair(asked.key, asked.value))

        def work(connection: Connection) -> None:
            row = active_experiment(find_experiment(connection, workspace, asked.experiment_id, principal))
            values: dict[str, Any] = {"tags": {**row.experiment.tags, asked.key: asked.value}}
            if asked.key == NOTE:
                values = {"description": asked.value}
            store.change(connection, row.key, {**values, "updated_at": self._clock()})

        await self._database.write(work)

    async def delete_tag(self, workspace: int, asked: ExperimentChoice, principal: Principal) -> None:
        """Remove a tag of an experiment. Raises ``NotFound`` where it has none of that name."""

        def work(connection: Connection) -> None:
            row = active_experiment(find_experiment(connection, workspace, asked.experiment_id, principal))
            tags = dict(row.experiment.tags)
            if asked.key == NOTE and row.experiment.description:
                values: dict[str, Any] = {"description": ""}
            elif tags.pop(asked.key, None) is not None:
                values = {"tags": tags}
            else:
                raise NotFound(f"No tag with name: {asked.key} in experiment with id {row.number}", target=asked.key)
            store.change(connection, row.key, {**values, "updated_at": self._clock()})

        await self._database.write(work)

    async def delete(self, workspace: int, experiment_id: str, principal: Principal) -> None:
        """Delete an experiment and its runs softly: it keeps its name, and can be restored."""

        def work(connection: Connection) -> None:
            row = active_experiment(find_experiment(connection, workspace, experiment_id, principal))
            if row.number == DEFAULT_NUMBER:
                raise InvalidParameter("The experiment 0 is the default one and cannot be deleted.", target="0")
            now = self._clock()
            store.change(connection, row.key, {"deleted_at": now, "updated_at": now})
            runs.delete_all_of(connection, row.key, now)

        await self._database.write(work)

    async def restore(self, workspace: int, experiment_id: str, principal: Principal) -> None:
        """Bring a deleted experiment back, with the runs that were deleted together with it."""

        def work(connection: Connection) -> None:
            row = find_experiment(connection, workspace, experiment_id, principal)
            if row.deleted_at is None:
                raise Conflict(f"The experiment {row.number} is not deleted.", target=str(row.number))
            restore_experiment(connection, row, row.deleted_at, self._clock())

        await self._database.write(work)

    def _make_default(self, connection: Connection, workspace: int) -> None:
        if store.find_by_number(connection, workspace, DEFAULT_NUMBER):
            return
        now = self._clock()
        named = store.find_by_name(connection, workspace, DEFAULT_NAME)
        if named:
            store.change(connection, named.key, {"number": DEFAULT_NUMBER})
        else:
            store.add(connection, workspace, Experiment(new_guid(), DEFAULT_NAME, "", {}, to_text(now), "mlflow"), now)


def find_experiment(connection: Connection, workspace: int, experiment_id: str, principal: Principal) -> ExperimentRow:
    """The experiment of a number, or of our own id. Raises ``NotFound``, or ``Forbidden`` for another run's."""
    if not experiment_id:
        raise missing("experiment_id")
    found = locate(connection, workspace, experiment_id, principal)
    if found is None:
        raise NotFound(f"No Experiment with id={experiment_id[:80]} exists", target=experiment_id[:80])
    return found


def locate(connection: Connection, workspace: int, experiment_id: str, principal: Principal) -> ExperimentRow | None:
    """As ``find_experiment``, but None where there is no such experiment."""
    found = None
    if _NUMBER.match(experiment_id):
        found = store.find_by_number(connection, workspace, int(experiment_id))
    elif _GUID.match(experiment_id):
        found = store.find(connection, workspace, experiment_id)
    if found is None or _may_see(connection, workspace, found, principal):
        if found is not None and principal.run_id is None:
            check_reach(principal, found.experiment.name)
        return found
    if principal.run_id is not None:
        raise Forbidden(OWN_RUNS_ONLY, target=experiment_id)
    return None


def page_size(asked: int | None, usual: int, largest: int) -> int:
    """How many a page holds. Raises ``InvalidParameter`` for a size that it cannot have."""
    if asked is None or asked == 0:
        return usual
    if not 1 <= asked <= largest:
        raise invalid("max_results", asked, f"It must be between 1 and {largest}.")
    return asked


def view_of(word: str, name: str) -> bool | None:
    """Whether deleted things are asked for; None for both kinds. Raises ``InvalidParameter``."""
    if word not in _VIEWS:
        raise invalid(name, word, "Use ACTIVE_ONLY, DELETED_ONLY or ALL.")
    return _VIEWS[word]


_COLUMNS: dict[str, ColumnElement[Any]] = {
    "name": table.c.name,
    "experiment_id": cast(table.c.number, Text),
    "creation_time": table.c.created_at,
    "last_update_time": table.c.updated_at,
}


def _value(field: Field) -> ColumnElement[Any]:
    if field.entity is Entity.ATTRIBUTE:
        return _COLUMNS[field.key]
    value = text_at(table.c.tags, field.key)
    return func.coalesce(value, func.nullif(table.c.description, "")) if field.key == NOTE else value


_LISTING = Listing(table, table.c.id, table.c.created_at, _value)


def _may_see(connection: Connection, workspace: int, row: ExperimentRow, principal: Principal) -> bool:
    if principal.run_id is None:
        return principal.reach is None or principal.reach.shows(row.experiment.name)
    own = runs.find(connection, workspace, principal.run_id)
    return own is not None and own.experiment == row.key


def active_experiment(row: ExperimentRow) -> ExperimentRow:
    """The experiment itself. Raises ``InvalidParameter`` where it is deleted."""
    if row.deleted_at is not None:
        raise InvalidParameter(
            f"The experiment {row.number} must be in the 'active' state. Current state is deleted.",
            target=str(row.number),
        )
    return row
