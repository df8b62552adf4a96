"""Handing secrets to submitted runs."""

from __future__ import annotations

from litestar import Router, post
from litestar.params import FromPath, JSONBody

from terrazul.server.http import NOT_KEPT, InjectedPrincipal, InjectedServices, InjectedWorkspace, does
from terrazul.server.identity.rules import Action, ObjectType
from terrazul.wire.vault import SecretNames, SecretValue


@post(
    "/runs/{run_id:str}/secrets",
    operation_id="read_secrets_of_run",
    opt=does(Action.RUN_READ_SECRETS, ObjectType.RUN),
    status_code=200,
    response_headers=NOT_KEPT,
)
async def read_secrets_of_run(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    run_id: FromPath[str],
    data: JSONBody[SecretNames],
) -> list[SecretValue]:
    """The values of secrets of the workspace for a run, as whoever submitted it may have them. Each is on record."""
    del run_id  # the guard has seen to it that it is the caller's
    return await services.run_secrets.read(workspace.key, data.names, principal)


router = Router("", route_handlers=[read_secrets_of_run])
