"""What one can do with roles, and with whom a workspace is shared."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from terrazul.core.clock import Clock, to_text
from terrazul.core.errors import AlreadyExists, Conflict, Forbidden, InvalidInput, NotFound
from terrazul.core.ids import check_experiment_name
from terrazul.server.identity.names import role_name
from terrazul.server.identity.roles import BUILT_IN, OF_WORKSPACES, OWNER, actions_of, known_actions_of, on_a_folder
from terrazul.server.identity.rules import Action, Principal
from terrazul.server.identity.service.authentication import Identities
from terrazul.server.identity.service.users import find_group, find_user
from terrazul.server.identity.store import role as roles
from terrazul.server.identity.store import user as users
from terrazul.server.identity.store.role import RoleRow
from terrazul.server.sql.database import Database
from terrazul.server.sql.witness import made, removed
from terrazul.server.workspace.store import WorkspaceRow
from terrazul.wire.identity import NewRole, Role
from terrazul.wire.workspace import Member


class Sharing:
    """Who may do what in which workspace."""

    def __init__(self, database: Database, identities: Identities, clock: Clock) -> None:
        self._database = database
        self._identities = identities
        self._clock = clock

    async def list_roles(self) -> list[Role]:
        """All roles: first those that are always there, the mightiest first, then the installation's own."""
        own = await self._database.read(roles.list_all)
        built_in = [Role(name, about.description, _words(about.actions), True) for name, about in BUILT_IN.items()]
        return built_in + [_role(row) for row in own]

    async def put_role(self, new: NewRole, principal: Principal) -> Role:
        """Make a role, or give one of the installation's own other actions, which counts within a second."""
        name = role_name(new.name)
        _check_own(name)
        actions_of(new.actions)
        beyond = actions_of(each for each in new.actions if "*" not in each) - OF_WORKSPACES
        if beyond:
            raise InvalidInput(
                f"No role can give {', '.join(_words(beyond))}.",
                target=name,
                hint="`terrazul role show Owner` lists all actions that a role can give.",
            )
        row = RoleRow(name, new.description, [*dict.fromkeys(new.actions)], self._clock(), principal.name)

        def work(connection: Connection) -> Role:
            roles.put(connection, row)
            self._identities.forget(connection)
            return _role(row)

        return await self._database.write(work)

    async def delete_role(self, name: str) -> None:
        """Remove a role of the installation's own. Raises ``Conflict`` while somebody has it."""
        _check_own(name)

        def work(connection: Connection) -> None:
            _rights_of(connection, name)
            if roles.is_assigned(connection, name):
                raise Conflict(
                    f"The role {name!r} is given to somebody.", target=name, hint="Take it away from them first."
                )
            roles.delete(connection, name)
            removed(connection, "role", name)

        await self._database.write(work)

    async def members(self, workspace: int) -> list[Member]:
        """With whom a workspace is shared."""

        def work(connection: Connection) -> list[Member]:
            found = roles.of_workspace(connection, workspace)
            return [
                Member(row.role, row.user, row.group, to_text(row.created_at), row.created_by, row.folder)
                for row in found
            ]

        return await self._database.read(work)

    async def share(self, workspace: WorkspaceRow, member: Member, principal: Principal) -> list[Member]:
        """Give somebody a role, which counts within a second; sent twice, it counts once.

        Raises ``Forbidden`` for a role that allows more than the caller may, ``InvalidInput`` for one that gives
        nothing on a folder of experiments.
        """
        if member.folder:
            check_experiment_name(member.folder)

        def work(connection: Connection) -> None:
            rights = _rights_of(connection, member.role)
            if member.folder and not on_a_folder(rights):
                raise InvalidInput(
                    f"{member.role} allows nothing about experiments and runs, so it gives nothing on a folder.",
                    target=member.role,
                    hint="Give it in the workspace, or another one on the folder.",
                )
            beyond = rights - _rights(principal, workspace.workspace.workspace_id)
            if beyond:
                raise Forbidden(
                    f"{member.role} allows more than you may: {', '.join(_words(beyond))}.", target=member.role
                )
            whose = _whose(connection, member)
            about = {"created_at": self._clock(), "created_by": principal.name}
            roles.assign(connection, {**_given(workspace, member), **whose, **about})
            made(connection, "member", _told(member))
            self._identities.forget(connection)

        await self._database.write(work)
        return await self.members(workspace.key)

    async def unshare(self, workspace: WorkspaceRow, member: Member, principal: Principal) -> list[Member]:
        """Take a role away, which counts within a second. Raises ``Conflict`` for one's own as the last owner."""

        def work(connection: Connection) -> None:
            whose = _whose(connection, member)
            if not roles.withdraw(connection, {**_given(workspace, member), **whose}):
                where = f"the folder {member.folder[:80]!r}" if member.folder else "this workspace"
                raise NotFound(
                    f"{member.user or member.group} is not {member.role} in {where}.",
                    target=member.user or member.group,
                    hint="`terrazul workspace members` shows who is what.",
                )
            removed(connection, "member", _told(member))
            self._identities.end_sessions(connection, *_keys_of(connection, whose))
            found = roles.of_workspace(connection, workspace.key)
            owners = [each for each in found if each.role == OWNER and not each.folder]
            if member.role == OWNER and not member.folder and not owners and not principal.is_admin:
                raise Conflict("A workspace needs an owner, and this is the last one.", target=member.user)

        await self._database.write(work)
        return await self.members(workspace.key)

    def welcome(self, connection: Connection, workspace: int, name: str) -> None:
        """Make who makes a workspace its owner, part of the caller's transaction."""
        user = users.find(connection, name)
        if user is not None:
            values: dict[str, Any] = {"workspace": workspace, "user": user.key, "role": OWNER}
            roles.assign(connection, {**values, "created_at": self._clock(), "created_by": name})
            self._identities.forget(connection)


