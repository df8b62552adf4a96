"""What a client records of a run: the routes that training waits for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.server.identity.rules import Principal
from terrazul.server.mlflow.service.models import find_model
from terrazul.server.mlflow.service.runs import find_run
from terrazul.server.mlflow.service.tags import active_run, set_tags
from terrazul.server.run.rules import is_word
from terrazul.server.run.service.lifecycle import Notify
from terrazul.server.run.service.recording import add_parameters
from terrazul.server.run.store import inputs, logged_model
from terrazul.server.run.store import metric as metrics
from terrazul.server.run.store import run as runs
from terrazul.server.run.store.inputs import DatasetRow, ModelRow
from terrazul.server.run.store.run import RunRow
from terrazul.server.sql.database import Database
from terrazul.wire.metric import NUMBER_KEY, MetricPoint
from terrazul.wire.mlflow import rules
from terrazul.wire.mlflow.error import InvalidParameter, missing
from terrazul.wire.mlflow.message import (
    DatasetInput,
    LogBatch,
    LogInputs,
    LogMetric,
    LogOutputs,
    MetricEntry,
    Pair,
    RunChoice,
)

CONTEXT = "mlflow.data.context"
HISTORY = "mlflow.log-model.history"
_DATASET_LIMITS = {"name": 500, "digest": 36, "schema": 1_048_575, "source": 65_535, "profile": 16_777_215}
_DATASETS_AT_ONCE = 1000


class MlflowRecording:
    """Records metrics, parameters, tags, inputs and outputs of the runs of all workspaces."""

    def __init__(self, database: Database, clock: Clock, notify: Notify) -> None:
        self._database = database
        self._clock = clock
        self._notify = notify

    async def log_metric(self, workspace: int, asked: LogMetric, principal: Principal) -> None:
        """Record one value; the same value at the same step and time counts once."""
        run_id = rules.run_id_of(asked.run_id, asked.run_uuid)
        if not asked.key:
            raise missing("key")
        points = rules.points_of(run_id, [asked], batch=False)

        def work(connection: Connection) -> None:
            row = active_run(find_run(connection, workspace, run_id, principal))
            self._add_points(connection, row, principal, points, [asked])
            self._notify(connection, row.key)

        await self._database.write(work)

    async def log_batch(self, workspace: int, batch: LogBatch, principal: Principal) -> None:
        """Record metrics, parameters and tags: all of them or, with an error, none."""
        run_id = rules.run_id_of(batch.run_id)
        rules.check_batch(batch)
        points = rules.points_of(run_id, batch.metrics, batch=True)
        parameters = {each.key: each.value for each in batch.params}
        tags = {each.key: each.value for each in batch.tags}

        def work(connection: Connection) -> None:
            row = active_run(find_run(connection, workspace, run_id, principal))
            if parameters:
                add_parameters(connection, row, parameters)
            if points:
                self._add_points(connection, row, principal, points, batch.metrics)
            if tags:
                set_tags(connection, row, tags)
            self._notify(connection, row.key)

        await self._database.write(work)

    async def log_parameter(self, workspace: int, asked: RunChoice, principal: Principal) -> None:
        """Record a parameter. Raises ``InvalidParameter`` where it has another value already."""
        run_id = rules.run_id_of(asked.run_id, asked.run_uuid)
        if not asked.key:
            raise missing("key")
        if asked.value is None:
            raise missing("value")
        pair = Pair(asked.key, asked.value)
        rules.check_parameter(pair)

        def work(connection: Connection) -> None:
            row = active_run(find_run(connection, workspace, run_id, principal))
            add_parameters(connection, row, {pair.key: pair.value})
            self._notify(connection, row.key)

        await self._database.write(work)

    async def log_inputs(self, workspace: int, asked: LogInputs, principal: Principal) -> None:
        """Note the datasets and the logged models that a run reads."""
        run_id = rules.run_id_of(asked.run_id)
        if len(asked.datasets) > _DATASETS_AT_ONCE:
            raise rules.invalid("datasets", len(asked.datasets), f"At most {_DATASETS_AT_ONCE} at once.")
        datasets = [dataset_row(each) for each in asked.datasets]
        models = [ModelRow(made=False, model_id=each.model_id, step=0) for each in asked.models]
        await self._database.write(partial(self._put, workspace, run_id, datasets, models, principal))

    async def log_outputs(self, workspace: int, asked: LogOutputs, principal: Principal) -> None:
        """Note the logged models that a run made."""
        run_id = rules.run_id_of(asked.run_id)
        models = [ModelRow(made=True, model_id=each.model_id, step=each.step) for each in asked.models]
        await self._database.write(partial(self._put, workspace, run_id, [], models, principal))

    async def log_model(self, workspace: int, asked: RunChoice, principal: Principal) -> None:
        """Note a model among a run's files, as clients before 3.0 tell of it: in the history that a tag holds."""
        run_id = rules.run_id_of(asked.run_id)
        about = _model_of(asked.model_json)

        def work(connection: Connection) -> None:
            row = active_run(find_run(connection, workspace, run_id, principal))
            text = runs.tags_of(connection, row.key).get(HISTORY)
            told = msgspec.json.decode(text) if text else []
            set_tags(connection, row, {HISTORY: msgspec.json.encode([*told, about]).decode()})
            self._notify(connection, row.key)

        await self._database.write(work)

    def _put(
        self,
        workspace: int,
        run_id: str,
        datasets: Sequence[DatasetRow],
        models: Sequence[ModelRow],
        principal: Principal,
        connection: Connection,
    ) -> None:
        row = active_run(find_run(connection, workspace, run_id, principal))
        inputs.put_datasets(connection, row, datasets)
        inputs.put_models(connection, row, models)
        self._notify(connection, row.key)

    def _add_points(
        self,
        connection: Connection,
        row: RunRow,
        principal: Principal,
        points: Sequence[MetricPoint],
        entries: Sequence[MetricEntry],
    ) -> None:
        metrics.add_new_points(connection, row.workspace, row.key, points)
        rows = [
            metric_row(
                row, _model_key(connection, row, entry.model_id, principal), point, entry.dataset_name,
                entry.dataset_digest,
            )
            for point, entry in zip(points, entries, strict=True)
            if entry.model_id
        ]  # fmt: skip
        logged_model.put_metrics(connection, rows)


