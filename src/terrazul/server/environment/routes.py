"""The HTTP of environments."""

from __future__ import annotations

from litestar import Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from terrazul.server.http import InjectedPrincipal, InjectedServices, InjectedWorkspace, does
from terrazul.server.identity.rules import Action
from terrazul.wire.environment import Environment, EnvironmentDefinition


@get("/", operation_id="list_environments", opt=does(Action.ENVIRONMENT_READ))
async def list_environments(
    services: InjectedServices, workspace: InjectedWorkspace, name: FromQuery[str | None] = None
) -> list[Environment]:
    """All versions of all environments, newest first; of one name where it is given."""
    return await services.environments.list_all(workspace.key, name)


@post("/", operation_id="register_environment", opt=does(Action.ENVIRONMENT_WRITE), status_code=200)
async def register_environment(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    data: JSONBody[EnvironmentDefinition],
) -> Environment:
    """Register a definition; the same one keeps its version."""
    return await services.environments.register(workspace.key, data, principal.name)


@get("/{name:str}", operation_id="get_environment", opt=does(Action.ENVIRONMENT_READ))
async def get_environment(
    services: InjectedServices, workspace: InjectedWorkspace, name: FromPath[str], version: FromQuery[str | None] = None
) -> Environment:
    """A version of an environment, or the newest one."""
    return await services.environments.get(workspace.key, name, version)


router = Router("/environments", route_handlers=[list_environments, register_environment, get_environment])
