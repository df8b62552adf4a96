"""The rows of metrics: a series per run and name, its points, and last, minimum and maximum kept beside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    select,
)

from terrazul.server.run.store.run import run
from terrazul.server.sql.metadata import metadata, primary_key
from terrazul.server.sql.variables import in_groups
from terrazul.wire.metric import NUMBER_KEY, MetricHistory, MetricKind, MetricPoint, MetricSummary

metric = Table(
    "metric",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", Integer, nullable=False),
    Column("run", ForeignKey("run.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("description", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("last_number", Float, nullable=True),
    Column("minimum", Float, nullable=True),
    Column("maximum", Float, nullable=True),
    UniqueConstraint("run", "name"),
    Index("ix_metric_last", "workspace", "name", "last_number", "run"),
)

point = Table(
    "metric_point",
    metadata,
    Column("workspace", Integer, nullable=False),
    Column("metric", ForeignKey("metric.id"), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("step", BigInteger, nullable=True),
    Column("time", BigInteger, nullable=False),
    Column("form", SmallInteger, nullable=False),
    Column("number", Float, nullable=True),
    Column("text", Text, nullable=True),
    sqlite_with_rowid=False,
)


class Form:
    """How a value is kept: as a double, as another type that a double holds exactly, or as text."""

    FLOAT = 0
    INTEGER = 1
    BOOLEAN = 2
    NULL = 3
    TEXT = 4
    JSON = 5


_EXACT_INTEGER = 2**53


class Stored(NamedTuple):
    """A value as the table holds it."""

    form: int
    number: float | None
    text: str | None


def to_stored(value: Any) -> Stored:  # noqa: PLR0911  # one line for each type
    """A value of the wire as the table holds it; ``number`` is set wherever the value can be compared as one."""
    if value is None:
        return Stored(Form.NULL, None, None)
    if isinstance(value, bool):
        return Stored(Form.BOOLEAN, float(value), None)
    if isinstance(value, float):
        return Stored(Form.FLOAT, value, None)
    if isinstance(value, int):
        if abs(value) <= _EXACT_INTEGER:
            return Stored(Form.INTEGER, float(value), None)
        return Stored(Form.JSON, _as_double(value), str(value))
    if isinstance(value, str):
        return Stored(Form.TEXT, None, value)
    text = msgspec.json.encode(value).decode()
    if isinstance(value, dict) and value.keys() == {NUMBER_KEY}:
        word = value[NUMBER_KEY]
        # NaN has no place in a column of numbers: it is missing there, as MLflow sorts it
        return Stored(Form.JSON, None if word == "NaN" else _as_double(float(word)), text)
    return Stored(Form.JSON, None, text)


def from_stored(form: int, number: float | None, text: str | None) -> Any:
    """The value of the wire that ``to_stored`` was given."""
    if form == Form.FLOAT:
        return number
    if form == Form.INTEGER and number is not None:
        return int(number)
    if form == Form.BOOLEAN:
        return bool(number)
    if form == Form.JSON and text is not None:
        return msgspec.json.decode(text)
    return text


def _as_double(value: float) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


_FIND = select(
    metric.c.id, metric.c.name, metric.c.count.label("points"), metric.c.minimum, metric.c.maximum, metric.c.kind
).where(metric.c.run == bindparam("of_run"), metric.c.name.in_(bindparam("names", expanding=True)))
_UPDATE = (
    metric.update()
    .where(metric.c.id == bindparam("key"))
    .values(
        count=bindparam("new_count"),
        last_number=bindparam("new_last"),
        minimum=bindparam("new_minimum"),
        maximum=bindparam("new_maximum"),
    )
)


class _Series:
    """A metric while points are being added to it."""

    def __init__(self, key: int, count: int, minimum: float | None, maximum: float | None) -> None:
        self.key = key
        self.count = count
        self.last: float | None = None
        self.minimum = minimum
        self.maximum = maximum

    def add(self, number: float | None) -> int:
        """Count a point; returns its sequence number."""
        self.last = number
        if number is not None:
            self.minimum = number if self.minimum is None else min(self.minimum, number)
            self.maximum = number if self.maximum is None else max(self.maximum, number)
        self.count += 1
        return self.count


def add_points(connection: Connection, workspace: int, run_key: int, points: Sequence[MetricPoint]) -> None:
    """Add points to the metrics of one run, in order."""
    names = dict.fromkeys(each.name for each in points)
    series = {
        row.name: _Series(row.id, row.points, row.minimum, row.maximum)
        for group in in_groups(names)
        for row in connection.execute(_FIND, {"of_run": run_key, "names": group})
    }
    rows = []
    for each in points:
        of_point = series.get(each.name)
        if of_point is None:
            of_point = series[each.name] = _Series(_add_metric(connection, workspace, run_key, each), 0, None, None)
        stored = to_stored(each.value)
        rows.append({
            "workspace": workspace, "metric": of_point.key, "sequence": of_point.add(stored.number), "step": each.step,
            "time": each.time, **stored._asdict(),
        })  # fmt: skip
    connection.execute(point.insert(), rows)
    connection.execute(
        _UPDATE,
        [
            {"key": each.key, "new_count": each.count, "new_last": each.last, "new_minimum": each.minimum,
             "new_maximum": each.maximum}
            for each in series.values()
        ],
    )  # fmt: skip


def _add_metric(connection: Connection, workspace: int, run_key: int, first: MetricPoint) -> int:
    result = connection.execute(
        metric.insert().values(
            workspace=workspace,
            run=run_key,
            name=first.name,
            kind=first.kind.value,
            description=first.description,
            count=0,
        )
    )
    return primary_key(result)


def histories(connection: Connection, run_keys: list[int], name: str | None) -> dict[int, list[MetricHistory]]:
    """The metrics of runs with all their points, by run, in the order in which they were first written."""
    query = (
        select(
            metric.c.run, run.c.run_id, metric.c.id, metric.c.name, metric.c.kind, metric.c.description,
            point.c.step, point.c.time, point.c.form, point.c.number, point.c.text,
        )
        .select_from(metric)
        .join(run, run.c.id == metric.c.run)
        .join(point, point.c.metric == metric.c.id)
        .where(metric.c.run.in_(run_keys))
        .order_by(metric.c.id, point.c.sequence)
    )  # fmt: skip
    if name is not None:
        query = query.where(metric.c.name == name)
    found: dict[int, list[MetricHistory]] = {key: [] for key in run_keys}
    current: tuple[int, MetricHistory] | None = None
    for row in connection.execute(query):
        if current is None or current[0] != row.id:
            history = MetricHistory(row.run_id, row.name, MetricKind(row.kind), [], [], [], row.description)
            current = (row.id, history)
            found[row.run].append(history)
        history = current[1]
        history.values.append(from_stored(row.form, row.number, row.text))
        history.steps.append(row.step)
        history.times.append(row.time)
    return found


_SUMMARIES = (
    select(
        metric.c.run, metric.c.name, metric.c.kind, metric.c.count, metric.c.minimum, metric.c.maximum,
        point.c.form, point.c.number, point.c.text,
    )
    .join(point, and_(point.c.metric == metric.c.id, point.c.sequence == metric.c.count))
    .where(metric.c.run.in_(bindparam("keys", expanding=True)))
    .order_by(metric.c.run, metric.c.name)
)  # fmt: skip


def summaries(connection: Connection, run_keys: list[int]) -> dict[int, list[MetricSummary]]:
    """What lists show of the metrics of runs, by run and name; the last value where it is one, not of tables."""
    found: dict[int, list[MetricSummary]] = {key: [] for key in run_keys}
    rows = connection.execute(_SUMMARIES, {"keys": run_keys}).all()
    for key, name, kind, count, minimum, maximum, form, number, text in rows:
        last = from_stored(form, number, text) if kind == MetricKind.SCALAR.value else None
        found[key].append(MetricSummary(name, MetricKind(kind), count, last, minimum, maximum))
    return found
