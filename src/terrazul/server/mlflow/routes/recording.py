"""MLflow's routes for what a run records."""

from __future__ import annotations

from litestar import post

from terrazul.server.http import does
from terrazul.server.identity.rules import Action
from terrazul.server.mlflow.exchange import Answer, AnyRequest, InjectedCall, answer, decode, read
from terrazul.wire.mlflow.message import LogBatch, LogInputs, LogMetric, LogOutputs, RunChoice
from terrazul.wire.mlflow.rules import check_body_size


@post("/runs/log-metric", operation_id="mlflow_log_metric", opt=does(Action.RUN_WRITE), status_code=200)
async def log_metric(call: InjectedCall, request: AnyRequest) -> Answer:
    """Record one value of a metric."""
    await call.mlflow.recording.log_metric(call.workspace, await read(request, LogMetric), call.principal)
    return answer({})


@post("/runs/log-parameter", operation_id="mlflow_log_parameter", opt=does(Action.RUN_WRITE), status_code=200)
async def log_parameter(call: InjectedCall, request: AnyRequest) -> Answer:
    """Record a parameter, which keeps its value."""
    await call.mlflow.recording.log_parameter(call.workspace, await read(request, RunChoice), call.principal)
    return answer({})


@post("/runs/set-tag", operation_id="mlflow_set_run_tag", opt=does(Action.RUN_WRITE), status_code=200)
async def set_run_tag(call: InjectedCall, request: AnyRequest) -> Answer:
    """Set a tag of a run."""
    await call.mlflow.runs.set_tag(call.workspace, await read(request, RunChoice), call.principal)
    return answer({})


@post("/runs/delete-tag", operation_id="mlflow_delete_run_tag", opt=does(Action.RUN_WRITE), status_code=200)
async def delete_run_tag(call: InjectedCall, request: AnyRequest) -> Answer:
    """Remove a tag of a run."""
    await call.mlflow.runs.delete_tag(call.workspace, await read(request, RunChoice), call.principal)
    return answer({})


@post("/runs/log-inputs", operation_id="mlflow_log_inputs", opt=does(Action.RUN_WRITE), status_code=200)
async def log_inputs(call: InjectedCall, request: AnyRequest) -> Answer:
    """Note the datasets and the logged models that a run reads."""
    await call.mlflow.recording.log_inputs(call.workspace, await read(request, LogInputs), call.principal)
    return answer({})


@post("/runs/outputs", operation_id="mlflow_log_outputs", opt=does(Action.RUN_WRITE), status_code=200)
async def log_outputs(call: InjectedCall, request: AnyRequest) -> Answer:
    """Note the logged models that a run made."""
    await call.mlflow.recording.log_outputs(call.workspace, await read(request, LogOutputs), call.principal)
    return answer({})


@post("/runs/log-model", operation_id="mlflow_log_model_of_run", opt=does(Action.RUN_WRITE), status_code=200)
async def log_model_of_run(call: InjectedCall, request: AnyRequest) -> Answer:
    """Note a model among a run's files."""
    await call.mlflow.recording.log_model(call.workspace, await read(request, RunChoice), call.principal)
    return answer({})


@post("/runs/log-batch", operation_id="mlflow_log_batch", opt=does(Action.RUN_WRITE), status_code=200)
async def log_batch(call: InjectedCall, request: AnyRequest) -> Answer:
    """Record metrics, parameters and tags: all or none."""
    body = await request.body()
    check_body_size(len(body))
    await call.mlflow.recording.log_batch(call.workspace, decode(body, LogBatch), call.principal)
    return answer({})


handlers = [
    log_metric,
    log_parameter,
    set_run_tag,
    delete_run_tag,
    log_inputs,
    log_outputs,
    log_model_of_run,
    log_batch,
]
