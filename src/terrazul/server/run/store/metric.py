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
from terrazul.server.run.thinning import thinned
from terrazul.server.sql.among import among
from terrazul.server.sql.metadata import metadata
from terrazul.server.sql.statement import Statement
from terrazul.wire.metric import (
    NUMBER_KEY,
    MetricHistory,
    MetricKind,
    MetricPoint,
    MetricSummary,
    from_json_value,
)

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
    Column("last_sequence", Integer, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("last_time", BigInteger, nullable=False),
    UniqueConstraint("run", "name"),
    Index("ix_metric_last", "workspace", "name", "last_number", "run"),
)
"""The last point is the one with the highest step, among these the latest; a point without a step has its place (from
0) as one. Its number is missing where it is none that can be compared."""

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
    Index("ix_metric_point_time", "metric", "time"),
    sqlite_with_rowid=False,
)
"""The index finds out whether a point that comes late is there already."""


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


_FIND = Statement(select(
    metric.c.id, metric.c.name, metric.c.count.label("points"), metric.c.minimum, metric.c.maximum,
    metric.c.last_number, metric.c.last_sequence, metric.c.last_step, metric.c.last_time,
).where(metric.c.run == bindparam("of_run"), among(metric.c.name, "names")))  # fmt: skip
_UPDATE = Statement(
    metric.update()
    .where(metric.c.id == bindparam("key"))
    .values(
        count=bindparam("new_count"),
        last_number=bindparam("new_last_number"),
        minimum=bindparam("new_minimum"),
        maximum=bindparam("new_maximum"),
        last_sequence=bindparam("new_last_sequence"),
        last_step=bindparam("new_last_step"),
        last_time=bindparam("new_last_time"),
    )
)
_ADD = Statement(metric.insert(), *(column.name for column in metric.columns if column.name != "id"))
_ADD_POINTS = Statement(point.insert(), "workspace", "metric", "sequence", "step", "time", "form", "number", "text")
_SAME = Statement(
    select(point.c.step, point.c.time, point.c.form, point.c.number, point.c.text).where(
        point.c.metric == bindparam("of_metric"), among(point.c.time, "times")
    )
)
Place = tuple[int, int]
"""A point's step and time."""


class _Series:
    """A metric while points are being added to it. ``key`` is None until it is entered."""

    def __init__(self, key: int | None, first: MetricPoint | None = None) -> None:
        self.key = key
        self.first = first
        self.count = 0
        self.minimum: float | None = None
        self.maximum: float | None = None
        self.last_number: float | None = None
        self.last_sequence = 0
        self.last: Place = (-(2**63), -1)
        self.rows: list[tuple[int, int | None, int, Stored]] = []

    def is_behind(self, each: MetricPoint) -> bool:
        """True for a point that a point of the series may be equal to."""
        return (self.count if each.step is None else each.step, each.time) <= self.last

    def add(self, each: MetricPoint) -> None:
        """Take a point in."""
        stored = to_stored(each.value)
        number = stored.number
        place = (self.count if each.step is None else each.step, each.time)
        self.count += 1
        if number is not None:
            self.minimum = number if self.minimum is None or number < self.minimum else self.minimum
            self.maximum = number if self.maximum is None or number > self.maximum else self.maximum
        if place > self.last or (place == self.last and _is_not_less(number, self.last_number)):
            self.last, self.last_number, self.last_sequence = place, number, self.count
        self.rows.append((self.count, each.step, each.time, stored))

    def summary(self) -> dict[str, Any]:
        """The columns that follow from the points."""
        return {
            "count": self.count, "last_number": self.last_number, "minimum": self.minimum, "maximum": self.maximum,
            "last_sequence": self.last_sequence, "last_step": self.last[0], "last_time": self.last[1],
        }  # fmt: skip


def _is_not_less(number: float | None, than: float | None) -> bool:
    return number is None or than is None or number >= than


def add_points(connection: Connection, workspace: int, run_key: int, points: Sequence[MetricPoint]) -> None:
    """Add points to the metrics of one run, in order."""
    series = _find_series(connection, run_key, points)
    for each in points:
        _series_of(series, each).add(each)
    _enter(connection, workspace, run_key, series)


def add_new_points(connection: Connection, workspace: int, run_key: int, points: Sequence[MetricPoint]) -> None:
    """As ``add_points``, but a point that is there already (its value, step and time) is not added again."""
    series = _find_series(connection, run_key, points)
    behind: dict[str, set[int]] = {}
    for each in points:
        if _series_of(series, each).is_behind(each):
            behind.setdefault(each.name, set()).add(each.time)
    known = {name: _same(connection, series[name], times) for name, times in behind.items()}
    for each in points:
        of_point = series[each.name]
        if each.name in known or of_point.is_behind(each):
            identity = (each.step, each.time, to_stored(each.value))
            seen = known.setdefault(each.name, {(row[1], row[2], row[3]) for row in of_point.rows})
            if identity in seen:
                continue
            seen.add(identity)
        of_point.add(each)
    _enter(connection, workspace, run_key, series)


def _same(connection: Connection, series: _Series, times: set[int]) -> set[tuple[int | None, int, Stored]]:
    """The points of a series that were made at these times."""
    if series.key is None:
        return set()
    return {
        (row[0], row[1], Stored(row[2], row[3], row[4]))
        for row in _SAME.all(connection, {"of_metric": series.key, "times": list(times)})
    }


