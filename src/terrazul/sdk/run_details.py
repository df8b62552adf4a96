"""A run in v1's words: the dictionaries of ``get_details`` and the error of a run that failed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Dict, List, Optional
from urllib.parse import urlencode

from terrazul.core.errors import NotFound
from terrazul.sdk import run_datasets
from terrazul.sdk.client import Client, class_of
from terrazul.wire.artifact import LogFile
from terrazul.wire.lineage import DatasetUse
from terrazul.wire.run import Run, RunError
from terrazul.wire.run_configuration import RunDefinition

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace

_SERVICE_KEYS = {
    "amlcompute": "amlCompute",
    "kubernetescompute": "kubernetesCompute",
    "paralleltask": "parallelTask",
    "pytorch": "pyTorch",
}
"""Sections that v1 writes otherwise in a run's details than in files."""


def details_of(client: Client, run: Run, workspace: Optional[Workspace] = None) -> Dict[str, Any]:
    """What ``get_details`` gives; times that are not known yet are left out."""
    definition = definition_of(client, run.run_id)
    times = {"startTimeUtc": run.started_at, "endTimeUtc": run.ended_at}
    details: Dict[str, Any] = {
        "runId": run.run_id,
        "target": run.target,
        "status": run.state.value,
        **{name: time for name, time in times.items() if time is not None},
        "services": {},
        "properties": dict(run.properties),
        **run_datasets.details_of(workspace, client.get(List[DatasetUse], f"/runs/{run.run_id}/datasets"), definition),
        "runDefinition": run_definition_of(definition),
        "logFiles": {log.path: _address(client, run.run_id, log.path) for log in _logs(client, run.run_id)},
        "submittedBy": run.created_by,
    }
    if run.queue_reason:
        details["queue"] = {"position": run.queue_position, "reason": run.queue_reason}
    if run.held_until is not None:
        details["heldUntilUtc"] = run.held_until
    if run.error is not None:
        details["error"] = {**error_of(run.error), "time": run.ended_at}
    if run.warnings:
        details["warnings"] = [{"message": warning} for warning in run.warnings]
    return details


def definition_of(client: Client, run_id: str) -> Optional[RunDefinition]:
    """What a run was told to execute; ``None`` for one that was not submitted."""
    try:
        return client.get(RunDefinition, f"/runs/{run_id}/definition")
    except NotFound:
        return None


def error_of(error: RunError) -> Dict[str, Any]:
    """The error of a run as v1 tells it, with what Terrazul knows beyond."""
    told = asdict(error)
    more = {name: told[name] for name in ("exit_code", "last_error_line", "log_path", "log_line", "hint")}
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "details": [{"code": name, "message": value} for name, value in more.items() if value not in {None, ""}],
        }
    }


def run_definition_of(definition: Optional[RunDefinition]) -> Optional[Dict[str, Any]]:
    """The run configuration as it was executed, under v1's keys."""
    if definition is None:
        return None
    from terrazul.sdk.run_data import sections_of  # noqa: PLC0415  # it knows run configurations, which scripts need not

    command = definition.command[0] if definition.command_is_shell else " ".join(definition.command)
    return {
        "script": definition.script or None,
        "command": command,
        "useAbsolutePath": False,
        "arguments": list(definition.arguments),
        "framework": definition.framework,
        "communicator": definition.communicator,
        "target": definition.target,
        "jobName": None,
        "maxRunDurationSeconds": definition.max_run_duration_seconds,
        "nodeCount": definition.node_count,
        "priority": definition.priority or None,
        "environment": class_of("environment").of_definition(definition.environment).to_plain(),
        "environmentVariables": dict(definition.environment_variables),
        "history": {
            "outputCollection": definition.history.output_collection,
            "directoriesToWatch": list(definition.history.directories_to_watch),
            "snapshotProject": definition.history.snapshot_project,
        },
        **sections_of(definition),
        **{_SERVICE_KEYS.get(name, name): section for name, section in definition.sections.items()},
    }


def _logs(client: Client, run_id: str) -> List[LogFile]:
    return client.get(List[LogFile], f"/runs/{run_id}/logs")


def _address(client: Client, run_id: str, path: str) -> str:
    return f"{client.address.url}{client.prefix}/runs/{run_id}/artifact?{urlencode({'path': path})}"
