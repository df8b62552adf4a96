"""What one can do with users, groups and tokens."""

from __future__ import annotations

from sqlalchemy import Connection

from terrazul.core.clock import Clock, to_text
from terrazul.core.errors import AlreadyExists, Conflict, Forbidden, InvalidInput, NotFound
from terrazul.core.ids import new_guid
from terrazul.server.blobs import store as contents
from terrazul.server.identity.names import user_name
from terrazul.server.identity.roles import actions_of
from terrazul.server.identity.rules import Principal
from terrazul.server.identity.service.authentication import Identities
from terrazul.server.identity.single_sign_on import is_subject
from terrazul.server.identity.store import password as passwords
from terrazul.server.identity.store import role as roles
from terrazul.server.identity.store import single_sign_on as links
from terrazul.server.identity.store import token as tokens
from terrazul.server.identity.store import user as users
from terrazul.server.identity.store.token import TokenRow
from terrazul.server.identity.store.user import GroupRow, UserRow
from terrazul.server.sql.database import Database
from terrazul.server.sql.witness import removed
from terrazul.server.workspace import store as workspaces
from terrazul.wire.identity import (
    Group,
    GroupChange,
    MadeToken,
    NewGroup,
    NewToken,
    NewUser,
    Token,
    User,
    UserChange,
    UserKind,
)

_MICROSECONDS_PER_DAY = 86_400_000_000
_LONGEST_DAYS = 36_500
_TEXT_LIMIT = 200