def _told(member: Member) -> str:
    """Who has what, as the activity log tells it."""
    where = f" in {member.folder}" if member.folder else ""
    return f"{member.role}{where}: {member.user or f'group {member.group}'}"


def _given(workspace: WorkspaceRow, member: Member) -> dict[str, Any]:
    """Which role, and where."""
    return {"workspace": workspace.key, "role": member.role, "folder": member.folder}


def _whose(connection: Connection, member: Member) -> dict[str, int]:
    if (member.user is None) == (member.group is None):
        raise InvalidInput("A role belongs to a user or to a group.", target="user", hint="Give one of the two.")
    if member.user is not None:
        return {"user": find_user(connection, member.user).key}
    return {"user_group": find_group(connection, str(member.group)).key}


def _keys_of(connection: Connection, whose: dict[str, int]) -> list[int]:
    """The users whom a role was given to."""
    return [whose["user"]] if "user" in whose else users.keys_of_members(connection, whose["user_group"])


def _rights(principal: Principal, workspace_id: str) -> frozenset[Action]:
    if principal.is_admin:
        return OF_WORKSPACES
    grant = principal.grants.get(workspace_id)
    return grant.actions if grant else frozenset()


def _rights_of(connection: Connection, name: str) -> frozenset[Action]:
    """What a role allows. Raises ``NotFound``."""
    own = None if name in BUILT_IN else roles.find(connection, name)
    if name not in BUILT_IN and own is None:
        known = ", ".join([*BUILT_IN, *(each.name for each in roles.list_all(connection))])
        raise NotFound(f"There is no role {name[:80]!r}.", target=name[:80], hint=f"The roles are: {known}.")
    return BUILT_IN[name].actions if own is None else known_actions_of(own.actions) & OF_WORKSPACES


def _check_own(name: str) -> None:
    if name.casefold() in {each.casefold() for each in BUILT_IN}:
        raise AlreadyExists(
            f"{name} is a role that is always there, and stays as it is.",
            target=name,
            hint="Take another name.",
        )


def _role(row: RoleRow) -> Role:
    return Role(row.name, row.description, _words(known_actions_of(row.actions) & OF_WORKSPACES), built_in=False)


def _words(actions: Any) -> list[str]:
    return sorted(each.value for each in actions)
