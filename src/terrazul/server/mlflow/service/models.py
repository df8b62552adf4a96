"""Logged models: what a run wrote down as a model, before anyone registers it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, or_, true
from sqlalchemy import select as select_rows

from terrazul.core.clock import Clock
from terrazul.core.errors import Forbidden, NotFound
from terrazul.server.experiment import store as experiments
from terrazul.server.identity.rules import OWN_RUNS_ONLY, Principal, Reach, refusal_of
from terrazul.server.mlflow.selection import Listing, Page, Wanted, select
from terrazul.server.mlflow.service.experiments import active_experiment, find_experiment, locate, page_size
from terrazul.server.mlflow.service.runs import find_run
from terrazul.server.mlflow.service.tags import active_run
from terrazul.server.run.search.grammar import parse, parse_order
from terrazul.server.run.search.tree import Entity, Field, Kind, Schema
from terrazul.server.run.service.reach import find_within_reach, own_keys
from terrazul.server.run.service.search import in_time
from terrazul.server.run.store import logged_model as store
from terrazul.server.run.store.logged_model import LoggedModelRow, MetricRow
from terrazul.server.run.store.logged_model import logged_model as table
from terrazul.server.run.store.run import lies_in, run
from terrazul.server.sql.database import Database
from terrazul.server.sql.named_texts import NamedTexts
from terrazul.wire.mlflow import rules
from terrazul.wire.mlflow.message import (
    ChangeLoggedModel,
    CreateLoggedModel,
    DatasetChoice,
    LoggedModelOrder,
    Pair,
    SearchLoggedModels,
)

PAGE = 100
_NAME_LIMIT = 500
_FORBIDDEN = frozenset("/:.%\"'")
LARGEST_PAGE = 1000
READY, FAILED, PENDING = "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED", "LOGGED_MODEL_PENDING"
STATUSES = {"1": PENDING, "2": READY, "3": FAILED, PENDING: PENDING, READY: READY, FAILED: FAILED}
_ATTRIBUTES = {
    "name": Kind.TEXT,
    "model_id": Kind.TEXT,
    "model_type": Kind.TEXT,
    "status": Kind.TEXT,
    "source_run_id": Kind.TEXT,
    "creation_time": Kind.TIME,
    "creation_timestamp": Kind.TIME,
    "last_updated_timestamp": Kind.TIME,
}
_TEXTS = (Entity.ATTRIBUTE, Kind.TEXT)
SCHEMA = Schema(
    attributes={name: Field(Entity.ATTRIBUTE, name, kind) for name, kind in _ATTRIBUTES.items()},
    entities={
        **dict.fromkeys(("attribute", "attributes", "attr"), _TEXTS),
        **dict.fromkeys(("tag", "tags"), (Entity.TAG, Kind.TEXT)),
        **dict.fromkeys(("param", "params", "parameter", "parameters"), (Entity.PARAMETER, Kind.TEXT)),
        **dict.fromkeys(("metric", "metrics"), (Entity.METRIC, Kind.NUMBER)),
    },
)
"""What can be searched of logged models."""


class WholeModel(NamedTuple):
    """A logged model with what is shown of it."""

    row: LoggedModelRow
    tags: dict[str, str]
    parameters: dict[str, str]
    metrics: list[MetricRow]


class MlflowModels:
    """The logged models of all workspaces."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def create(self, workspace: int, new: CreateLoggedModel, principal: Principal) -> WholeModel:
        """Begin a logged model; it is pending until its client says that all files have come."""
        if len(new.name) > rules.EXPERIMENT_NAME_LIMIT or any(
            part in new.name for part in ("/", ":", ".", "%", '"', "'")
        ):
            raise rules.invalid("name", new.name, "Use up to 500 characters without / : . % \" '.")
        _check_pairs(new.params, new.tags)

        def work(connection: Connection) -> WholeModel:
            experiment = active_experiment(find_experiment(connection, workspace, new.experiment_id or "0", principal))
            source = new.source_run_id or principal.run_id
            run = active_run(find_run(connection, workspace, source, principal)) if source else None
            model_id = f"m-{uuid.uuid4().hex}"
            now = self._clock()
            values = {
                "workspace": workspace, "model_id": model_id, "experiment": experiment.key,
                "run": run.key if run else None, "name": new.name or model_id, "model_type": new.model_type,
                "status": PENDING, "created_at": now, "created_by": principal.name, "updated_at": now,
            }  # fmt: skip
            store.add(connection, values)
            row = store.existing(connection, workspace, model_id)
            store.parameter.set(connection, workspace, row.key, _texts(new.params))
            store.tag.set(connection, workspace, row.key, _texts(new.tags))
            return _load(connection, [row], principal)[0]

        return await self._database.write(work)

    async def get(self, workspace: int, model_id: str, principal: Principal) -> WholeModel:
        """The logged model of an id. Raises ``NotFound``."""
        return await self._database.read(
            lambda connection: _load(connection, [find_model(connection, workspace, model_id, principal)], principal)[0]
        )

    async def finish(
        self, workspace: int, model_id: str, change: ChangeLoggedModel, principal: Principal
    ) -> WholeModel:
        """Say whether all files of a model have come."""

        def work(connection: Connection, row: LoggedModelRow) -> None:
            if change.status not in STATUSES:
                raise rules.invalid("status", change.status, f"Use {READY} or {FAILED}.")
            store.change(connection, row.key, {"status": STATUSES[change.status]})

        return await self._change(workspace, model_id, principal, work)

    async def set_tags(
        self, workspace: int, model_id: str, change: ChangeLoggedModel, principal: Principal
    ) -> WholeModel:
        """Set tags of a model."""
        _check_pairs([], change.tags)
        return await self._change(
            workspace, model_id, principal, partial(_put, kind=store.tag, texts=_texts(change.tags))
        )

    async def log_parameters(
        self, workspace: int, model_id: str, change: ChangeLoggedModel, principal: Principal
    ) -> WholeModel:
        """Record parameters of a model."""
        _check_pairs(change.params, [])
        return await self._change(
            workspace, model_id, principal, partial(_put, kind=store.parameter, texts=_texts(change.params))
        )

    async def delete_tag(self, workspace: int, model_id: str, key: str, principal: Principal) -> None:
        """Remove a tag of a model. Raises ``NotFound`` where it has none of that name."""

        def work(connection: Connection, row: LoggedModelRow) -> None:
            if key not in store.tag.of(connection, [row.key]).get(row.key, {}):
                raise NotFound(f"No tag with key {key!r} found for logged model with ID {model_id!r}.", target=key)
            store.tag.remove(connection, row.key, [key])

        await self._change(workspace, model_id, principal, work)

    async def delete(self, workspace: int, model_id: str, principal: Principal) -> None:
        """Delete a model softly."""

        def work(connection: Connection) -> None:
            row = find_model(connection, workspace, model_id, principal)
            store.change(connection, row.key, {"deleted_at": self._clock()})

        await self._database.write(work)

    async def search(self, workspace: int, asked: SearchLoggedModels, principal: Principal) -> Page[WholeModel]:
        """A page of the logged models of some experiments, the newest first unless another order is asked for."""
        limit = page_size(asked.max_results, PAGE, LARGEST_PAGE)
        condition = parse(asked.filter, SCHEMA)
        order = parse_order([_order_text(each) for each in asked.order_by], SCHEMA)
        wanted = Wanted(condition, order, limit, asked.page_token)
        value = partial(_value, asked.datasets, _seen_metrics(workspace, principal))
        listing = Listing(_SOURCE, table.c.id, table.c.created_at, value)

        def work(connection: Connection) -> Page[WholeModel]:
            named = [locate(connection, workspace, each, principal) for each in asked.experiment_ids]
            of_experiments = table.c.experiment.in_([each.key for each in named if each is not None])
            among: list[ColumnElement[bool]] = [
                of_experiments, table.c.deleted_at.is_(None), run.c.deletion.is_(None)
            ]  # fmt: skip
            if principal.run_id is not None:
                among.append(table.c.run.in_(own_keys(connection, workspace, principal.run_id)))
            elif principal.reach is not None:
                among.append(_lies_in(workspace, principal.reach.folders))
            page = select(connection, listing, wanted, *among)
            return Page(_load(connection, store.rows_of(connection, page.things), principal), page.following)

        return await self._database.read(lambda connection: in_time(connection, work))

    async def _change(self, workspace: int, model_id: str, principal: Principal, work: Any) -> WholeModel:
        def whole(connection: Connection) -> WholeModel:
            row = find_model(connection, workspace, model_id, principal)
            work(connection, row)
            store.change(connection, row.key, {"updated_at": self._clock()})
            return _load(connection, [store.existing(connection, workspace, model_id)], principal)[0]

        return await self._database.write(whole)


