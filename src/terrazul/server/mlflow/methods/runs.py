"""MLflow's methods of runs and of the history of metrics."""

from __future__ import annotations

from terrazul.server.identity.rules import Action
from terrazul.server.mlflow import view
from terrazul.server.mlflow.method import Call, method
from terrazul.wire.mlflow.answer import Json
from terrazul.wire.mlflow.message import CreateRun, Histories, History, RunChoice, Search, UpdateRun
from terrazul.wire.mlflow.rules import run_id_of


@method("POST", "runs/create", Action.RUN_WRITE, CreateRun)
async def create_run(call: Call, asked: CreateRun) -> Json:
    """Begin a run."""
    whole = await call.mlflow.runs.create(call.workspace, asked, call.principal)
    return {"run": view.run(whole)}


@method("GET", "runs/get", Action.RUN_READ, RunChoice)
async def get_run_view(call: Call, asked: RunChoice) -> Json:
    """One run with its data, also a deleted one."""
    whole = await call.mlflow.runs.get(call.workspace, run_id_of(asked.run_id, asked.run_uuid), call.principal)
    return {"run": view.run(whole)}


@method("POST", "runs/update", Action.RUN_WRITE, UpdateRun)
async def update_run(call: Call, asked: UpdateRun) -> Json:
    """Change a run's name and state."""
    facts = await call.mlflow.runs.update(call.workspace, asked, call.principal)
    return {"run_info": view.run_info(facts)}


@method("POST", "runs/delete", Action.RUN_DELETE, RunChoice)
async def delete_run(call: Call, asked: RunChoice) -> None:
    """Delete a run softly."""
    await call.mlflow.runs.delete(call.workspace, run_id_of(asked.run_id, asked.run_uuid), call.principal)


@method("POST", "runs/restore", Action.RUN_DELETE, RunChoice)
async def restore_run(call: Call, asked: RunChoice) -> None:
    """Bring a deleted run back."""
    await call.mlflow.runs.restore(call.workspace, run_id_of(asked.run_id, asked.run_uuid), call.principal)


@method("POST", "runs/search", Action.RUN_READ, Search)
async def search_runs(call: Call, asked: Search) -> Json:
    """A page of the runs of some experiments."""
    page = await call.mlflow.runs.search(call.workspace, asked, call.principal)
    return {"runs": [view.run(each) for each in page.runs], "next_page_token": page.next_page}


@method("GET", "metrics/get-history", Action.RUN_READ, History)
async def get_metric_history(call: Call, asked: History) -> Json:
    """The values of a metric of a run."""
    values, following = await call.mlflow.runs.history(call.workspace, asked, call.principal)
    return {"metrics": [view.metric(each) for each in values], "next_page_token": following}


@method("GET", "metrics/get-history-bulk", Action.RUN_READ, Histories)
async def get_metric_histories(call: Call, asked: Histories) -> Json:
    """The values of a metric in several runs."""
    return await _histories(call, History("", "", asked.run_id, asked.metric_key, max_results=asked.max_results))


@method("GET", "metrics/get-history-bulk-interval", Action.RUN_READ, History)
async def get_metric_intervals(call: Call, asked: History) -> Json:
    """The values of a metric in several runs, between two steps."""
    return await _histories(call, asked)


async def _histories(call: Call, asked: History) -> Json:
    found = await call.mlflow.runs.histories(call.workspace, asked, call.principal)
    return {"metrics": [{**view.metric(each), "run_id": run_id} for run_id, each in found]}


methods = [
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
