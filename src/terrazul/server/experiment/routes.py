"""The HTTP of experiments."""

from __future__ import annotations

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from terrazul.core.ids import new_guid
from terrazul.server.http import InjectedPrincipal, InjectedServices, InjectedWorkspace, does
from terrazul.server.identity.rules import Action, ObjectType, Principal
from terrazul.server.services import Services
from terrazul.wire.deletion import NewDeletion, Selection
from terrazul.wire.experiment import Experiment, ExperimentChange, ExperimentFolder, NewExperiment


@get("/", operation_id="list_experiments", opt=does(Action.EXPERIMENT_READ, within_reach=True))
async def list_experiments(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    name: FromQuery[str | None] = None,
    view: FromQuery[str] = "active",
    folder: FromQuery[str | None] = None,
) -> list[Experiment]:
    """Experiments, newest first; `view` is active, archived, all or deleted. A run sees its own.

    With a `folder` only those whose names begin with it and `/`.
    """
    found = await services.experiments.list_all(workspace.key, name, view, folder, principal)
    own = await _own(services, workspace.key, principal)
    return [each for each in found if own in {None, each.experiment_id}]


@get("/", operation_id="list_experiment_folders", opt=does(Action.EXPERIMENT_READ, within_reach=True))
async def list_experiment_folders(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    folder: FromQuery[str] = "",
    view: FromQuery[str] = "active",
) -> list[ExperimentFolder]:
    """The folders that the names of experiments make, one level below a folder or at the first level."""
    own = await _own(services, workspace.key, principal)
    return await services.experiments.folders(workspace.key, folder, view, principal, own)


async def _own(services: Services, workspace: int, principal: Principal) -> str | None:
    """The one experiment that a run sees; None for who sees all."""
    if principal.run_id is None:
        return None
    return (await services.runs.get(workspace, principal.run_id)).experiment_id


@post("/", operation_id="create_experiment", opt=does(Action.EXPERIMENT_WRITE, within_reach=True), status_code=200)
async def create_experiment(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    data: JSONBody[NewExperiment],
) -> Experiment:
    """The experiment of that name; made where there is none."""
    return await services.experiments.create(workspace.key, data, principal)


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
    principal: InjectedPrincipal,
    experiment_id: FromPath[str],
    data: JSONBody[ExperimentChange],
) -> Experiment:
    """Change what describes an experiment."""
    return await services.experiments.change(workspace.key, experiment_id, data, principal)


@delete(
    "/{experiment_id:str}", operation_id="delete_experiment", opt=does(Action.DELETION_WRITE, ObjectType.EXPERIMENT)
)
async def delete_experiment(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    experiment_id: FromPath[str],
    with_runs: FromQuery[bool] = False,
) -> None:
    """Delete an experiment for good: one that has no runs, or with all its runs."""
    new = NewDeletion(new_guid(), Selection(experiment_ids=[experiment_id]))
    await services.deletions.order(workspace, new, principal, with_runs=with_runs)


router = Router(
    "/experiments",
    route_handlers=[list_experiments, create_experiment, get_experiment, change_experiment, delete_experiment],
)
folders = Router("/experiment-folders", route_handlers=[list_experiment_folders])
