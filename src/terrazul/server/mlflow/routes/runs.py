"""MLflow's routes of runs and of the history of metrics."""

from __future__ import annotations

from dataclasses import replace

from litestar import get, post

from terrazul.server.http import does
from terrazul.server.identity.rules import Action
from terrazul.server.mlflow import view
from terrazul.server.mlflow.exchange import Answer, AnyRequest, InjectedCall, answer, read, read_query
from terrazul.wire.mlflow.message import CreateRun, History, RunChoice, Search, UpdateRun
from terrazul.wire.mlflow.rules import run_id_of


@post("/runs/create", operation_id="mlflow_create_run", opt=does(Action.RUN_WRITE), status_code=200)
async def create_run(call: InjectedCall, request: AnyRequest) -> Answer:
    """Begin a run."""
    whole = await call.mlflow.runs.create(call.workspace, await read(request, CreateRun), call.principal)
    return answer({"run": view.run(whole)})


@get("/runs/get", operation_id="mlflow_get_run_view", opt=does(Action.RUN_READ))
async def get_run_view(call: InjectedCall, request: AnyRequest) -> Answer:
    """One run with its data, also a deleted one."""
    asked = read_query(request, RunChoice)
    whole = await call.mlflow.runs.get(call.workspace, run_id_of(asked.run_id, asked.run_uuid), call.principal)
    return answer({"run": view.run(whole)})


@post("/runs/update", operation_id="mlflow_update_run", opt=does(Action.RUN_WRITE), status_code=200)
async def update_run(call: InjectedCall, request: AnyRequest) -> Answer:
    """Change a run's name and state."""
    whole = await call.mlflow.runs.update(call.workspace, await read(request, UpdateRun), call.principal)
    return answer({"run_info": view.run_info(whole.facts)})


@post("/runs/delete", operation_id="mlflow_delete_run", opt=does(Action.RUN_DELETE), status_code=200)
async def delete_run(call: InjectedCall, request: AnyRequest) -> Answer:
    """Delete a run softly."""
    asked = await read(request, RunChoice)
    await call.mlflow.runs.delete(call.workspace, run_id_of(asked.run_id, asked.run_uuid), call.principal)
    return answer({})


@post("/runs/restore", operation_id="mlflow_restore_run", opt=does(Action.RUN_DELETE), status_code=200)
async def restore_run(call: InjectedCall, request: AnyRequest) -> Answer:
    """Bring a deleted run back."""
    asked = await read(request, RunChoice)
    await call.mlflow.runs.restore(call.workspace, run_id_of(asked.run_id, asked.run_uuid), call.principal)
    return answer({})


@post("/runs/search", operation_id="mlflow_search_runs", opt=does(Action.RUN_READ), status_code=200)
async def search_runs(call: InjectedCall, request: AnyRequest) -> Answer:
    """A page of the runs of some experiments."""
    page = await call.mlflow.runs.search(call.workspace, await read(request, Search), call.principal)
    return answer({"runs": [view.run(each) for each in page.runs], "next_page_token": page.next_page})


@get("/metrics/get-history", operation_id="mlflow_get_metric_history", opt=does(Action.RUN_READ))
async def get_metric_history(call: InjectedCall, request: AnyRequest) -> Answer:
    """The values of a metric of a run."""
    values, following = await call.mlflow.runs.history(call.workspace, read_query(request, History), call.principal)
    return answer({"metrics": [view.metric(each) for each in values], "next_page_token": following})


@get("/metrics/get-history-bulk", operation_id="mlflow_get_metric_histories", opt=does(Action.RUN_READ))
async def get_metric_histories(call: InjectedCall, request: AnyRequest) -> Answer:
    """The values of a metric in several runs."""
    found = await call.mlflow.runs.histories(
        call.workspace, _of_one(request, read_query(request, History)), call.principal
    )
    return answer({"metrics": [{**view.metric(each), "run_id": run_id} for run_id, each in found]})


@get("/metrics/get-history-bulk-interval", operation_id="mlflow_get_metric_intervals", opt=does(Action.RUN_READ))
async def get_metric_intervals(call: InjectedCall, request: AnyRequest) -> Answer:
    """The values of a metric in several runs, between two steps."""
    found = await call.mlflow.runs.histories(call.workspace, read_query(request, History), call.principal)
    return answer({"metrics": [{**view.metric(each), "run_id": run_id} for run_id, each in found]})


def _of_one(request: AnyRequest, asked: History) -> History:
    """This route names its runs `run_id`, several times."""
    return replace(asked, run_ids=request.query_params.getall("run_id", []))


handlers = [
    create_run,
    get_run_view,
    update_run,
    delete_run,
    restore_run,
    search_runs,
    get_metric_history,
    get_metric_histories,
    get_metric_intervals,
]
