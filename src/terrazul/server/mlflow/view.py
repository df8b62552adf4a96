"""Our things as MLflow's protocol writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from terrazul.core.clock import from_text
from terrazul.server.experiment.store import ExperimentRow
from terrazul.server.mlflow.registry_store import NameRow, VersionRow
from terrazul.server.mlflow.store import MetricValue, RunFacts, WholeRun
from terrazul.server.run.store.inputs import DatasetRow
from terrazul.server.run.store.logged_model import LoggedModelRow, MetricRow
from terrazul.wire.artifact import Artifact
from terrazul.wire.mlflow import answer
from terrazul.wire.mlflow.answer import ARTIFACTS, Json, pairs
from terrazul.wire.mlflow.rules import NOTE, PARENT, RUN_NAME, USER
from terrazul.wire.webhook import Webhook, WebhookTrialResult


def experiment(row: ExperimentRow) -> Json:
    """An experiment; its description is the tag that MLflow keeps it in."""
    about = row.experiment
    tags = {**about.tags, NOTE: about.description} if about.description else about.tags
    return {
        **answer.experiment(row.number, about.name, _stage(row.deleted_at), row.artifact_location),
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
            "metrics": [answer.metric(*each) for each in whole.metrics],
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
    return answer.run_info(
        facts.run_id,
        name_of(facts),
        facts.experiment_number,
        facts.created_by,
        facts.state,
        facts.created_at if facts.started_at is None else facts.started_at,
        facts.ended_at,
        facts.artifact_location,
        _stage(facts.deleted_at),
    )


def name_of(facts: RunFacts) -> str:
    """The name of a run; its id where it has none."""
    return facts.display_name or facts.run_id


def model_uri(row: LoggedModelRow) -> str:
    """Where a logged model's files are."""
    root = row.artifact_location.rstrip("/") if row.artifact_location else f"{ARTIFACTS}{row.experiment_number}"
    return f"{root}/models/{row.model_id}/artifacts"


def metric(value: MetricValue) -> Json:
    """One value of a metric."""
    return answer.metric(*value)


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


def registered_model(row: NameRow, tags: Mapping[str, str], aliases: Mapping[str, int], latest: list[Json]) -> Json:
    """A registered model."""
    return {
        "name": row.name,
        "creation_timestamp": row.created_at // 1000,
        "last_updated_timestamp": row.updated_at // 1000,
        "description": row.description,
        "latest_versions": latest,
        "tags": pairs(tags),
        "aliases": [{"alias": name, "version": str(version)} for name, version in aliases.items()],
    }


def model_version(row: VersionRow, tags: Mapping[str, str], aliases: list[str], uri: str) -> Json:
    """A version of a registered model."""
    return {
        "name": row.name,
        "version": str(row.version),
        "creation_timestamp": row.created_at // 1000,
        "last_updated_timestamp": row.modified_at // 1000,
        "user_id": row.created_by,
        "current_stage": row.stage,
        "description": row.description,
        "source": row.source or uri,
        "run_id": row.run_id or "",
        "run_link": row.run_link,
        "model_id": row.model_id,
        "status": "READY",
        "tags": pairs(tags),
        "aliases": aliases,
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


def webhook(known: Webhook) -> Json:
    """A webhook; times are milliseconds here."""
    events = [each.partition(".") for each in known.events]
    return {
        "webhook_id": known.webhook_id,
        "name": known.name,
        "url": known.url,
        "description": known.description,
        "events": [{"entity": entity.upper(), "action": action.upper()} for entity, _, action in events],
        "status": known.state.name,
        "creation_timestamp": from_text(known.created_at) // 1000,
        "last_updated_timestamp": from_text(known.updated_at) // 1000,
    }


def webhook_trial(result: WebhookTrialResult) -> Json:
    """What came of a trial; a field without a value is left out."""
    told: Json = {"success": result.success}
    if result.status is not None:
        return {**told, "response_status": result.status, "response_body": result.body}
    return {**told, "error_message": result.error}


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


def _stage(deleted_at: int | None) -> str:
    return "active" if deleted_at is None else "deleted"
