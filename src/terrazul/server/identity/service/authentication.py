"""Tokens: making them, and finding out who calls, by a token or by a session."""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.errors import AuthenticationException, Forbidden, TerrazulError
from terrazul.core.ids import TOKEN_PREFIX, new_guid
from terrazul.server.identity.names import owner_name
from terrazul.server.identity.roles import BESIDE_FOLDERS, BUILT_IN, OF_WORKSPACES, known_actions_of, on_a_folder
from terrazul.server.identity.rules import (
    IN_THE_WHOLE_WORKSPACE,
    RUN_ACTIONS,
    Action,
    FolderGrant,
    Grant,
    Principal,
)
from terrazul.server.identity.sign_in import Lifetime, is_csrf_token
from terrazul.server.identity.store import role as roles
from terrazul.server.identity.store import session as sessions
from terrazul.server.identity.store import token as tokens
from terrazul.server.identity.store import user as users
from terrazul.server.identity.store.token import NOBODY, TokenRow
from terrazul.server.identity.store.user import UserRow
from terrazul.server.sql.database import Database, after_commit
from terrazul.server.sql.witness import unwatched
from terrazul.wire.identity import UserKind
from terrazul.wire.session import CSRF_HEADER

_log = logging.getLogger(__name__)
_CACHE_LIMIT = 4096
_CACHE_MICROSECONDS = 1_000_000


class Given(NamedTuple):
    """What a request brings along to tell who sends it. A token counts before a session, also where it is wrong."""

    authorization: str = ""
    """The header of that name."""
    session: str = ""
    """The secret in a session's cookie."""
    csrf_token: str = ""
    changes: bool = True
    """Whether its method is one that changes something, and so needs the token of its page beside a cookie."""


