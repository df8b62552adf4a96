"""What MLflow's protocol demands of names and values, and how its words and ours correspond. Pure functions."""

from __future__ import annotations

import json
import posixpath
import re
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence

from terrazul.core.clock import check_time
from terrazul.core.errors import InvalidInput
from terrazul.wire.metric import MetricPoint, to_json_value
from terrazul.wire.mlflow.error import InvalidParameter, missing
from terrazul.wire.mlflow.message import LogBatch, MetricEntry, Pair
from terrazul.wire.run import RunState

KEY_LIMIT = 250
PARAMETER_LIMIT = 6000
TAG_LIMIT = 8000
EXPERIMENT_NAME_LIMIT = 500
EXPERIMENT_TAG_LIMIT = 20_000
METRICS_PER_BATCH = 1000
PAIRS_PER_BATCH = 100
BATCH_BODY_LIMIT = 1_000_000

RUN_NAME = "mlflow.runName"
NOTE = "mlflow.note.content"
PARENT = "mlflow.parentRunId"
USER = "mlflow.user"

_KEY = re.compile(r"[/\w.\- :]*\Z")
_RUN_ID = re.compile(r"[a-zA-Z0-9][\w\-.]{0,255}\Z")
_LARGEST_INTEGER = 2**63
_ALLOWED = (
    "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and "
    "slashes (/)."
)

_STATUS: Dict[RunState, str] = {
    RunState.NOT_STARTED: "SCHEDULED",
    RunState.QUEUED: "SCHEDULED",
    RunState.PREPARING: "SCHEDULED",
    RunState.PROVISIONING: "SCHEDULED",
    RunState.STARTING: "SCHEDULED",
    RunState.RUNNING: "RUNNING",
    RunState.FINALIZING: "RUNNING",
    RunState.CANCEL_REQUESTED: "RUNNING",
    RunState.COMPLETED: "FINISHED",
    RunState.FAILED: "FAILED",
    RunState.CANCELED: "KILLED",
}
_STATE = {
    "RUNNING": RunState.RUNNING,
    "SCHEDULED": RunState.NOT_STARTED,
    "FINISHED": RunState.COMPLETED,
    "FAILED": RunState.FAILED,
    "KILLED": RunState.CANCELED,
}
_BY_NUMBER = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}


def status_of(state: RunState) -> str:
    """MLflow's word for a state of ours."""
    return _STATUS[state]


def state_of(status: str) -> RunState:
    """Our state for a word of MLflow's. Raises ``InvalidParameter``."""
    word = _BY_NUMBER.get(status, status)
    if word not in _STATE:
        raise invalid("status", status, "Use RUNNING, SCHEDULED, FINISHED, FAILED or KILLED.")
    return _STATE[word]


def invalid(name: str, value: object, why: str = "") -> InvalidParameter:
    """The error for a value that is not allowed, in the protocol's words."""
    shown = json.dumps(value if not isinstance(value, str) else value[:300], separators=(",", ":"))
    end = f": {why}" if why else "."
    return InvalidParameter(f"Invalid value {shown} for parameter '{name}' supplied{end}", target=name)


class Divided(NamedTuple):
    """Tags, and what some of them stand for."""

    tags: Dict[str, str]
    run_name: Optional[str]
    note: Optional[str]
    parent: Optional[str]


def divide(tags: Mapping[str, str]) -> Divided:
    """Take out of some tags those that have a place of their own."""
    plain = {key: value for key, value in tags.items() if key not in {RUN_NAME, NOTE, PARENT}}
    return Divided(plain, tags.get(RUN_NAME), tags.get(NOTE), tags.get(PARENT))


def run_id_of(*given: str) -> str:
    """The run id of a message. Raises ``InvalidParameter`` where there is none, or one that no run can have."""
    run_id = next(filter(None, given), "")
    if not run_id:
        raise missing("run_id")
    if not _RUN_ID.match(run_id):
        raise invalid("run_id", run_id)
    return run_id


def check_key(key: str, path: str) -> None:
    """Raise ``InvalidParameter`` for a name that is empty, that has other characters or that is not its own path."""
    if not key:
        raise invalid(path, key, "A key name must be provided.")
    if not _KEY.match(key):
        raise invalid(path, key, _ALLOWED)
    if "/" in key or key in {".", ".."}:
        normal = posixpath.normpath(key)
        if normal != key or normal == "." or normal.startswith(("..", "/")):
            raise invalid(
                path,
                key,
                "Names may be treated as files in certain cases, and must not resolve to other names when treated as "
                f"such. This name would resolve to {normal!r}",
            )


def check_length(what: str, limit: int, value: str) -> None:
    """Raise ``InvalidParameter`` for a text that is too long."""
    if len(value) > limit:
        raise InvalidParameter(f"'{what}' exceeds the maximum length of {limit} characters", target=what)


