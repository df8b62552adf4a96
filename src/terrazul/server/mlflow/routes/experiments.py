"""MLflow's routes of experiments."""

from __future__ import annotations

from litestar import get, post

from terrazul.server.http import does
from terrazul.server.identity.rules import Action
from terrazul.server.mlflow import view
from terrazul.server.mlflow.exchange import Answer, AnyRequest, Call, InjectedCall, answer, read, read_query
from terrazul.wire.mlflow.message import CreateExperiment, ExperimentChoice, Search


@post(
    "/experiments/create",
    operation_id="mlflow_create_experiment",
    opt=does(Action.EXPERIMENT_WRITE),
    status_code=200,
)
async def create_experiment(call: InjectedCall, request: AnyRequest) -> Answer:
    """Make an experiment."""
    number = await call.mlflow.experiments.create(call.workspace, await read(request, CreateExperiment), call.principal)
    return answer({"experiment_id": str(number)})


@get("/experiments/get", operation_id="mlflow_get_experiment", opt=does(Action.EXPERIMENT_READ))
async def get_experiment(call: InjectedCall, request: AnyRequest) -> Answer:
    """One experiment, also a deleted one."""
    asked = read_query(request, ExperimentChoice)
    return answer(
        {
            "experiment": view.experiment(
                await call.mlflow.experiments.get(call.workspace, asked.experiment_id, call.principal)
            )
        }
    )


@get("/experiments/get-by-name", operation_id="mlflow_get_experiment_by_name", opt=does(Action.EXPERIMENT_READ))
async def get_experiment_by_name(call: InjectedCall, request: AnyRequest) -> Answer:
    """The experiment of a name, also a deleted one."""
    asked = read_query(request, ExperimentChoice)
    found = await call.mlflow.experiments.get_by_name(call.workspace, asked.experiment_name, call.principal)
    return answer({"experiment": view.experiment(found)})


@post(
    "/experiments/search", operation_id="mlflow_search_experiments", opt=does(Action.EXPERIMENT_READ), status_code=200
)
async def search_experiments(call: InjectedCall, request: AnyRequest) -> Answer:
    """A page of experiments."""
    return await _search(call, await read(request, Search))


@get("/experiments/search", operation_id="mlflow_find_experiments", opt=does(Action.EXPERIMENT_READ))
async def find_experiments(call: InjectedCall, request: AnyRequest) -> Answer:
    """A page of experiments."""
    return await _search(call, read_query(request, Search))


async def _search(call: Call, asked: Search) -> Answer:
    page = await call.mlflow.experiments.search(call.workspace, asked, call.principal)
    return answer({"experiments": [view.experiment(each) for each in page.things], "next_page_token": page.following})


@post(
    "/experiments/update",
    operation_id="mlflow_update_experiment",
    opt=does(Action.EXPERIMENT_WRITE),
    status_code=200,
)
async def update_experiment(call: InjectedCall, request: AnyRequest) -> Answer:
    """Rename an experiment."""
    await call.mlflow.experiments.rename(call.workspace, await read(request, ExperimentChoice), call.principal)
    return answer({})


@post(
    "/experiments/delete",
    operation_id="mlflow_delete_experiment",
    opt=does(Action.EXPERIMENT_WRITE),
    status_code=200,
)
async def delete_experiment(call: InjectedCall, request: AnyRequest) -> Answer:
    """Delete an experiment and its runs softly."""
    asked = await read(request, ExperimentChoice)
    await call.mlflow.experiments.delete(call.workspace, asked.experiment_id, call.principal)
    return answer({})


@post(
    "/experiments/restore",
    operation_id="mlflow_restore_experiment",
    opt=does(Action.EXPERIMENT_WRITE),
    status_code=200,
)
async def restore_experiment(call: InjectedCall, request: AnyRequest) -> Answer:
    """Bring a deleted experiment back."""
    asked = await read(request, ExperimentChoice)
    await call.mlflow.experiments.restore(call.workspace, asked.experiment_id, call.principal)
    return answer({})


@post(
    "/experiments/set-experiment-tag",
    operation_id="mlflow_set_experiment_tag",
    opt=does(Action.EXPERIMENT_WRITE),
    status_code=200,
)
async def set_experiment_tag(call: InjectedCall, request: AnyRequest) -> Answer:
    """Set a tag of an experiment."""
    await call.mlflow.experiments.set_tag(call.workspace, await read(request, ExperimentChoice), call.principal)
    return answer({})


@post(
    "/experiments/delete-experiment-tag",
    operation_id="mlflow_delete_experiment_tag",
    opt=does(Action.EXPERIMENT_WRITE),
    status_code=200,
)
async def delete_experiment_tag(call: InjectedCall, request: AnyRequest) -> Answer:
    """Remove a tag of an experiment."""
    await call.mlflow.experiments.delete_tag(call.workspace, await read(request, ExperimentChoice), call.principal)
    return answer({})


handlers = [
    create_experiment,
    get_experiment,
    get_experiment_by_name,
    search_experiments,
    find_experiments,
    update_experiment,
    delete_experiment,
    restore_experiment,
    set_experiment_tag,
    delete_experiment_tag,
]