def _find_series(connection: Connection, run_key: int, points: Sequence[MetricPoint]) -> dict[str, _Series]:
    found = {}
    names = list(dict.fromkeys(each.name for each in points))
    for key, name, count, minimum, maximum, last_number, last_sequence, step, time in _FIND.all(
        connection, {"of_run": run_key, "names": names}
    ):
        series = found[name] = _Series(key)
        series.count, series.minimum, series.maximum = count, minimum, maximum
        series.last_number, series.last_sequence, series.last = last_number, last_sequence, (step, time)
    return found


def _series_of(series: dict[str, _Series], each: MetricPoint) -> _Series:
    found = series.get(each.name)
    if found is None:
        found = series[each.name] = _Series(None, each)
    return found


def _enter(connection: Connection, workspace: int, run_key: int, series: dict[str, _Series]) -> None:
    new = [each for each in series.values() if each.key is None and each.first is not None]
    for each in new:
        each.key = _ADD.insert(connection, _new_row(workspace, run_key, each))
    known = [
        {"key": each.key, **{f"new_{name}": value for name, value in each.summary().items()}}
        for each in series.values()
        if each.first is None and each.rows
    ]
    _UPDATE.run(connection, *known)
    rows = [
        {"workspace": workspace, "metric": each.key, "sequence": sequence, "step": step, "time": time,
         "form": stored.form, "number": stored.number, "text": stored.text}
        for each in series.values()
        for sequence, step, time, stored in each.rows
    ]  # fmt: skip
    _ADD_POINTS.run(connection, *rows)


def _new_row(workspace: int, run_key: int, series: _Series) -> dict[str, Any]:
    first = series.first
    return {
        "workspace": workspace, "run": run_key, "name": first.name if first else "",
        "kind": first.kind.value if first else "", "description": first.description if first else "",
        **series.summary(),
    }  # fmt: skip


_SERIES = (
    select(metric.c.run, run.c.run_id, metric.c.id, metric.c.name, metric.c.kind, metric.c.description, metric.c.count)
    .join(run, run.c.id == metric.c.run)
    .where(among(metric.c.run, "keys"))
    .order_by(metric.c.id)
)
_ALL_SERIES = Statement(_SERIES)
_NAMED_SERIES = Statement(_SERIES.where(metric.c.name == bindparam("of_name")))
_OF_METRIC = point.c.metric == bindparam("of_metric")
_POINTS = (
    select(point.c.step, point.c.time, point.c.form, point.c.number, point.c.text)
    .where(_OF_METRIC)
    .order_by(point.c.sequence)
)
_ALL_POINTS = Statement(_POINTS)
_CHOSEN_POINTS = Statement(_POINTS.where(among(point.c.sequence, "sequences")))
_NUMBERS = Statement(
    select(point.c.sequence, point.c.number, point.c.form, point.c.text).where(_OF_METRIC).order_by(point.c.sequence)
)


def histories(
    connection: Connection, run_keys: list[int], name: str | None, most: int | None
) -> dict[int, list[MetricHistory]]:
    """The metrics of runs with their points, by run, in the order in which they were first written.

    All points, or of scalars at most so many, among them every extreme.
    """
    series = (
        _ALL_SERIES.all(connection, {"keys": run_keys})
        if name is None
        else _NAMED_SERIES.all(connection, {"keys": run_keys, "of_name": name})
    )
    found: dict[int, list[MetricHistory]] = {key: [] for key in run_keys}
    for run_key, run_id, key, name_of_metric, kind, description, count in series:
        is_thinned = most is not None and count > most and kind == MetricKind.SCALAR.value
        rows = _chosen(connection, key, most or 0) if is_thinned else _ALL_POINTS.all(connection, {"of_metric": key})
        values = [row[3] if row[2] == Form.FLOAT else from_stored(*row[2:]) for row in rows]
        steps, times = [row[0] for row in rows], [row[1] for row in rows]
        history = MetricHistory(run_id, name_of_metric, MetricKind(kind), values, steps, times, description)
        found[run_key].append(history)
    return found


def _chosen(connection: Connection, key: int, most: int) -> Sequence[Sequence[Any]]:
    rows = _NUMBERS.all(connection, {"of_metric": key})
    places = thinned([row[1] if row[1] is not None else _unbounded(row[2], row[3]) for row in rows], most)
    return _CHOSEN_POINTS.all(connection, {"of_metric": key, "sequences": [rows[place][0] for place in places]})


def _unbounded(form: int, text: str | None) -> float | None:
    """An infinity, which has no place in the column of numbers."""
    value = from_json_value(from_stored(form, None, text)) if form == Form.JSON else None
    return value if isinstance(value, float) else None


_SUMMARIES = Statement(
    select(
        metric.c.run, metric.c.name, metric.c.kind, metric.c.count, metric.c.minimum, metric.c.maximum,
        point.c.form, point.c.number, point.c.text,
    )
    .join(point, and_(point.c.metric == metric.c.id, point.c.sequence == metric.c.count))
    .where(among(metric.c.run, "keys"))
    .order_by(metric.c.run, metric.c.name)
)  # fmt: skip


def summaries(connection: Connection, run_keys: list[int]) -> dict[int, list[MetricSummary]]:
    """What lists show of the metrics of runs, by run and name; the last value where it is one, not of tables."""
    found: dict[int, list[MetricSummary]] = {key: [] for key in run_keys}
    for key, name, kind, count, minimum, maximum, form, number, text in _SUMMARIES.all(connection, {"keys": run_keys}):
        last = from_stored(form, number, text) if kind == MetricKind.SCALAR.value else None
        found[key].append(MetricSummary(name, MetricKind(kind), count, last, minimum, maximum))
    return found