def check_parameter(pair: Pair, path: str = "") -> None:
    """Raise ``InvalidParameter`` for a parameter that the protocol does not allow."""
    check_key(pair.key, f"{path}.key" if path else "key")
    check_length("Param key", KEY_LIMIT, pair.key)
    check_length("Param value", PARAMETER_LIMIT, pair.value)


def check_tag(pair: Pair, path: str = "") -> None:
    """Raise ``InvalidParameter`` for a run's tag that the protocol does not allow."""
    where = f"{path}." if path else ""
    check_key(pair.key, f"{where}key")
    check_length(f"{where}key", KEY_LIMIT, pair.key)
    check_length(f"{where}value", TAG_LIMIT, pair.value)


def check_experiment_tag(pair: Pair) -> None:
    """Raise ``InvalidParameter`` for an experiment's tag that the protocol does not allow."""
    check_key(pair.key, "key")
    check_length("key", KEY_LIMIT, pair.key)
    check_length("value", EXPERIMENT_TAG_LIMIT, pair.value)


def check_experiment_name(name: str) -> None:
    """Raise ``InvalidParameter`` for a name that is empty or too long; MLflow knows no other rule."""
    if not name:
        raise InvalidParameter(f"Invalid experiment name: '{name}'", target="name")
    check_length("name", EXPERIMENT_NAME_LIMIT, name)


def check_batch(batch: LogBatch) -> None:
    """Raise ``InvalidParameter`` for the first thing of a batch that the protocol does not allow."""
    _check_count("metrics", METRICS_PER_BATCH, len(batch.metrics))
    _check_count("params", PAIRS_PER_BATCH, len(batch.params))
    _check_count("tags", PAIRS_PER_BATCH, len(batch.tags))
    total = len(batch.metrics) + len(batch.params) + len(batch.tags)
    _check_count("metrics, params, and tags", METRICS_PER_BATCH, total)
    for index, parameter in enumerate(batch.params):
        check_parameter(parameter, f"params[{index}]")
    for index, tag in enumerate(batch.tags):
        check_tag(tag, f"tags[{index}]")
    check_unique(batch.params)


def check_unique(parameters: Sequence[Pair]) -> None:
    """Raise ``InvalidParameter`` where a key stands twice."""
    seen: Dict[str, int] = {}
    for each in parameters:
        seen[each.key] = seen.get(each.key, 0) + 1
    twice = [key for key, count in seen.items() if count > 1]
    if twice:
        raise InvalidParameter(
            f"Duplicate parameter keys have been submitted: {twice}. Please ensure the request contains only one param "
            "value per param key."
        )


def check_body_size(size: int) -> None:
    """Raise ``InvalidParameter`` for the body of a batch that is too long."""
    if size > BATCH_BODY_LIMIT:
        raise InvalidParameter(
            f"Batched logging API requests must be at most {BATCH_BODY_LIMIT} bytes, got a request of size {size}."
        )


def points_of(run_id: str, metrics: Sequence[MetricEntry], *, batch: bool) -> List[MetricPoint]:
    """Metrics as the points that are kept. Raises ``InvalidParameter`` for the first that the protocol forbids.

    ``batch`` says that they stand in a list, which the messages then name.
    """
    checked: Dict[str, bool] = {}
    points = []
    for index, each in enumerate(metrics):
        if each.key not in checked:
            check_key(each.key, f"metrics[{index}].name" if batch else "name")
            check_length("Metric name", KEY_LIMIT, each.key)
            checked[each.key] = True
        points.append(_point(run_id, each, f"metrics[{index}]." if batch else ""))
    return points


def _point(run_id: str, entry: MetricEntry, where: str) -> MetricPoint:
    if entry.value is None:
        raise missing(f"{where}value")
    if entry.timestamp is None:
        raise missing(f"{where}timestamp")
    if not -_LARGEST_INTEGER <= entry.step < _LARGEST_INTEGER:
        raise invalid(f"{where}step", str(entry.step), "Step must be a valid long (64-bit integer).")
    value = entry.value
    return MetricPoint(
        run_id,
        entry.key,
        value if -_FINITE <= value <= _FINITE else to_json_value(value),
        time_of(entry.timestamp, f"{where}timestamp"),
        step=entry.step,
    )


_FINITE = 1.7976931348623157e308


def time_of(milliseconds: int, name: str) -> int:
    """A time of the protocol in our microseconds. Raises ``InvalidParameter``."""
    try:
        return check_time(milliseconds * 1000)
    except InvalidInput:
        raise invalid(name, milliseconds, "Timestamp must be a nonnegative long (64-bit integer) ") from None


def _check_count(what: str, limit: int, count: int) -> None:
    if count > limit:
        raise InvalidParameter(
            f"A batch logging request can contain at most {limit} {what}. Got {count} {what}. Please split up {what} "
            "across multiple requests and try again."
        )