def find_model(connection: Connection, workspace: int, model_id: str, principal: Principal) -> LoggedModelRow:
    """The logged model of an id. Raises ``NotFound``, or ``Forbidden`` for another run's."""
    row = store.existing(connection, workspace, model_id)
    if principal.run_id is None and principal.reach is not None:
        _check_reach(connection, row, principal, principal.reach)
    if not _may_see(connection, workspace, row, principal):
        raise Forbidden(OWN_RUNS_ONLY, target=model_id)
    return row


def _check_reach(connection: Connection, row: LoggedModelRow, principal: Principal, reach: Reach) -> None:
    """Raise ``NotFound`` for a model of which the caller may not know, ``Forbidden`` for one out of their folders."""

    def lies_in(folders: Sequence[str]) -> bool:
        query = select_rows(table.c.id).select_from(_SOURCE)
        query = query.where(table.c.id == row.key, _lies_in(row.workspace, folders))
        return connection.execute(query).first() is not None

    if lies_in(reach.folders):
        return
    if reach.seen is not None and not lies_in(reach.seen):
        raise store.no_model(row.model_id)
    reason = refusal_of(principal, experiments.get(connection, row.experiment).experiment.name)
    raise Forbidden(reason or "It belongs to a run in another folder.", target=row.model_id)


