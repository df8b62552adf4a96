"""MLflow's methods for what a run records."""

from __future__ import annotations

from terrazul.server.identity.rules import Action
from terrazul.server.mlflow.method import Call, method
from terrazul.wire.mlflow.message import LogBatch, LogInputs, LogMetric, LogOutputs, RunChoice
from terrazul.wire.mlflow.rules import check_body_size


@method("POST", "runs/log-metric", Action.RUN_WRITE, LogMetric)
async def log_metric(call: Call, asked: LogMetric) -> None:
    """Record one value of a metric."""
    await call.mlflow.recording.log_metric(call.workspace, asked, call.principal)


@method("POST", "runs/log-parameter", Action.RUN_WRITE, RunChoice)
async def log_parameter(call: Call, asked: RunChoice) -> None:
    """Record a parameter, which keeps its value."""
    await call.mlflow.recording.log_parameter(call.workspace, asked, call.principal)


@method("POST", "runs/set-tag", Action.RUN_WRITE, RunChoice)
async def set_run_tag(call: Call, asked: RunChoice) -> None:
    """Set a tag of a run."""
    await call.mlflow.runs.set_tag(call.workspace, asked, call.principal)


@method("POST", "runs/delete-tag", Action.RUN_WRITE, RunChoice)
async def delete_run_tag(call: Call, asked: RunChoice) -> None:
    """Remove a tag of a run."""
    await call.mlflow.runs.delete_tag(call.workspace, asked, call.principal)


@method("POST", "runs/log-inputs", Action.RUN_WRITE, LogInputs)
async def log_inputs(call: Call, asked: LogInputs) -> None:
    """Note the datasets and the logged models that a run reads."""
    await call.mlflow.recording.log_inputs(call.workspace, asked, call.principal)


@method("POST", "runs/outputs", Action.RUN_WRITE, LogOutputs)
async def log_outputs(call: Call, asked: LogOutputs) -> None:
    """Note the logged models that a run made."""
    await call.mlflow.recording.log_outputs(call.workspace, asked, call.principal)


@method("POST", "runs/log-model", Action.RUN_WRITE, RunChoice)
async def log_model_of_run(call: Call, asked: RunChoice) -> None:
    """Note a model among a run's files."""
    await call.mlflow.recording.log_model(call.workspace, asked, call.principal)


@method("POST", "runs/log-batch", Action.RUN_WRITE, LogBatch, check_body_size)
async def log_batch(call: Call, asked: LogBatch) -> None:
    """Record metrics, parameters and tags: all or none."""
    await call.mlflow.recording.log_batch(call.workspace, asked, call.principal)


methods = [
    log_metric,
    log_parameter,
    set_run_tag,
    delete_run_tag,
    log_inputs,
    log_outputs,
    log_model_of_run,
    log_batch,
]
