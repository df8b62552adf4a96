"""MLflow's client inside a run: what it records is journaled and answered at once, as the SDK's is.

What maps onto a batch of writes is taken here; the rest goes through to the server. Of each run that was recorded here
enough is kept to answer for it while the server is away.
"""

from __future__ import annotations

import os
import re
import threading
import uuid
from dataclasses import field
from typing import Any, Callable, Iterable, NamedTuple, TypeVar
from urllib.parse import parse_qs, unquote

from terrazul.core import clock
from terrazul.core.dataclass import dataclass
from terrazul.core.errors import NotFound
from terrazul.core.paths import check_relative_path
from terrazul.runner.contents import Content
from terrazul.wire.job import Job
from terrazul.wire.metric import MetricPoint, from_json_value
from terrazul.wire.mlflow import answer, rules
from terrazul.wire.mlflow.error import InvalidParameter, missing
from terrazul.wire.mlflow.message import CreateRun, LogBatch, LogMetric, Pair, RunChoice, UpdateRun
from terrazul.wire.mlflow.names import new_run_name
from terrazul.wire.run import RunState
from terrazul.wire.write import NewArtifact, NewRun, RunChange, StateChange, WriteBatch

T = TypeVar("T")
Decode = Callable[[bytes, type], Any]
Append = Callable[[WriteBatch], int]
"""Puts a batch into the journal; returns the position behind it."""
_API = "/mlflow/api/2.0/mlflow/"
_FILES = "/mlflow/api/2.0/mlflow-artifacts/artifacts/"
_FILE = re.compile(r"[0-9]+/(?!models/)([^/]+)/artifacts/(.+)\Z", re.DOTALL)
_RUN_LIMIT = 10_000


@dataclass
class Shadow:
    """What is known here of a run."""

    run_id: str
    name: str
    started_at: int
    state: RunState = RunState.RUNNING
    ended_at: int | None = None
    parent_run_id: str | None = None
    note: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, MetricPoint] = field(default_factory=dict)


class Place(NamedTuple):
    """A file of a run that the client sends."""

    run_id: str
    path: str