def _lies_in(workspace: int, folders: Sequence[str]) -> ColumnElement[bool]:
    """The condition that a logged model's experiment, and its run if it has one, lie in folders."""
    there = table.c.experiment.in_(experiments.keys_in(workspace, folders))
    return and_(there, or_(table.c.run.is_(None), lies_in(workspace, folders)))


def _seen_metrics(workspace: int, principal: Principal) -> ColumnElement[bool]:
    """The condition that the run which recorded a metric of a model is one that the caller sees."""
    if principal.run_id is not None or principal.reach is None or principal.reach.seen is None:
        return true()
    return store.metric.c.run.in_(select_rows(run.c.id).where(lies_in(workspace, principal.reach.seen)))


def _may_see(connection: Connection, workspace: int, row: LoggedModelRow, principal: Principal) -> bool:
    if principal.run_id is None:
        return True
    if row.run_id is None:
        return False
    try:
        find_within_reach(connection, workspace, row.run_id, principal)
    except Forbidden:
        return False
    return True


def _put(connection: Connection, row: LoggedModelRow, *, kind: NamedTexts, texts: Mapping[str, str]) -> None:
    kind.set(connection, row.workspace, row.key, texts)


def _load(connection: Connection, rows: Sequence[LoggedModelRow], principal: Principal) -> list[WholeModel]:
    keys = [each.key for each in rows]
    seen = _seen_metrics(rows[0].workspace, principal) if rows else true()
    tags, parameters = store.tag.of(connection, keys), store.parameter.of(connection, keys)
    metrics = store.metrics_of(connection, keys, seen)
    return [
        WholeModel(row, tags.get(row.key, {}), parameters.get(row.key, {}), metrics.get(row.key, [])) for row in rows
    ]


_SOURCE = table.outerjoin(run, run.c.id == table.c.run)
_COLUMNS: dict[str, ColumnElement[Any]] = {
    "name": table.c.name,
    "model_id": table.c.model_id,
    "model_type": func.nullif(table.c.model_type, ""),
    "status": func.replace(table.c.status, "LOGGED_MODEL_", ""),
    "source_run_id": run.c.run_id,
    "creation_time": table.c.created_at,
    "creation_timestamp": table.c.created_at,
    "last_updated_timestamp": table.c.updated_at,
}


def _value(datasets: Sequence[DatasetChoice], seen: ColumnElement[bool], field: Field) -> ColumnElement[Any]:
    if field.entity is Entity.METRIC:
        return _last_number(datasets, seen, field.key)
    if field.entity is Entity.ATTRIBUTE:
        return _COLUMNS[field.key]
    texts = store.tag if field.entity is Entity.TAG else store.parameter
    return texts.value_of(table.c.id, field.key)


def _last_number(datasets: Sequence[DatasetChoice], seen: ColumnElement[bool], key: str) -> ColumnElement[Any]:
    """The last value of a metric that the caller sees; of one on these datasets, where any are given."""
    of_model = [store.metric.c.logged_model == table.c.id, store.metric.c.key == key, seen]
    if datasets:
        of_model.append(or_(*map(_is_on, datasets)))
    query = select_rows(store.metric.c.number).where(*of_model)
    query = query.order_by(store.metric.c.step.desc(), store.metric.c.time.desc(), store.metric.c.run.desc())
    return query.limit(1).correlate(table).scalar_subquery()


def _is_on(dataset: DatasetChoice) -> ColumnElement[bool]:
    named = store.metric.c.dataset_name == dataset.dataset_name
    return and_(named, store.metric.c.dataset_digest == dataset.dataset_digest) if dataset.dataset_digest else named


def _order_text(order: LoggedModelOrder) -> str:
    return f"{order.field_name} {'ASC' if order.ascending else 'DESC'}"


def _texts(pairs: Sequence[Pair]) -> dict[str, str]:
    return {each.key: each.value for each in pairs}


def _check_pairs(parameters: Sequence[Pair], tags: Sequence[Pair]) -> None:
    for each in parameters:
        rules.check_parameter(each)
    for each in tags:
        rules.check_tag(each)
