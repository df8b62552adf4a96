"""The HTTP of experiments."""

from __future__ import annotations

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from terrazul.server.http import InjectedPrincipal, InjectedServices, InjectedWorkspace, does
from terrazul.server.identity.rules import Action, ObjectType
from terrazul.wire.experiment import Experiment, ExperimentChange, NewExperiment


@get("/", operation_id="list_experiments", opt=does(Action.EXPERIMENT_READ))
async def list_experiments(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    name: FromQuery[str | None] = None,
    view: FromQuery[str] = "active",
) -> list[Experiment]:
    """Experiments, newest first; `view` is active, archived or all. A run sees its own."""
    found = await services.experiments.list_all(workspace.key, name, view)
    if principal.run_id is None:
        return found
    own = (await services.runs.get(workspace.key, principal.run_id)).experiment_id
    return [each for each in found if each.experiment_id == own]


@post("/", operation_id="create_experiment", opt=does(Action.EXPERIMENT_WRITE), status_code=200)
async def create_experiment(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    data: JSONBody[NewExperiment],
) -> Experiment:
    """The experiment of that name; made where there is none."""
    return await services.experiments.create(workspace.key, data, principal.name)


@get("/{experiment_id:str}", operation_id="get_experiment", opt=does(Action.EXPERIMENT_READ, ObjectType.EXPERIMENT))
async def get_experiment(
    services: InjectedServices, workspace: InjectedWorkspace, experiment_id: FromPath[str]
) -> Experiment:
    """One experiment."""
    return await services.experiments.get(workspace.key, experiment_id)


@patch(
    "/{experiment_id:str}", operation_id="change_experiment", opt=does(Action.EXPERIMENT_WRITE, ObjectType.EXPERIMENT)
)
async def change_experiment(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    experiment_id: FromPath[str],
    data: JSONBody[ExperimentChange],
) -> Experiment:
    """Change what describes an experiment."""
    return await services.experiments.change(workspace.key, experiment_id, data)


@delete(
    "/{experiment_id:str}", operation_id="delete_experiment", opt=does(Action.EXPERIMENT_WRITE, ObjectType.EXPERIMENT)
)
async def delete_experiment(
    services: InjectedServices, workspace: InjectedWorkspace, experiment_id: FromPath[str]
) -> None:
    """Remove an experiment that has no runs."""
    await services.experiments.delete(workspace.key, experiment_id)


router = Router(
    "/experiments",
    route_handlers=[list_experiments, create_experiment, get_experiment, change_experiment, delete_experiment],
)
