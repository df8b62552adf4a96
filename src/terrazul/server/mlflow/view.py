"""Our things as MLflow's protocol writes them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from terrazul.server.experiment.store import ExperimentRow
from terrazul.server.mlflow.store import MetricValue, RunFacts, WholeRun
from terrazul.server.run.store.inputs import DatasetRow
from terrazul.server.run.store.logged_model import LoggedModelRow, MetricRow
from terrazul.wire.artifact import Artifact
from terrazul.wire.mlflow.rules import NOTE, PARENT, RUN_NAME, USER, status_of

Json = dict[str, Any]
ARTIFACTS = "mlflow-artifacts:/"


def experiment(row: ExperimentRow) -> Json:
    """An experiment; its description is the tag that MLflow keeps it in."""
    about = row.experiment
    tags = {**about.tags, NOTE: about.description} if about.description else about.tags
    return {
        "experiment_id": str(row.number),
        "name": about.name,
        "artifact_location": row.artifact_location or f"{ARTIFACTS}{row.number}",
        "lifecycle_stage": "active" if row.deleted_at is None else "deleted",
        "creation_time": row.created_at // 1000,
        "last_update_time": row.updated_at // 1000,
        "tags": pairs(tags),
    }


def run(whole: WholeRun) -> Json:
    """A run with its data."""
    outputs = [{"model_id": each.model_id, "step": each.step} for each in whole.models if each.made]
    return {
        "info": run_info(whole.facts),
        "data": {
            "metrics": [metric(each) for each in whole.metrics],
            "params": pairs(whole.parameters),
            "tags": pairs(_tags(whole)),
        },
        "inputs": {
            "dataset_inputs": [_dataset(each) for each in whole.datasets],
            "model_inputs": [{"model_id": each.model_id} for each in whole.models if not each.made],
        },
        "outputs": {"model_outputs": outputs},
    }


def run_info(facts: RunFacts) -> Json:
    """What describes a run."""
    began = facts.created_at if facts.started_at is None else facts.started_at
    info = {
        "run_uuid": facts.run_id,
        "run_id": facts.run_id,
        "run_name": name_of(facts),
        "experiment_id": str(facts.experiment_number),
        "user_id": facts.created_by,
        "status": status_of(facts.state),
        "start_time": began // 1000,
        "artifact_uri": artifact_uri(facts.artifact_location, facts.experiment_number, facts.run_id),
        "lifecycle_stage": "active" if facts.deleted_at is None else "deleted",
    }
    if facts.ended_at is not None:
        info["end_time"] = facts.ended_at // 1000
    return info


def name_of(facts: RunFacts) -> str:
    """The name of a run; its id where it has none."""
    return facts.display_name or facts.run_id


def artifact_uri(location: str | None, experiment_number: int, run_id: str) -> str:
    """Where a run's artifacts are: here, unless its experiment was given another place."""
    root = location.rstrip("/") if location else f"{ARTIFACTS}{experiment_number}"
    return f"{root}/{run_id}/artifacts"


def model_uri(row: LoggedModelRow) -> str:
    """Where a logged model's files are."""
    root = row.artifact_location.rstrip("/") if row.artifact_location else f"{ARTIFACTS}{row.experiment_number}"
    return f"{root}/models/{row.model_id}/artifacts"


def metric(value: MetricValue) -> Json:
    """One value of a metric."""
    return {"key": value.key, "value": number(value.value), "timestamp": value.time // 1000, "step": value.step}


def number(value: float) -> float | str:
    """A number as the protocol's JSON has it: words for what JSON lacks."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def pairs(texts: Mapping[str, str]) -> list[Json]:
    """Tags or parameters."""
    return [{"key": key, "value": value} for key, value in texts.items()]


def logged_model(
    row: LoggedModelRow, tags: Mapping[str, str], parameters: Mapping[str, str], metrics: Iterable[MetricRow]
) -> Json:
    """A logged model."""
    return {
        "info": {
            "model_id": row.model_id,
            "experiment_id": str(row.experiment_number),
            "name": row.name,
            "creation_timestamp_ms": row.created_at // 1000,
            "last_updated_timestamp_ms": row.updated_at // 1000,
            "artifact_uri": model_uri(row),
            "status": row.status,
            "model_type": row.model_type,
            "source_run_id": row.run_id or "",
            "tags": pairs(tags),
        },
        "data": {
            "params": pairs(parameters),
            "metrics": [
                {
                    "key": each.key,
                    "value": each.word if each.number is None else each.number,
                    "timestamp": each.time // 1000,
                    "step": each.step,
                    "run_id": each.run_id,
                    "model_id": row.model_id,
                    "dataset_name": each.dataset_name,
                    "dataset_digest": each.dataset_digest,
                }
                for each in metrics
            ],
        },
    }


def files(found: Iterable[Artifact], folder: str, *, relative: bool) -> list[Json]:
    """What lies directly in a folder; ``relative`` writes only the last part of each path."""
    begin = f"{folder}/" if folder else ""
    listed: dict[str, Json] = {}
    for each in found:
        if not each.path.startswith(begin):
            continue
        name, slash, _ = each.path[len(begin) :].partition("/")
        path = name if relative else begin + name
        if slash:
            listed.setdefault(name, {"path": path, "is_dir": True})
        else:
            listed[name] = {"path": path, "is_dir": False, "file_size": each.size}
    return [listed[name] for name in sorted(listed)]


def _tags(whole: WholeRun) -> dict[str, str]:
    facts = whole.facts
    tags = {USER: facts.created_by, **whole.tags, RUN_NAME: name_of(facts)}
    if facts.description:
        tags[NOTE] = facts.description
    if facts.parent_run_id:
        tags[PARENT] = facts.parent_run_id
    return tags


def _dataset(row: DatasetRow) -> Json:
    about = {
        "name": row.name,
        "digest": row.digest,
        "source_type": row.source_type,
        "source": row.source,
        "schema": row.schema,
        "profile": row.profile,
    }
    # a dataset without a form has none, not an empty one
    return {"tags": pairs(row.tags), "dataset": {name: text for name, text in about.items() if text}}