class Identities:
    """Who may come in."""

    def __init__(self, database: Database, clock: Clock, lifetime: Lifetime) -> None:
        self._database = database
        self._clock = clock
        self._lifetime = lifetime
        self._cache: dict[str, _Known] = {}
        self._changes = 0

    async def set_owner_token(self, token: str, name: str) -> None:
        """Make this the only token of the server's home; it is that of an administrator of this name."""

        def work(connection: Connection) -> None:
            owner = users.find(connection, owner_name(name))
            if owner is None:
                now = self._clock()
                owner = users.add(connection, UserRow(0, owner_name(name), UserKind.USER, name, True, True, now, name))
            users.change(connection, owner.key, {"is_admin": True, "is_active": True})
            tokens.delete_of_file(connection)
            row = TokenRow(digest_of(token), owner.name, None, None, None, None, self._clock(), None)
            tokens.put(connection, row._replace(token_id=new_guid(), user=owner.key, label=tokens.OWNERS_FILE))

        await self._database.write(work)

    def make_user_token(self, connection: Connection, row: TokenRow) -> str:
        """A token as a row describes it, part of the caller's transaction."""
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        tokens.put(connection, row._replace(digest=digest_of(token)))
        return token

    def make_run_token(
        self,
        connection: Connection,
        name: str,
        workspace: int,
        workspace_id: str,
        run_id: str,
        bounded_by: int | None = None,
    ) -> str:
        """A token for a run, part of the caller's transaction. It lives until ``revoke_run_token``.

        Beside its run it opens no more than the roles of the user ``bounded_by``, where there is one.
        """
        token = secrets.token_urlsafe(32)
        row = TokenRow(digest_of(token), name, workspace, workspace_id, run_id, None, self._clock(), None)
        tokens.put(connection, row._replace(bounded_by=bounded_by))
        return token

    def make_webservice_token(self, connection: Connection, workspace: int, workspace_id: str, name: str) -> str:
        """The one token of a web service's supervisor, part of the caller's transaction; older ones are worthless."""
        tokens.delete_of_webservice(connection, workspace, name)
        token = secrets.token_urlsafe(32)
        who = f"webservice {name}"
        tokens.put(
            connection, TokenRow(digest_of(token), who, workspace, workspace_id, None, name, self._clock(), None)
        )
        return token

    def revoke_webservice_token(self, connection: Connection, workspace: int, name: str) -> None:
        """Make the tokens of a web service worthless (within a second), part of the caller's transaction."""
        tokens.delete_of_webservice(connection, workspace, name)

    def revoke_run_token(self, connection: Connection, workspace: int, run_id: str) -> None:
        """Make the tokens of a run worthless (within a second), part of the caller's transaction."""
        tokens.delete_of_run(connection, workspace, run_id)

    async def authenticate(self, given: Given) -> Principal:
        """Who sends a request. Raises ``AuthenticationException``, or ``Forbidden`` for a change without its token."""
        if given.session and not given.authorization:
            return await self._of_session(given)
        token = _token_of(given.authorization)
        if not token:
            raise AuthenticationException("This address needs a token.", hint="Send `Authorization: Bearer <token>`.")
        digest = digest_of(token)
        known = self._cache.get(digest)
        now = self._clock()
        if known is None or not 0 <= now - known.looked_up_at < _CACHE_MICROSECONDS:
            known = await self._look_up(digest, partial(self._find, digest=digest, now=now))
            if known is None:
                raise AuthenticationException(
                    "The token is not valid.",
                    hint="Use the one in the file `token` of the server's home directory, or one of your own "
                    "(`terrazul token create`); a run's token dies with its run.",
                )
        if known.expires_at is not None and known.expires_at < now:
            raise AuthenticationException("The token has expired.", hint="Get a new one.")
        return known.principal

    async def _of_session(self, given: Given) -> Principal:
        digest, now = digest_of(given.session), self._clock()
        key = f"session {digest}"
        known = self._cache.get(key)
        if known is None or not 0 <= now - known.looked_up_at < _CACHE_MICROSECONDS:
            known = await self._look_up(key, partial(self._find_session, digest=digest, now=now))
        if known is None or known.expires_at is None or known.expires_at < now:
            raise AuthenticationException("The session is over.", hint="Sign in again.")
        if given.changes and not is_csrf_token(given.csrf_token, given.session):
            raise Forbidden(
                f"A change that a browser's session asks for needs the header {CSRF_HEADER}, and it is not right.",
                target=CSRF_HEADER,
                hint="GET /api/v1/sessions/current tells its value.",
            )
        if now - known.seen_at >= self._lifetime.noting:
            await self._note(key, known._replace(seen_at=now), digest)
        return known.principal

    async def _note(self, key: str, known: _Known, digest: str) -> None:
        """Note that a session is in use. Where that cannot be kept, the request goes on."""
        if key in self._cache:
            self._cache[key] = known
        try:
            with unwatched():  # it is no deed of the request
                await self._database.write(partial(sessions.see, digest=digest, seen_at=known.seen_at))
        except TerrazulError as problem:
            _log.warning("The last use of a session could not be noted: %s", problem.message)

    def forget(self, connection: Connection) -> None:
        """Look everybody up anew once the caller's transaction is on disk, for what it changed of tokens or rights.

        Other processes of the server do so within a second.
        """
        after_commit(connection, self._forget_all)

    def end_sessions(self, connection: Connection, *keys: int) -> None:
        """End the sessions of users, and the codes that would open some, part of the caller's transaction.

        Here they open nothing from then on; on other processes of the server within a second.
        """
        for key in keys:
            sessions.delete(connection, sessions.of_user(connection, key))
            sessions.delete_codes_of_user(connection, key)
        self.forget(connection)

    def _forget_all(self) -> None:
        self._changes += 1  # before: what is being looked up at this moment may be of before
        self._cache.clear()

    async def _look_up(self, key: str, find: Callable[[Connection], _Known | None]) -> _Known | None:
        changes = self._changes
        known = await self._database.read(find)
        if known is not None and changes == self._changes:
            if len(self._cache) >= _CACHE_LIMIT:
                self._cache.clear()
            self._cache[key] = known
        return known

    def _find(self, connection: Connection, digest: str, now: int) -> _Known | None:
        row = tokens.find(connection, digest)
        if row is None:
            return None
        if row.user is None:
            principal = Principal(row.name, row.workspace_id, row.run_id, row.webservice)
            if row.bounded_by is not None:
                principal = _bounded_run(connection, principal, row.bounded_by)
            return _Known(principal, row.expires_at, now)
        user = users.find_by_key(connection, row.user)
        if user is None or not user.is_active:
            return None
        principal = Principal(
            user.name,
            row.workspace_id,
            is_admin=user.is_admin,
            grants=grants_of(connection, user.key),
            actions=None if row.actions is None else known_actions_of(row.actions),
            token_id=row.token_id,
            user=user.key,
        )
        return _Known(principal, row.expires_at, now)

    def _find_session(self, connection: Connection, digest: str, now: int) -> _Known | None:
        row = sessions.find(connection, digest)
        user = None if row is None else users.find_by_key(connection, row.user)
        if row is None or user is None or not user.is_active:
            return None
        grants = grants_of(connection, user.key)
        principal = Principal(
            user.name, is_admin=user.is_admin, grants=grants, session_id=row.session_id, user=user.key
        )
        return _Known(principal, self._lifetime.end(row.created_at, row.seen_at), now, row.seen_at)


