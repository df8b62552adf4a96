"""The HTTP of the key vault."""

from __future__ import annotations

from litestar import Router, delete, get, post
from litestar.params import FromPath, JSONBody

from terrazul.server.http import NOT_KEPT, InjectedPrincipal, InjectedServices, InjectedWorkspace, does
from terrazul.server.identity.rules import Action, ObjectType
from terrazul.wire.vault import (
    NewSecrets,
    Rotation,
    Secret,
    SecretNames,
    SecretValue,
    VaultStatus,
)

_MANAGE = does(Action.VAULT_MANAGE, ObjectType.SERVER)


@get("/", operation_id="list_secrets", opt=does(Action.SECRET_LIST))
async def list_secrets(services: InjectedServices, workspace: InjectedWorkspace) -> list[Secret]:
    """The secrets of the workspace, without their values."""
    return await services.secrets.list_all(workspace.key)


@post("/", operation_id="put_secrets", opt=does(Action.SECRET_WRITE), status_code=200)
async def put_secrets(
    services: InjectedServices, workspace: InjectedWorkspace, principal: InjectedPrincipal, data: JSONBody[NewSecrets]
) -> list[Secret]:
    """Set secrets, all of them or none; one that is there gets the new value."""
    return await services.secrets.put(workspace.key, data.secrets, principal.name)


@post(
    "/values",
    operation_id="read_secrets",
    opt=does(Action.SECRET_READ),
    status_code=200,
    response_headers=NOT_KEPT,
)
async def read_secrets(
    services: InjectedServices, workspace: InjectedWorkspace, data: JSONBody[SecretNames]
) -> list[SecretValue]:
    """The values of those that are there. Each is put on record."""
    return await services.secrets.read(workspace.key, data.names)


@delete("/{secret_name:str}", operation_id="delete_secret", opt=does(Action.SECRET_WRITE))
async def delete_secret(services: InjectedServices, workspace: InjectedWorkspace, secret_name: FromPath[str]) -> None:
    """Remove a secret."""
    await services.secrets.delete(workspace.key, secret_name)


@get("/", operation_id="get_vault", opt=_MANAGE)
async def get_vault(services: InjectedServices) -> VaultStatus:
    """How the vault of the installation stands."""
    return await services.vault.status()


@post("/rotate", operation_id="rotate_master_key", opt=_MANAGE, status_code=200)
async def rotate_master_key(services: InjectedServices) -> Rotation:
    """Make a new master key and bring everything under it; the answer comes when that is done."""
    return await services.vault.rotate()


router = Router("/secrets", route_handlers=[list_secrets, put_secrets, read_secrets, delete_secret])
vault = Router("/keyvault", route_handlers=[get_vault, rotate_master_key])
