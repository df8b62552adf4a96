"""The values of a run's metrics, out of the shapes in which v1 gives them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from terrazul.core.errors import InvalidInput
from terrazul.core.paths import check_relative_path
from terrazul.wire.metric import MetricKind, MetricPoint, to_json_value

_ADDRESS = "aml://artifactId/ExperimentRun/dcid."
_DOCUMENTS = (MetricKind.CONFUSION_MATRIX, MetricKind.ACCURACY_TABLE, MetricKind.RESIDUALS, MetricKind.PREDICTIONS)
_LARGEST_DOCUMENT = 64 << 20
_Series = Dict[str, List[int]]


class _Values(NamedTuple):
    """What was recorded under a name: one value for each point."""

    kind: MetricKind
    values: Sequence[Any]


def points_of(
    run_id: str, metrics: Dict[str, Any], series: Dict[str, _Series], files: Path, began: int
) -> Iterator[MetricPoint]:
    """The points of one metric after another.

    ``series`` has the steps and times (in milliseconds) of those metrics of which they are known. The points of the
    others have the time at which the run began, so that they are the same in every import.
    """
    for name, value in metrics.items():
        kind, values = _values_of(run_id, value, files)
        steps, times = _steps_and_times(series.get(name), len(values), began)
        for each, step, time in zip(values, steps, times):
            yield MetricPoint(run_id, name, to_json_value(each), time, kind, step)


def _values_of(run_id: str, value: Any, files: Path) -> _Values:
    if isinstance(value, dict):
        is_table = any(isinstance(column, list) for column in value.values())
        return _Values(MetricKind.TABLE if is_table else MetricKind.ROW, [value] if value else [])
    values = value if isinstance(value, list) else [value]
    if any(isinstance(each, (list, dict)) for each in values):
        return _Values(MetricKind.LIST, [values])
    start = f"{_ADDRESS}{run_id}/"
    if values and all(isinstance(each, str) and each.startswith(start) for each in values):
        return _Values(_kind_of_file(files, values[0][len(start) :]), values)
    return _Values(MetricKind.SCALAR, values)


def _kind_of_file(files: Path, path: str) -> MetricKind:
    """What a file that a metric names is: one of the documents that charts are drawn from, or an image."""
    try:
        file = files / check_relative_path(path)
        if file.suffix != ".json" or file.stat().st_size > _LARGEST_DOCUMENT:
            return MetricKind.IMAGE
        told = json.loads(file.read_text(encoding="utf-8"))
    except (InvalidInput, OSError, ValueError):
        return MetricKind.IMAGE
    named = told.get("schema_type") if isinstance(told, dict) else None
    return next((each for each in _DOCUMENTS if each.value == named), MetricKind.IMAGE)


def _steps_and_times(series: Optional[_Series], count: int, began: int) -> Tuple[Sequence[Optional[int]], List[int]]:
    told = series or {}
    times = [each * 1000 for each in told.get("times") or []]
    steps: Sequence[Optional[int]] = told.get("steps") or []
    is_place = len(steps) != count or list(steps) == list(range(count))  # which MLflow is told where none was logged
    return [None] * count if is_place else steps, times if len(times) == count else [began] * count