def _model_key(connection: Connection, row: RunRow, model_id: str, principal: Principal) -> int:
    """The key of a logged model: a run records for those of others too, who is bound to folders for theirs."""
    if principal.run_id is not None and principal.reach is None:
        return logged_model.existing(connection, row.workspace, model_id).key
    return find_model(connection, row.workspace, model_id, principal).key


def metric_row(
    row: RunRow, model_key: int, point: MetricPoint, dataset_name: str, dataset_digest: str
) -> dict[str, Any]:
    """A value of a run that was recorded for a logged model too, as the table holds it."""
    stored = metrics.to_stored(point.value)
    return {
        "workspace": row.workspace,
        "logged_model": model_key,
        "run": row.key,
        "key": point.name,
        "dataset_name": dataset_name,
        "dataset_digest": dataset_digest,
        "number": stored.number,
        "word": None if stored.number is not None else _word_of(point.value),
        "step": point.step or 0,
        "time": point.time,
    }


def _word_of(value: Any) -> str:
    return str(value[NUMBER_KEY] if is_word(value) else value)


def dataset_row(given: DatasetInput) -> DatasetRow:
    """A dataset as the table holds it. Raises ``InvalidParameter`` for one that the protocol does not allow."""
    about = given.dataset
    if about is None:
        raise missing("dataset")
    for name in ("name", "digest", "source_type", "source"):
        if not getattr(about, name):
            raise missing(name)
    for name, limit in _DATASET_LIMITS.items():
        if len(getattr(about, name)) > limit:
            raise InvalidParameter(f"'{name}' exceeds the maximum length of {limit} characters", target=name)
    tags = {each.key: each.value for each in given.tags}
    for key, value in tags.items():
        rules.check_length("key", 255, key)
        rules.check_length("value", 500, value)
    return DatasetRow(
        about.name, about.digest, about.source_type, about.source, about.schema, about.profile, tags.get(CONTEXT, ""),
        tags,
    )  # fmt: skip


def _model_of(text: str) -> dict[str, Any]:
    if not text:
        raise missing("model_json")
    try:
        about = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        about = None
    if not isinstance(about, dict) or not {"artifact_path", "flavors", "utc_time_created", "run_id"} <= about.keys():
        raise rules.invalid(
            "model_json", text, "It must be a model's JSON with artifact_path, flavors, utc_time_created and run_id."
        )
    return about
