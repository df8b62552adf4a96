"""The HTTP of users, groups, tokens and roles."""

from __future__ import annotations

from collections.abc import Mapping

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from terrazul.server.http import InjectedPrincipal, InjectedServices, InjectedWorkspace, does
from terrazul.server.identity.rules import Action, Grant, ObjectType, Principal
from terrazul.wire.identity import (
    Group,
    GroupChange,
    MadeToken,
    Me,
    NewGroup,
    NewRole,
    NewToken,
    NewUser,
    Role,
    Token,
    User,
    UserChange,
)
from terrazul.wire.workspace import Member

_READ = does(Action.USER_READ, ObjectType.SERVER)
_WRITE = does(Action.USER_WRITE, ObjectType.SERVER)
_TOKENS = does(Action.TOKEN_WRITE, ObjectType.SERVER)


@get("/me", operation_id="get_me", opt=does(Action.SERVER_READ, ObjectType.SERVER))
async def get_me(principal: InjectedPrincipal) -> Me:
    """Whom the caller's token stands for."""
    return Me(
        principal.name,
        principal.is_admin,
        {workspace_id: [*grant.roles] for workspace_id, grant in _grants_of(principal).items() if grant.roles},
        principal.run_id,
        principal.workspace_id,
        None if principal.actions is None else sorted(each.value for each in principal.actions),
        {
            workspace_id: {folder: [*given.roles] for folder, given in grant.folders.items()}
            for workspace_id, grant in _grants_of(principal).items()
            if grant.folders
        },
    )


def _grants_of(principal: Principal) -> Mapping[str, Grant]:
    """The caller's own: a run has none, whoever's bound it."""
    return {} if principal.is_run else principal.grants


@get("/users", operation_id="list_users", opt=_READ)
async def list_users(services: InjectedServices) -> list[User]:
    """All users, by name."""
    return await services.users.list_all()


@post("/users", operation_id="create_user", opt=_WRITE, status_code=200)
async def create_user(services: InjectedServices, principal: InjectedPrincipal, data: JSONBody[NewUser]) -> User:
    """Make a user, without a token."""
    return await services.users.create(data, principal)


@get("/users/{user_name:str}", operation_id="get_user", opt=_READ)
async def get_user(services: InjectedServices, user_name: FromPath[str]) -> User:
    """One user."""
    return await services.users.get(user_name)


@patch("/users/{user_name:str}", operation_id="change_user", opt=_WRITE)
async def change_user(services: InjectedServices, user_name: FromPath[str], data: JSONBody[UserChange]) -> User:
    """Change what is known of a user; what this takes away is gone within a second."""
    return await services.users.change(user_name, data)


@delete("/users/{user_name:str}", operation_id="delete_user", opt=_WRITE)
async def delete_user(services: InjectedServices, user_name: FromPath[str]) -> None:
    """Remove a user with its tokens and roles; what it made stays."""
    await services.users.delete(user_name)


@get("/groups", operation_id="list_groups", opt=_READ)
async def list_groups(services: InjectedServices) -> list[Group]:
    """All groups, by name."""
    return await services.users.list_groups()


@post("/groups", operation_id="create_group", opt=_WRITE, status_code=200)
async def create_group(services: InjectedServices, principal: InjectedPrincipal, data: JSONBody[NewGroup]) -> Group:
    """Make a group."""
    return await services.users.create_group(data, principal)


@get("/groups/{group_name:str}", operation_id="get_group", opt=_READ)
async def get_group(services: InjectedServices, group_name: FromPath[str]) -> Group:
    """One group."""
    return await services.users.get_group(group_name)


@patch("/groups/{group_name:str}", operation_id="change_group", opt=_WRITE)
async def change_group(services: InjectedServices, group_name: FromPath[str], data: JSONBody[GroupChange]) -> Group:
    """Let users come to a group and go, all of them or none."""
    return await services.users.change_group(group_name, data)


@delete("/groups/{group_name:str}", operation_id="delete_group", opt=_WRITE)
async def delete_group(services: InjectedServices, group_name: FromPath[str]) -> None:
    """Remove a group with its roles; its members stay users."""
    await services.users.delete_group(group_name)


@get("/tokens", operation_id="list_tokens", opt=_TOKENS)
async def list_tokens(
    services: InjectedServices, principal: InjectedPrincipal, user: FromQuery[str] = ""
) -> list[Token]:
    """The caller's tokens, or an administrator's look at those of a user: what they are for, not themselves."""
    return await services.users.list_tokens(user, principal)


@post("/tokens", operation_id="make_token", opt=_TOKENS, status_code=200)
async def make_token(services: InjectedServices, principal: InjectedPrincipal, data: JSONBody[NewToken]) -> MadeToken:
    """Make a token. The answer is the only time that it is told."""
    return await services.users.make_token(data, principal)


@delete("/tokens/{token_id:str}", operation_id="delete_token", opt=_TOKENS)
async def delete_token(services: InjectedServices, principal: InjectedPrincipal, token_id: FromPath[str]) -> None:
    """Make a token worthless within a second."""
    await services.users.delete_token(token_id, principal)


@get("/roles", operation_id="list_roles", opt=_READ)
async def list_roles(services: InjectedServices) -> list[Role]:
    """All roles: first those that are always there, the mightiest first, then the installation's own."""
    return await services.sharing.list_roles()


@post("/roles", operation_id="put_role", opt=_WRITE, status_code=200)
async def put_role(services: InjectedServices, principal: InjectedPrincipal, data: JSONBody[NewRole]) -> Role:
    """Make a role, or give one of the installation's own other actions."""
    return await services.sharing.put_role(data, principal)


@delete("/roles/{role_name:str}", operation_id="delete_role", opt=_WRITE)
async def delete_role(services: InjectedServices, role_name: FromPath[str]) -> None:
    """Remove a role of the installation's own that nobody has."""
    await services.sharing.delete_role(role_name)


@get("/", operation_id="list_members", opt=does(Action.MEMBER_READ))
async def list_members(services: InjectedServices, workspace: InjectedWorkspace) -> list[Member]:
    """With whom the workspace is shared."""
    return await services.sharing.members(workspace.key)


@post("/", operation_id="share_workspace", opt=does(Action.MEMBER_WRITE), status_code=200)
async def share_workspace(
    services: InjectedServices, workspace: InjectedWorkspace, principal: InjectedPrincipal, data: JSONBody[Member]
) -> list[Member]:
    """Give somebody a role; sent twice, it counts once."""
    return await services.sharing.share(workspace, data, principal)


@post("/remove", operation_id="unshare_workspace", opt=does(Action.MEMBER_WRITE), status_code=200)
async def unshare_workspace(
    services: InjectedServices, workspace: InjectedWorkspace, principal: InjectedPrincipal, data: JSONBody[Member]
) -> list[Member]:
    """Take a role away, which counts within a second."""
    return await services.sharing.unshare(workspace, data, principal)


handlers = [
    get_me,
    list_users,
    create_user,
    get_user,
    change_user,
    delete_user,
    list_groups,
    create_group,
    get_group,
    change_group,
    delete_group,
    list_tokens,
    make_token,
    delete_token,
    list_roles,
    put_role,
    delete_role,
]
members = Router("/members", route_handlers=[list_members, share_workspace, unshare_workspace])
