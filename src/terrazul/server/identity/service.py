"""Tokens: making them, and finding out who calls."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.errors import AuthenticationException
from terrazul.server.identity import store
from terrazul.server.identity.rules import Principal
from terrazul.server.identity.store import TokenRow
from terrazul.server.sql.database import Database

_CACHE_LIMIT = 4096
_CACHE_MICROSECONDS = 1_000_000


class Identities:
    """Who may come in."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._cache: dict[str, _Known] = {}

    async def set_owner_token(self, token: str, name: str) -> None:
        """Make this the only token of the installation's owner."""
        row = TokenRow(_digest(token), name, None, None, None, None, self._clock(), None)

        def work(connection: Connection) -> None:
            store.delete_owners(connection)
            store.put(connection, row)

        await self._database.write(work)

    def make_run_token(self, connection: Connection, name: str, workspace: int, workspace_id: str, run_id: str) -> str:
        """A token for a run, part of the caller's transaction. It lives until ``revoke_run_token``."""
        token = secrets.token_urlsafe(32)
        row = TokenRow(_digest(token), name, workspace, workspace_id, run_id, None, self._clock(), None)
        store.put(connection, row)
        return token

    def make_webservice_token(self, connection: Connection, workspace: int, workspace_id: str, name: str) -> str:
        """The one token of a web service's supervisor, part of the caller's transaction; older ones are worthless."""
        store.delete_of_webservice(connection, workspace, name)
        token = secrets.token_urlsafe(32)
        who = f"webservice {name}"
        store.put(connection, TokenRow(_digest(token), who, workspace, workspace_id, None, name, self._clock(), None))
        return token

    def revoke_webservice_token(self, connection: Connection, workspace: int, name: str) -> None:
        """Make the tokens of a web service worthless (within a second), part of the caller's transaction."""
        store.delete_of_webservice(connection, workspace, name)

    def revoke_run_token(self, connection: Connection, workspace: int, run_id: str) -> None:
        """Make the tokens of a run worthless (within a second), part of the caller's transaction."""
        store.delete_of_run(connection, workspace, run_id)

    async def authenticate(self, authorization: str | None) -> Principal:
        """Who calls with this ``Authorization`` header. Raises ``AuthenticationException``."""
        token = _token_of(authorization or "")
        if not token:
            raise AuthenticationException("This address needs a token.", hint="Send `Authorization: Bearer <token>`.")
        digest = _digest(token)
        known = self._cache.get(digest)
        now = self._clock()
        if known is None or not 0 <= now - known.looked_up_at < _CACHE_MICROSECONDS:
            known = await self._look_up(digest, now)
        if known.expires_at is not None and known.expires_at < now:
            raise AuthenticationException("The token has expired.", hint="Get a new one.")
        return known.principal

    async def _look_up(self, digest: str, now: int) -> _Known:
        row = await self._database.read(partial(store.find, digest=digest))
        if row is None:
            raise AuthenticationException(
                "The token is not valid.",
                hint="Use the one in the file `token` of the server's home directory; a run's token dies with its run.",
            )
        if len(self._cache) >= _CACHE_LIMIT:
            self._cache.clear()
        known = _Known(Principal(row.name, row.workspace_id, row.run_id, row.webservice), row.expires_at, now)
        self._cache[digest] = known
        return known


class _Known(NamedTuple):
    principal: Principal
    expires_at: int | None
    looked_up_at: int


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


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