class Users:
    """The users of one installation."""

    def __init__(self, database: Database, identities: Identities, clock: Clock, issuer: str = "") -> None:
        self._database = database
        self._identities = identities
        self._clock = clock
        self._issuer = issuer
        """Of the provider of single sign-on; empty where there is none."""

    async def list_all(self) -> list[User]:
        """All users, by name."""

        def work(connection: Connection) -> list[User]:
            return [self._user(connection, row) for row in users.list_all(connection)]

        return await self._database.read(work)

    async def get(self, name: str) -> User:
        """One user. Raises ``NotFound``."""

        def work(connection: Connection) -> User:
            return self._user(connection, find_user(connection, name))

        return await self._database.read(work)

    async def create(self, new: NewUser, principal: Principal) -> User:
        """Make a user, without a token. Raises ``AlreadyExists``."""
        name = user_name(new.name)
        shown = _short(new.display_name, "display_name") or new.name.strip()
        row = UserRow(0, name, new.kind, shown, new.is_admin, True, self._clock(), principal.name)

        def work(connection: Connection) -> User:
            if users.find(connection, name):
                raise AlreadyExists(f"There is a user {name!r} already.", target=name)
            return self._user(connection, users.add(connection, row))

        return await self._database.write(work)

    async def change(self, name: str, change: UserChange) -> User:
        """Change what is known of a user. What this takes away is gone within a second."""
        values = {key: value for key, value in vars(change).items() if value is not None and key != "subject"}
        _short(change.display_name or "", "display_name")

        def work(connection: Connection) -> User:
            row = find_user(connection, name)
            if values:
                users.change(connection, row.key, values)
                self._identities.forget(connection)
            if change.subject is not None:
                self._link(connection, row, change.subject)
            differs = any(name in values and values[name] != getattr(row, name) for name in ("is_admin", "is_active"))
            if differs or change.subject is not None:
                self._identities.end_sessions(connection, row.key)
            _check_administrator(connection)
            return self._user(connection, find_user(connection, name))

        return await self._database.write(work)

    async def delete(self, name: str) -> None:
        """Remove a user with its tokens and roles; what it made stays. Raises ``Conflict`` for the last admin."""

        def work(connection: Connection) -> None:
            row = find_user(connection, name)
            self._identities.end_sessions(connection, row.key)
            passwords.delete(connection, row.key)
            links.delete_links_of(connection, row.key)
            tokens.delete_of_user(connection, row.key)
            contents.forget_sender(connection, row.key)
            roles.withdraw_all(connection, user_key=row.key)
            users.delete(connection, row.key)
            removed(connection, "user", row.name)
            _check_administrator(connection)

        await self._database.write(work)

    async def list_groups(self) -> list[Group]:
        """All groups, by name."""

        def work(connection: Connection) -> list[Group]:
            return [_group(connection, row) for row in users.list_groups(connection)]

        return await self._database.read(work)

    async def get_group(self, name: str) -> Group:
        """One group. Raises ``NotFound``."""

        def work(connection: Connection) -> Group:
            return _group(connection, find_group(connection, name))

        return await self._database.read(work)

    async def create_group(self, new: NewGroup, principal: Principal) -> Group:
        """Make a group. Raises ``AlreadyExists``, and ``NotFound`` for a member that is no user."""
        name = user_name(new.name)
        if new.follows_sign_in and new.members:
            raise InvalidInput(
                "The members of a group that follows the sign-in come by signing in.",
                target="members",
                hint="Name none, or make a group of the usual kind.",
            )

        def work(connection: Connection) -> Group:
            if users.find_group(connection, name):
                raise AlreadyExists(f"There is a group {name!r} already.", target=name)
            row = users.add_group(connection, GroupRow(0, name, self._clock(), principal.name, new.follows_sign_in))
            users.set_members(connection, row.key, _keys(connection, new.members), [])
            return _group(connection, row)

        return await self._database.write(work)

    async def change_group(self, name: str, change: GroupChange) -> Group:
        """Let users come to a group and go, all of them or none.

        Raises ``Conflict`` for a group that follows the sign-in.
        """

        def work(connection: Connection) -> Group:
            row = find_group(connection, name)
            if row.follows_sign_in:
                raise Conflict(
                    f"Who belongs to {row.name} is what the provider says when they sign in.",
                    target=row.name,
                    hint="Change it there, or make a group of the usual kind.",
                )
            gone = _keys(connection, change.remove)
            users.set_members(connection, row.key, _keys(connection, change.add), gone)
            self._identities.end_sessions(connection, *gone)
            return _group(connection, row)

        return await self._database.write(work)

    async def delete_group(self, name: str) -> None:
        """Remove a group with its roles; its members stay users."""

        def work(connection: Connection) -> None:
            row = find_group(connection, name)
            self._identities.end_sessions(connection, *users.keys_of_members(connection, row.key))
            roles.withdraw_all(connection, group_key=row.key)
            users.delete_group(connection, row.key)
            removed(connection, "group", row.name)

        await self._database.write(work)

    async def list_tokens(self, name: str, principal: Principal) -> list[Token]:
        """The tokens of a user, without themselves. Raises ``Forbidden`` for those of others."""
        whose = whose_of(name, principal, "tokens")

        def work(connection: Connection) -> list[Token]:
            row = find_user(connection, whose)
            return [_token(each, row.name) for each in tokens.of_user(connection, row.key)]

        return await self._database.read(work)

    async def make_token(self, new: NewToken, principal: Principal) -> MadeToken:
        """Make a token; only its hash is kept. Raises ``Forbidden`` for somebody else, and for a restricted caller."""
        whose = whose_of(new.user, principal, "tokens")
        if principal.is_restricted:
            raise Forbidden("A token that is restricted makes no other one.", target=principal.name)
        if new.days is not None and not 0 < new.days <= _LONGEST_DAYS:
            raise InvalidInput(
                f"A token cannot live for {new.days} days.", target="days", hint=f"Ask for 1 to {_LONGEST_DAYS}."
            )
        if new.actions is not None:
            actions_of(new.actions)
        now = self._clock()
        expires_at = None if new.days is None else now + new.days * _MICROSECONDS_PER_DAY
        label = _short(new.label, "label")

        def work(connection: Connection) -> MadeToken:
            user = find_user(connection, whose)
            workspace = None if new.workspace_id is None else workspaces.find(connection, new.workspace_id)
            if new.workspace_id is not None and workspace is None:
                raise NotFound(f"There is no workspace with the id {new.workspace_id[:80]!r}.", target="workspace_id")
            row = TokenRow(
                "",
                user.name,
                workspace.key if workspace else None,
                new.workspace_id,
                None,
                None,
                now,
                expires_at,
                new_guid(),
                user.key,
                label,
                new.actions,
            )
            return MadeToken(self._identities.make_user_token(connection, row), _token(row, user.name))

        return await self._database.write(work)

    async def delete_token(self, token_id: str, principal: Principal) -> None:
        """Make a token worthless (within a second). Raises ``NotFound``, also for those of others."""

        def work(connection: Connection) -> None:
            row = tokens.find_by_id(connection, token_id)
            if row is None or (row.name != principal.name and not principal.is_admin):
                raise NotFound(f"There is no token {token_id[:80]!r} of yours.", target=token_id[:80])
            if row.label == tokens.OWNERS_FILE:
                raise Conflict(
                    "This is the token in the server's home.",
                    target=token_id,
                    hint="Remove the file `token` there and start the server anew: it makes another.",
                )
            tokens.delete(connection, row.digest)
            removed(connection, "token", token_id)
            self._identities.forget(connection)

        await self._database.write(work)

    def _link(self, connection: Connection, row: UserRow, subject: str) -> None:
        """Let a user be a subject of the provider, in the place of the one before, or nobody where it is empty."""
        if not self._issuer:
            raise Conflict(
                "Nobody signs in to this server by a provider.",
                target="subject",
                hint="Set one up with --oidc-issuer first.",
            )
        if row.kind is not UserKind.USER:
            raise Conflict(f"{row.name} is a program: it has tokens, and signs in by no provider.", target=row.name)
        links.delete_link(connection, self._issuer, row.key)
        if not subject:
            return
        if not is_subject(subject):
            raise InvalidInput(f"{subject[:80]!r} cannot be what a provider calls somebody.", target="subject")
        if links.user_of(connection, self._issuer, subject) is not None:
            raise AlreadyExists(
                f"Another user is {subject[:80]!r} to the provider.",
                target="subject",
                hint="Take it from that one first, with an empty subject.",
            )
        links.add_link(connection, self._issuer, subject, row.key, self._clock())

    def _user(self, connection: Connection, row: UserRow) -> User:
        return User(
            row.name,
            row.kind,
            row.display_name,
            row.is_admin,
            row.is_active,
            to_text(row.created_at),
            row.created_by,
            users.groups_of(connection, row.key),
            links.subject_of(connection, self._issuer, row.key) is not None,
        )


