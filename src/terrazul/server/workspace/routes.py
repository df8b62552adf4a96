"""The HTTP of workspaces."""

from __future__ import annotations

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from terrazul.server.http import InjectedPrincipal, InjectedServices, InjectedWorkspace, does
from terrazul.server.identity.rules import Action, ObjectType
from terrazul.wire.workspace import NewWorkspace, Workspace, WorkspaceChange, WorkspaceScope


@get("/", operation_id="list_workspaces", opt=does(Action.WORKSPACE_READ, ObjectType.SERVER))
async def list_workspaces(
    services: InjectedServices,
    principal: InjectedPrincipal,
    subscription_id: FromQuery[str | None] = None,
    resource_group: FromQuery[str | None] = None,
) -> list[Workspace]:
    """All workspaces that the caller may see, by name; those of a subscription and a resource group if given."""
    found = await services.workspaces.list_all(subscription_id, resource_group)
    return [each for each in found if principal.sees(each.workspace_id)]


@post("/", operation_id="create_workspace", opt=does(Action.WORKSPACE_CREATE, ObjectType.SERVER), status_code=200)
async def create_workspace(
    services: InjectedServices, principal: InjectedPrincipal, data: JSONBody[NewWorkspace]
) -> Workspace:
    """Make a workspace."""
    return await services.workspaces.create(data, principal.name)


@post(
    "/resolve", operation_id="resolve_workspace", opt=does(Action.WORKSPACE_RESOLVE, ObjectType.SERVER), status_code=200
)
async def resolve_workspace(
    services: InjectedServices, principal: InjectedPrincipal, data: JSONBody[WorkspaceScope]
) -> Workspace:
    """The workspace that a `config.json` names; the embedded server makes one that it does not know."""
    makes = principal.is_admin and principal.workspace_id is None and principal.actions is None
    return await services.workspaces.resolve(data, principal.name, principal.sees, makes=makes)


@get("/", operation_id="get_workspace", opt=does(Action.WORKSPACE_READ))
async def get_workspace(workspace: InjectedWorkspace) -> Workspace:
    """One workspace."""
    return workspace.workspace


@patch("/", operation_id="change_workspace", opt=does(Action.WORKSPACE_CHANGE))
async def change_workspace(
    services: InjectedServices, workspace_id: FromPath[str], data: JSONBody[WorkspaceChange]
) -> Workspace:
    """Change what describes a workspace."""
    return await services.workspaces.change(workspace_id, data)


@delete("/", operation_id="delete_workspace", opt=does(Action.WORKSPACE_DELETE))
async def delete_workspace(services: InjectedServices, workspace_id: FromPath[str]) -> None:
    """Remove a workspace and everything in it."""
    await services.workspaces.delete(workspace_id)


collection = Router("/workspaces", route_handlers=[list_workspaces, create_workspace, resolve_workspace])
handlers = [get_workspace, change_workspace, delete_workspace]