class MlflowWrites:
    """Takes the requests of one run's MLflow client; safe to use from many threads."""

    def __init__(self, job: Job, decode: Decode, append: Append, wait_durable: Callable[[int], object]) -> None:
        self._job = job
        self._decode = decode
        self._append = append
        self._wait_durable = wait_durable
        self._position = 0
        self._name = os.urandom(16).hex()
        self._sequence = 0
        self._lock = threading.RLock()
        self._runs = {job.run_id: Shadow(job.run_id, job.run_id, clock.now(), parent_run_id=job.parent_run_id)}
        self._routes: dict[str, Callable[[bytes], object]] = {
            "runs/create": self._create,
            "runs/update": self._update,
            "runs/log-metric": self._log_metric,
            "runs/log-batch": self._log_batch,
            "runs/log-parameter": self._log_parameter,
            "runs/set-tag": self._set_tag,
        }

    def takes(self, method: str, path: str) -> bool:
        """True for a request that is recorded here; the path is that behind the workspace's."""
        return method == "POST" and path.startswith(_API) and path[len(_API) :] in self._routes

    def take(self, path: str, body: bytes) -> object | None:
        """Record a request; returns its answer, or None for one that only the server can judge.

        Raises ``InvalidParameter`` for what the protocol does not allow.
        """
        rules.check_body_size(len(body))
        try:
            with self._lock:
                told = self._routes[path[len(_API) :]](body)
                position = self._position
        except (_NotMine, ValueError, RecursionError):  # what cannot be read here, the server explains
            return None
        self._wait_durable(position)
        return told

    def place_of(self, method: str, path: str) -> Place | None:
        """The file of a run that a request sends; None for any other request."""
        if method != "PUT" or not path.startswith(_FILES):
            return None
        match = _FILE.match(unquote(path[len(_FILES) :]))
        return Place(match.group(1), check_relative_path(match.group(2))) if match else None

    def add_file(self, place: Place, content: Content) -> None:
        """Name a file whose bytes are journaled already."""
        new = NewArtifact(place.run_id, place.path, content.digest, content.size, clock.now(), overwrite=True)
        with self._lock:
            self._write(artifacts=[new])
            position = self._position
        self._wait_durable(position)

    def answer_alone(self, method: str, path: str, query: str) -> object | None:
        """What a read is answered while the server is away; None where that is not known here."""
        if method != "GET" or not path.startswith(_API):
            return None
        asked = {name: values[-1] for name, values in parse_qs(query).items()}
        name = path[len(_API) :]
        with self._lock:
            if name == "runs/get":
                shadow = self._runs.get(asked.get("run_id") or asked.get("run_uuid", ""))
                return None if shadow is None else {"run": self._view(shadow)}
            if name in {"experiments/get", "experiments/get-by-name"} and self._is_own_experiment(asked):
                return {"experiment": answer.experiment(self._job.experiment_number, self._job.experiment_name)}
        return None

    def _is_own_experiment(self, asked: dict[str, str]) -> bool:
        job = self._job
        return asked.get("experiment_name") == job.experiment_name or asked.get("experiment_id") in {
            str(job.experiment_number),
            job.experiment_id,
        }

    def _create(self, body: bytes) -> object:
        new: CreateRun = self._decode(body, CreateRun)
        if new.experiment_id and not self._is_own_experiment({"experiment_id": new.experiment_id}):
            raise _NotMine
        for tag in new.tags:
            rules.check_tag(tag)
        about = rules.divide({each.key: each.value for each in new.tags})
        began = clock.now() if new.start_time is None else rules.time_of(new.start_time, "start_time")
        name = new.run_name or about.run_name or new_run_name()
        shadow = Shadow(uuid.uuid4().hex, name, began, note=about.note or "", tags=about.tags)
        shadow.parent_run_id = about.parent or self._job.run_id
        if new.user_id:
            shadow.tags.setdefault(rules.USER, new.user_id)
        begun = NewRun(
            shadow.run_id,
            self._job.experiment_name,
            began,
            parent_run_id=shadow.parent_run_id,
            display_name=name,
            description=shadow.note,
            tags=dict(shadow.tags),
        )
        self._write(runs=[begun])
        if len(self._runs) >= _RUN_LIMIT:
            self._forget_one()
        self._runs[shadow.run_id] = shadow
        return {"run": self._view(shadow)}

    def _forget_one(self) -> None:
        """Make room: the oldest run that has ended, but never our own, is for the server alone to answer."""
        ended = (run_id for run_id, each in self._runs.items() if each.state.terminal)
        self._runs.pop(next(ended, ""), None)

    def _update(self, body: bytes) -> object:
        change: UpdateRun = self._decode(body, UpdateRun)
        shadow = self._known(rules.run_id_of(change.run_id, change.run_uuid))
        state = rules.state_of(change.status) if change.status else None
        time = clock.now() if change.end_time is None else rules.time_of(change.end_time, "end_time")
        lists: dict[str, Any] = {}
        if change.run_name:
            shadow.name = change.run_name
            lists["changes"] = [RunChange(shadow.run_id, display_name=change.run_name)]
        if state not in {None, RunState.NOT_STARTED} and shadow.run_id != self._job.run_id:
            shadow.state = RunState(state)
            shadow.ended_at = time if shadow.state.terminal else None
            lists["states"] = [StateChange(shadow.run_id, shadow.state, time, reopens=True)]
        if lists:
            self._write(**lists)
        return {"run_info": self._view(shadow)["info"]}

    def _log_metric(self, body: bytes) -> object:
        asked: LogMetric = self._decode(body, LogMetric)
        if asked.model_id:
            raise _NotMine
        run_id = rules.run_id_of(asked.run_id, asked.run_uuid)
        if not asked.key:
            raise missing("key")
        points = rules.points_of(run_id, [asked], batch=False)
        self._note(run_id, points, {}, {})
        self._write(metrics=points)
        return {}

    def _log_batch(self, body: bytes) -> object:
        batch: LogBatch = self._decode(body, LogBatch)
        if any(each.model_id for each in batch.metrics):
            raise _NotMine
        run_id = rules.run_id_of(batch.run_id)
        rules.check_batch(batch)
        points = rules.points_of(run_id, batch.metrics, batch=True)
        parameters, tags = _texts(batch.params), _texts(batch.tags)
        self._note(run_id, points, parameters, tags)
        changes = [_change(run_id, tags, parameters)] if tags or parameters else []
        self._write(metrics=points, changes=changes)
        return {}

    def _log_parameter(self, body: bytes) -> object:
        asked: RunChoice = self._decode(body, RunChoice)
        run_id, pair = rules.run_id_of(asked.run_id, asked.run_uuid), _pair(asked)
        rules.check_parameter(pair)
        parameters = {pair.key: pair.value}
        self._note(run_id, [], parameters, {})
        self._write(changes=[_change(run_id, {}, parameters)])
        return {}

    def _set_tag(self, body: bytes) -> object:
        asked: RunChoice = self._decode(body, RunChoice)
        run_id, pair = rules.run_id_of(asked.run_id, asked.run_uuid), _pair(asked)
        rules.check_tag(pair)
        tags = {pair.key: pair.value}
        self._note(run_id, [], {}, tags)
        self._write(changes=[_change(run_id, tags, {})])
        return {}

    def _known(self, run_id: str) -> Shadow:
        shadow = self._runs.get(run_id)
        if shadow is None:
            raise _NotMine
        return shadow

    def _note(
        self, run_id: str, points: Iterable[MetricPoint], parameters: dict[str, str], tags: dict[str, str]
    ) -> None:
        """Remember what a run records. Raises ``InvalidParameter`` for a parameter that has another value."""
        shadow = self._known(run_id)
        for key, value in parameters.items():
            there = shadow.parameters.get(key, value)
            if there != value:
                raise InvalidParameter(
                    f"Changing param values is not allowed. Param with key='{key}' was already logged with "
                    f"value='{there}' for run ID='{run_id}'. Attempted logging new value '{value}'.",
                    target=key,
                )
        shadow.parameters.update(parameters)
        about = rules.divide(tags)
        shadow.name = about.run_name or shadow.name
        shadow.note = shadow.note if about.note is None else about.note
        shadow.tags.update(about.tags)
        for each in points:
            last = shadow.metrics.get(each.name)
            if last is None or (each.step or 0, each.time) >= (last.step or 0, last.time):
                shadow.metrics[each.name] = each

    def _view(self, shadow: Shadow) -> dict[str, Any]:
        job = self._job
        tags = {**shadow.tags, rules.RUN_NAME: shadow.name}
        if shadow.note:
            tags[rules.NOTE] = shadow.note
        if shadow.parent_run_id:
            tags[rules.PARENT] = shadow.parent_run_id
        user = shadow.tags.get(rules.USER, "")
        metrics = [
            answer.metric(each.name, from_json_value(each.value), each.time, each.step or 0)
            for each in shadow.metrics.values()
        ]
        return {
            "info": answer.run_info(
                shadow.run_id, shadow.name, job.experiment_number, user, shadow.state, shadow.started_at,
                shadow.ended_at,
            ),
            "data": {"metrics": metrics, "params": answer.pairs(shadow.parameters), "tags": answer.pairs(tags)},
            "inputs": {},
            "outputs": {},
        }  # fmt: skip

    def _write(self, **lists: Any) -> None:
        self._sequence += 1
        self._position = self._append(WriteBatch(self._name, self._sequence, **lists))


class _NotMine(NotFound):
    """The request is about what is not known here."""


def _pair(asked: RunChoice) -> Pair:
    if not asked.key:
        raise missing("key")
    if asked.value is None:
        raise missing("value")
    return Pair(asked.key, asked.value)


def _texts(given: Iterable[Pair]) -> dict[str, str]:
    return {each.key: each.value for each in given}


def _change(run_id: str, tags: dict[str, str], parameters: dict[str, str]) -> RunChange:
    about = rules.divide(tags)
    kept = {**about.tags, **({rules.PARENT: about.parent} if about.parent else {})}
    return RunChange(
        run_id, set_tags=kept, display_name=about.run_name, description=about.note, add_parameters=parameters
    )
