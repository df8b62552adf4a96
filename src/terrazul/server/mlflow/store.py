"""What MLflow's face reads of runs: whole pages of them with few statements."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Select, bindparam, literal_column, select
from sqlalchemy.engine import Connection

from terrazul.server.experiment.store import experiment
from terrazul.server.run.store import inputs
from terrazul.server.run.store.inputs import DatasetRow, ModelRow
from terrazul.server.run.store.metric import from_stored, metric, point
from terrazul.server.run.store.run import parameter, property_, run, tag, texts_beside
from terrazul.server.sql.among import among
from terrazul.server.sql.statement import Statement
from terrazul.wire.metric import MetricKind, from_json_value
from terrazul.wire.run import RunState

Number = float | int
_SHOWN = (MetricKind.SCALAR.value, MetricKind.LIST.value)
_parent = run.alias("parent")


class RunFacts(NamedTuple):
    """A run without its data."""

    key: int
    run_id: str
    parent_run_id: str | None
    experiment_number: int
    artifact_location: str | None
    state: RunState
    display_name: str
    description: str
    created_at: int
    created_by: str
    started_at: int | None
    ended_at: int | None
    deleted_at: int | None


class MetricValue(NamedTuple):
    """One value of a metric."""

    key: str
    value: Number
    time: int
    step: int


class WholeRun(NamedTuple):
    """A run with what is shown of it; ``tags`` holds its properties too."""

    facts: RunFacts
    tags: dict[str, str]
    parameters: dict[str, str]
    metrics: list[MetricValue]
    datasets: list[DatasetRow]
    models: list[ModelRow]


_FACTS: Select[Any] = (
    select(
        run.c.id, run.c.run_id, _parent.c.run_id, experiment.c.number, experiment.c.artifact_location, run.c.state,
        run.c.display_name, run.c.description, run.c.created_at, run.c.created_by, run.c.started_at, run.c.ended_at,
        run.c.deleted_at,
    )
    .select_from(run)
    .join(experiment, experiment.c.id == run.c.experiment)
    .outerjoin(_parent, _parent.c.id == run.c.parent)
    .where(among(run.c.id, "keys"))
)  # fmt: skip
_FACTS_OF = Statement(_FACTS)
_WHOLE = Statement(_FACTS.add_columns(texts_beside(property_), texts_beside(tag), texts_beside(parameter)))
_METRICS = Statement(select(
    metric.c.run, metric.c.name, metric.c.last_number, metric.c.last_time, metric.c.last_step, metric.c.id,
).where(among(metric.c.run, "keys"), metric.c.kind.in_([literal_column(f"'{each}'") for each in _SHOWN])))  # fmt: skip
_LAST = Statement(
    select(metric.c.id, point.c.form, point.c.number, point.c.text)
    .join(point, (point.c.metric == metric.c.id) & (point.c.sequence == metric.c.last_sequence))
    .where(among(metric.c.id, "keys"))
)
_POINTS = Statement(
    select(point.c.sequence, point.c.step, point.c.time, point.c.form, point.c.number, point.c.text)
    .where(point.c.metric == bindparam("of_metric"), point.c.sequence > bindparam("after"))
    .order_by(point.c.sequence)
    .limit(bindparam("most", type_=BigInteger))
)
_UNLIMITED = 2**62


def facts_of(connection: Connection, keys: Sequence[int]) -> list[RunFacts]:
    """Runs without their data, in the order of the keys."""
    found = {row[0]: _facts(row) for row in _FACTS_OF.all(connection, {"keys": keys})}
    return [found[key] for key in keys]


def _facts(row: Sequence[Any]) -> RunFacts:
    return RunFacts(*row)._replace(state=RunState(row[5]))


def load_begun(connection: Connection, key: int) -> WholeRun:
    """A run that has just begun, of which nothing but texts is recorded yet."""
    return _with_texts(connection, [key])[key]


def load(connection: Connection, keys: Sequence[int]) -> list[WholeRun]:
    """Runs with what is shown of them, in the order of the keys."""
    metrics = _last_values(connection, keys)
    datasets, models = inputs.datasets_of(connection, keys), inputs.models_of(connection, keys)
    found = _with_texts(connection, keys)
    return [
        found[key]._replace(metrics=metrics.get(key, []), datasets=datasets.get(key, []), models=models.get(key, []))
        for key in keys
    ]


def _with_texts(connection: Connection, keys: Sequence[int]) -> dict[int, WholeRun]:
    return {
        facts[0]: WholeRun(_facts(facts), {**properties, **tags}, parameters, [], [], [])
        for *facts, properties, tags, parameters in _WHOLE.all(connection, {"keys": keys})
    }


def history(
    connection: Connection, run_key: int, name: str, after: int, limit: int | None
) -> tuple[list[MetricValue], int | None]:
    """The numbers of a metric in the order in which they were written, and where the next page begins (if any)."""
    row = connection.execute(
        select(metric.c.id, metric.c.kind).where(metric.c.run == run_key, metric.c.name == name)
    ).first()
    if row is None or row.kind not in _SHOWN:
        return [], None
    most = _UNLIMITED if limit is None else limit + 1
    rows = _POINTS.all(connection, {"of_metric": row.id, "after": after, "most": most})
    following = None
    if limit is not None and len(rows) > limit:
        rows = rows[:limit]
        following = rows[-1][0]
    return [
        MetricValue(name, number, time, sequence - 1 if step is None else step)
        for sequence, step, time, form, stored, text in rows
        for number in ((stored,) if form == 0 else _numbers(form, stored, text))
    ], following


def _last_values(connection: Connection, keys: Sequence[int]) -> dict[int, list[MetricValue]]:
    rows = _METRICS.all(connection, {"keys": keys})
    unclear = [row[5] for row in rows if row[2] is None]
    words = {
        key: next(reversed(list(_numbers(form, stored, text))), None)
        for key, form, stored, text in (_LAST.all(connection, {"keys": unclear}) if unclear else ())
    }
    found: dict[int, list[MetricValue]] = {}
    for run_key, name, last, time, step, key in rows:
        number = last if last is not None else words.get(key)
        if number is not None:
            found.setdefault(run_key, []).append(MetricValue(name, number, time, step))
    return found


def _numbers(form: int, stored: float | None, text: str | None) -> Iterator[Number]:
    """What MLflow can be shown of a value: the number that it is, or those of a list."""
    value = from_json_value(from_stored(form, stored, text))
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, (int, float)):
            yield _double(each)


def _double(value: Number) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
