"""The HTTP of experiments."""

from __future__ import annotations

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from terrazul.server.http import InjectedPrincipal, InjectedServices, InjectedWorkspace, does
from terrazul.server.identity.rules import Action
from terrazul.wire.experiment import Experiment, ExperimentChange, NewExperiment


@get("/", operation_id="list_experiments", opt=does(Action.EXPERIMENT_READ))
async def list_experiments(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    name: FromQuery[str | None] = None,
    view: FromQuery[str] = "active",
) -> list[Experiment]:
    """Experiments, newest first; `view` is active, archived or all."""
    return await services.experiments.list_all(workspace.key, name, view)


@post("/", operation_id="create_experiment", opt=does(Action.EXPERIMENT_WRITE), status_code=200)
async def create_experiment(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    data: JSONBody[NewExperiment],
) -> Experiment:
    """The experiment of that name; made where there is none."""
    return await services.experiments.create(workspace.key, data, principal.name)


@get("/{experiment_id:str}", operation_id="get_experiment", opt=does(Action.EXPERIMENT_READ))
async def get_experiment(
    services: InjectedServices, workspace: InjectedWorkspace, experiment_id: FromPath[str]
) -> Experiment:
    """One experiment."""
    return await services.experiments.get(workspace.key, experiment_id)


@patch("/{experiment_id:str}", operation_id="change_experiment", opt=does(Action.EXPERIMENT_WRITE))
async def change_experiment(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    experiment_id: FromPath[str],
    data: JSONBody[ExperimentChange],
) -> Experiment:
    """Change what describes an experiment."""
    return await services.experiments.change(workspace.key, experiment_id, data)


@delete("/{experiment_id:str}", operation_id="delete_experiment", opt=does(Action.EXPERIMENT_WRITE))
async def delete_experiment(
    services: InjectedServices, workspace: InjectedWorkspace, experiment_id: FromPath[str]
) -> None:
    """Remove an experiment that has no runs."""
    await services.experiments.delete(workspace.key, experiment_id)


router = Router(
    "/experiments",
    route_handlers=[list_experiments, create_experiment, get_experiment, change_experiment, delete_experiment],
)