def whose_of(name: str, principal: Principal, what: str) -> str:
    """Whose things are meant: the caller's where nobody is named. Raises ``Forbidden`` for those of others."""
    whose = user_name(name) if name else principal.name
    if whose != principal.name and not principal.is_admin:
        raise Forbidden(f"Only administrators manage {what} of others.", target=whose)
    return whose


def find_user(connection: Connection, name: str) -> UserRow:
    """The user of a name. Raises ``NotFound``."""
    row = users.find(connection, name.strip().casefold())
    if row is None:
        raise NotFound(
            f"There is no user {name[:80]!r}.", target=name[:80], hint="`terrazul user list` shows who there is."
        )
    return row


def find_group(connection: Connection, name: str) -> GroupRow:
    """The group of a name. Raises ``NotFound``."""
    row = users.find_group(connection, name.strip().casefold())
    if row is None:
        raise NotFound(
            f"There is no group {name[:80]!r}.", target=name[:80], hint="`terrazul group list` shows what there is."
        )
    return row


def _keys(connection: Connection, names: list[str]) -> list[int]:
    return [find_user(connection, name).key for name in names]


def _check_administrator(connection: Connection) -> None:
    if not any(each.is_admin and each.is_active for each in users.list_all(connection)):
        raise Conflict(
            "There must be an active administrator, and this is the last one.",
            hint="Make somebody else an administrator first.",
        )


def _short(text: str, name: str) -> str:
    if len(text) > _TEXT_LIMIT:
        raise InvalidInput(f"The {name} has more than {_TEXT_LIMIT} characters.", target=name)
    return text


def _group(connection: Connection, row: GroupRow) -> Group:
    members = users.members_of(connection, row.key)
    return Group(row.name, members, to_text(row.created_at), row.created_by, row.follows_sign_in)


def _token(row: TokenRow, user: str) -> Token:
    expires_at = None if row.expires_at is None else to_text(row.expires_at)
    return Token(
        row.token_id or "", user, row.label or "", to_text(row.created_at), expires_at, row.workspace_id, row.actions
    )
