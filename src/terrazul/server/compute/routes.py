"""The HTTP of compute targets."""

from __future__ import annotations

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, JSONBody

from terrazul.server.http import InjectedPrincipal, InjectedServices, InjectedWorkspace, does
from terrazul.server.identity.rules import Action
from terrazul.wire.compute import ComputeNode, ComputeSize, ComputeTarget, ComputeTargetChange, NewComputeTarget


@get("/compute-sizes", operation_id="list_compute_sizes", opt=does(Action.COMPUTE_READ))
async def list_compute_sizes(services: InjectedServices, workspace: InjectedWorkspace) -> list[ComputeSize]:  # noqa: ARG001  # the workspace must be there
    """What the nodes of clusters have."""
    return services.computes.sizes()


@get("/", operation_id="list_compute_targets", opt=does(Action.COMPUTE_READ))
async def list_compute_targets(services: InjectedServices, workspace: InjectedWorkspace) -> list[ComputeTarget]:
    """The compute targets of the workspace; `local`, the server's machine, is there without being one of them."""
    return await services.computes.list_all(workspace.key)


@get("/{compute_target_name:str}", operation_id="get_compute_target", opt=does(Action.COMPUTE_READ))
async def get_compute_target(
    services: InjectedServices, workspace: InjectedWorkspace, compute_target_name: FromPath[str]
) -> ComputeTarget:
    """A compute target, with how many nodes it has in which state."""
    return await services.computes.get(workspace.key, compute_target_name)


@post("/", operation_id="create_compute_target", opt=does(Action.COMPUTE_WRITE), status_code=200)
async def create_compute_target(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    data: JSONBody[NewComputeTarget],
) -> ComputeTarget:
    """Make a compute target, or have the one of that name scale so; sent twice, it counts once."""
    return await services.computes.create(workspace.key, data, principal.name)


@patch("/{compute_target_name:str}", operation_id="change_compute_target", opt=does(Action.COMPUTE_WRITE))
async def change_compute_target(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    compute_target_name: FromPath[str],
    data: JSONBody[ComputeTargetChange],
) -> ComputeTarget:
    """Change how a compute target scales, its tags and its description."""
    return await services.computes.change(workspace.key, compute_target_name, data, principal.name)


@delete("/{compute_target_name:str}", operation_id="delete_compute_target", opt=does(Action.COMPUTE_DELETE))
async def delete_compute_target(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    compute_target_name: FromPath[str],
) -> None:
    """Delete a compute target with its nodes. Runs that wait for it fail; 409 while it executes some."""
    await services.computes.delete(workspace.key, compute_target_name, principal)


@get("/{compute_target_name:str}/nodes", operation_id="list_compute_nodes", opt=does(Action.COMPUTE_READ))
async def list_compute_nodes(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    compute_target_name: FromPath[str],
) -> list[ComputeNode]:
    """The nodes of a compute target, by number, with the runs that they execute; a run sees itself only."""
    return await services.computes.nodes(workspace.key, compute_target_name, principal)


router = Router(
    "/computes",
    route_handlers=[
        list_compute_targets,
        create_compute_target,
        get_compute_target,
        change_compute_target,
        delete_compute_target,
        list_compute_nodes,
    ],
)