def grants_of(connection: Connection, user: int) -> dict[str, Grant]:
    """What a user may do, by the id of the workspace."""
    own = {each.name: known_actions_of(each.actions) & OF_WORKSPACES for each in roles.list_all(connection)}
    names: dict[str, dict[str, list[str]]] = {}
    for given in roles.of_user(connection, user):
        names.setdefault(given.workspace_id, {}).setdefault(given.folder, []).append(given.role)
    return {workspace_id: _grant(found, own) for workspace_id, found in names.items()}


def _grant(names: Mapping[str, Sequence[str]], own: Mapping[str, frozenset[Action]]) -> Grant:
    """What roles give together, by the folder on which they are; empty for the workspace."""

    def given(folder: str) -> frozenset[Action]:
        return frozenset[Action]().union(*(_rights(name, own) for name in names.get(folder, ())))

    folders = {each: FolderGrant(tuple(names[each]), on_a_folder(given(each))) for each in names if each}
    return Grant(tuple(names.get("", ())), given("") | (BESIDE_FOLDERS if folders else frozenset()), folders)


def bound_of(connection: Connection, name: str, workspace_id: str) -> int | None:
    """The user of a name, where the runs that it submits are bounded: it has no role that submits runs anywhere.

    ``NOBODY`` for one that is gone; None where nothing bounds them.
    """
    user = users.find(connection, name)
    if user is None or not user.is_active:
        return NOBODY
    grant = grants_of(connection, user.key).get(workspace_id)
    everywhere = user.is_admin or (grant is not None and Action.RUN_SUBMIT in grant.actions)
    return None if everywhere else user.key


def _bounded_run(connection: Connection, run: Principal, user: int) -> Principal:
    """A run with no more rights beside itself than its user has now."""
    row = users.find_by_key(connection, user)
    if row is not None and row.is_active and row.is_admin:
        return run
    workspace_id = str(run.workspace_id)
    grants = grants_of(connection, user) if row is not None and row.is_active else {}
    grant = grants.get(workspace_id, Grant((), frozenset()))
    actions = RUN_ACTIONS - (IN_THE_WHOLE_WORKSPACE - grant.actions)
    return replace(run, grants={workspace_id: grant}, actions=actions, user=user)


def has_right(connection: Connection, name: str, workspace_id: str, action: Action) -> bool:
    """Whether the user of a name may do something in a workspace at this moment."""
    user = users.find(connection, name)
    if user is None or not user.is_active:
        return False
    grant = grants_of(connection, user.key).get(workspace_id)
    return user.is_admin or (grant is not None and action in grant.actions)


def _rights(name: str, own: Mapping[str, frozenset[Action]]) -> frozenset[Action]:
    return BUILT_IN[name].actions if name in BUILT_IN else own.get(name, frozenset())


class _Known(NamedTuple):
    principal: Principal
    expires_at: int | None
    looked_up_at: int
    seen_at: int = 0
    """When the use of a session was noted last."""


def _token_of(authorization: str) -> str:
    """The token of a header: after ``Bearer``, or the password of ``Basic``, for clients that know no other way."""
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(given.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def digest_of(token: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(token.encode()).hexdigest()
