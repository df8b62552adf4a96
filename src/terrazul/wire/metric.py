"""Metric points: what one call of ``run.log…`` recorded, whole.

JSON knows neither NaN nor infinities nor integers beyond 64 bits, so inside a value they travel as an object with the
single key ``$number``: ``{"$number": "NaN"}``, ``{"$number": "-Infinity"}``, ``{"$number": "18446744073709551616"}``.
"""

from __future__ import annotations

import enum
import math
from dataclasses import field
from typing import Any, List, Optional

from terrazul.core.dataclass import dataclass

NUMBER_KEY = "$number"
_INTEGER_LIMIT = 2**63


class MetricKind(str, enum.Enum):
    """Which call recorded a point."""

    SCALAR = "scalar"
    LIST = "list"
    ROW = "row"
    TABLE = "table"
    IMAGE = "image"
    CONFUSION_MATRIX = "confusion_matrix"
    ACCURACY_TABLE = "accuracy_table"
    RESIDUALS = "residuals"
    PREDICTIONS = "predictions"


@dataclass(frozen=True)
class MetricPoint:
    """One recorded value of one metric of one run.

    ``value`` is what the call was given, as JSON (see the module): a scalar for SCALAR; the list of LIST; the object of
    ROW (column to cell) and TABLE (column to list of cells); for the kinds that live in a file, its artifact address.
    ``time`` is in microseconds since 1970 UTC.
    """

    run_id: str
    name: str
    value: Any
    time: int
    kind: MetricKind = MetricKind.SCALAR
    step: Optional[int] = None
    description: str = ""


@dataclass(frozen=True)
class MetricHistory:
    """Every point of one metric of one run, in the order in which they were written."""

    run_id: str
    name: str
    kind: MetricKind
    values: List[Any]
    steps: List[Optional[int]]
    times: List[int]
    description: str = ""


@dataclass(frozen=True)
class MetricSummary:
    """What a list shows of a metric without reading its history; the extremes are ``None`` for non-numbers."""

    name: str
    kind: MetricKind
    count: int
    last: Any
    minimum: Optional[Any] = None
    maximum: Optional[Any] = None


@dataclass(frozen=True)
class RunMetrics:
    """The metrics of one run."""

    run_id: str
    metrics: List[MetricHistory] = field(default_factory=list)


def to_json_value(value: Any) -> Any:
    """A Python value as JSON that keeps every number. Tuples become lists, keys become text."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if -_INTEGER_LIMIT <= value < _INTEGER_LIMIT else {NUMBER_KEY: str(value)}
    if isinstance(value, float):
        return value if math.isfinite(value) else {NUMBER_KEY: _word_of(value)}
    if isinstance(value, (list, tuple)):
        return [to_json_value(each) for each in value]
    if isinstance(value, dict):
        return {str(key): to_json_value(each) for key, each in value.items()}
    message = f"{type(value).__name__} is not a metric value"
    raise TypeError(message)


def from_json_value(value: Any) -> Any:
    """The Python value that ``to_json_value`` was given."""
    if isinstance(value, list):
        return [from_json_value(each) for each in value]
    if isinstance(value, dict):
        if len(value) == 1 and NUMBER_KEY in value:
            return number_of_word(value[NUMBER_KEY])
        return {key: from_json_value(each) for key, each in value.items()}
    return value


def _word_of(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def number_of_word(word: str) -> Any:
    """The number that a ``$number`` object stands for. Raises ``ValueError``."""
    return float(word) if word in {"NaN", "Infinity", "-Infinity"} else int(word)
