"""Which datasets a run reads and makes."""

from __future__ import annotations

from litestar import Router, get, post
from litestar.params import FromPath, JSONBody

from terrazul.server.http import InjectedPrincipal, InjectedServices, InjectedWorkspace, does
from terrazul.server.identity.rules import Action, ObjectType
from terrazul.wire.lineage import DatasetUse, Edge


@get("/runs/{run_id:str}/datasets", operation_id="list_datasets_of_run", opt=does(Action.RUN_READ, ObjectType.RUN))
async def list_datasets_of_run(
    services: InjectedServices, workspace: InjectedWorkspace, run_id: FromPath[str]
) -> list[DatasetUse]:
    """The datasets that a run read or made, with the names of its inputs and outputs."""
    return await services.run_datasets.uses(workspace.key, run_id)


@post(
    "/runs/{run_id:str}/datasets",
    operation_id="note_dataset_of_run",
    opt=does(Action.RUN_WRITE, ObjectType.RUN),
    status_code=200,
)
async def note_dataset_of_run(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    run_id: FromPath[str],
    data: JSONBody[DatasetUse],
) -> DatasetUse:
    """Note that a run read or made a dataset; told twice it counts once."""
    return await services.run_datasets.note(workspace.key, run_id, data, principal)


@get("/runs/{run_id:str}/lineage", operation_id="get_run_lineage", opt=does(Action.LINEAGE_READ, ObjectType.RUN))
async def get_run_lineage(
    services: InjectedServices, workspace: InjectedWorkspace, run_id: FromPath[str]
) -> list[Edge]:
    """What a run was made with, and what came of it."""
    return await services.run_datasets.of_run(workspace.key, run_id)


@get("/datasets/{dataset_id:str}/lineage", operation_id="get_dataset_lineage", opt=does(Action.LINEAGE_READ))
async def get_dataset_lineage(
    services: InjectedServices, workspace: InjectedWorkspace, dataset_id: FromPath[str]
) -> list[Edge]:
    """What a dataset was made with, what uses it, and what came of the runs that read it."""
    return await services.run_datasets.of_dataset(workspace.key, dataset_id)


router = Router("", route_handlers=[list_datasets_of_run, note_dataset_of_run, get_run_lineage, get_dataset_lineage])
