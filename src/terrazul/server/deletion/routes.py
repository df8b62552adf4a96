"""The HTTP of deletions."""

from __future__ import annotations

from litestar import Router, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from terrazul.core.ids import new_guid
from terrazul.server.http import InjectedPrincipal, InjectedServices, InjectedWorkspace, does
from terrazul.server.identity.rules import Action, ObjectType
from terrazul.wire.deletion import Deletion, DeletionPreview, NewDeletion, Selection
from terrazul.wire.experiment import Experiment
from terrazul.wire.run import Run


@post(
    "/deletions/preview",
    operation_id="preview_deletion",
    opt=does(Action.DELETION_READ, within_reach=True),
    status_code=200,
)
async def preview_deletion(
    services: InjectedServices, workspace: InjectedWorkspace, principal: InjectedPrincipal, data: JSONBody[Selection]
) -> DeletionPreview:
    """What a deletion would take, what hinders it, and how many bytes the disk would get back."""
    return await services.deletions.preview(workspace.key, data, principal)


@post("/deletions", operation_id="order_deletion", opt=does(Action.DELETION_WRITE, within_reach=True), status_code=200)
async def order_deletion(
    services: InjectedServices, workspace: InjectedWorkspace, principal: InjectedPrincipal, data: JSONBody[NewDeletion]
) -> Deletion:
    """Delete for good; sent twice, it counts once. The names are free at once, the bytes follow."""
    return await services.deletions.order(workspace, data, principal)


@get("/deletions", operation_id="list_deletions", opt=does(Action.DELETION_READ))
async def list_deletions(
    services: InjectedServices, workspace: InjectedWorkspace, limit: FromQuery[int] = 100
) -> list[Deletion]:
    """The last deletions, newest first."""
    return await services.deletions.list_all(workspace.key, limit)


@get("/deletions/{deletion_id:str}", operation_id="get_deletion", opt=does(Action.DELETION_READ, within_reach=True))
async def get_deletion(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    deletion_id: FromPath[str],
    wait: FromQuery[float] = 0,
) -> Deletion:
    """How far a deletion is; waits for its end for so many seconds (at most 30)."""
    return await services.deletions.wait(workspace.key, deletion_id, wait, principal)


@delete("/runs/{run_id:str}", operation_id="delete_run", opt=does(Action.RUN_DELETE, ObjectType.RUN), status_code=200)
async def delete_run(
    services: InjectedServices, workspace: InjectedWorkspace, principal: InjectedPrincipal, run_id: FromPath[str]
) -> Deletion:
    """Delete a run that has ended, and all below it, for good."""
    return await services.deletions.order(workspace, NewDeletion(new_guid(), Selection(run_ids=[run_id])), principal)


@delete(
    "/runs/{run_id:str}/artifacts",
    operation_id="delete_artifacts",
    opt=does(Action.RUN_DELETE, ObjectType.RUN),
    status_code=200,
)
async def delete_artifacts(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    run_id: FromPath[str],
    path: FromQuery[str],
) -> Deletion:
    """Delete a file of a run, or all that lies below a folder, for good."""
    selection = Selection(run_ids=[run_id], path=path)
    return await services.deletions.order(workspace, NewDeletion(new_guid(), selection), principal)


@post(
    "/runs/{run_id:str}/restore",
    operation_id="restore_run",
    opt=does(Action.RUN_RESTORE, ObjectType.RUN),
    status_code=200,
)
async def restore_run(services: InjectedServices, workspace: InjectedWorkspace, run_id: FromPath[str]) -> Run:
    """Bring back a run that was deleted in MLflow's way."""
    return await services.deletions.restore_run(workspace.key, run_id)


@post(
    "/experiments/{experiment_id:str}/restore",
    operation_id="restore_experiment",
    opt=does(Action.EXPERIMENT_WRITE, ObjectType.EXPERIMENT),
    status_code=200,
)
async def restore_experiment(
    services: InjectedServices, workspace: InjectedWorkspace, experiment_id: FromPath[str]
) -> Experiment:
    """Bring back an experiment that was deleted in MLflow's way, with the runs that went with it."""
    return await services.deletions.restore_experiment(workspace.key, experiment_id)


router = Router(
    "/",
    route_handlers=[
        preview_deletion,
        order_deletion,
        list_deletions,
        get_deletion,
        delete_run,
        delete_artifacts,
        restore_run,
        restore_experiment,
    ],
)
