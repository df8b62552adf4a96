"""Sessions: opening them by password, by a code or by a provider, listing them, ending them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection

from terrazul.core.clock import Clock, to_text
from terrazul.core.errors import AuthenticationException, Forbidden, InvalidInput, NotFound, TooManyAttempts
from terrazul.core.ids import new_guid
from terrazul.server.identity.names import user_name
from terrazul.server.identity.rules import Principal
from terrazul.server.identity.service.authentication import Identities, digest_of
from terrazul.server.identity.service.passwords import Hashes
from terrazul.server.identity.service.users import find_user, whose_of
from terrazul.server.identity.sign_in import (
    CODE_LIFETIME,
    REMEMBERED,
    SECOND,
    Attempts,
    Lifetime,
    attempts_from,
    attempts_of_name,
    csrf_token_of,
)
from terrazul.server.identity.store import password as passwords
from terrazul.server.identity.store import session as sessions
from terrazul.server.identity.store import single_sign_on as links
from terrazul.server.identity.store import user as users
from terrazul.server.identity.store.password import AttemptRow
from terrazul.server.identity.store.session import SessionRow
from terrazul.server.identity.store.user import UserRow
from terrazul.server.sql.database import Database
from terrazul.server.sql.witness import unwatched
from terrazul.wire.session import NewSession, Session, SignedIn, SignInCode

NOTHING_GIVEN = "This address needs a name and a password, or a code."
_WRONG = "The name or the password is not right."
_WRONG_CODE = "The code is not valid: it signs in once, and within a minute."


class Known(NamedTuple):
    """Somebody who has shown who they are, and how."""

    name: str
    method: str
    password_hash: str | None = None
    """What they were measured by; a session is opened only while it is so."""
    code: str = ""
    link: tuple[str, str] | None = None
    """The issuer and the subject by which the provider of single sign-on knows them."""
    attempts: tuple[Attempts, ...] = ()
    """Where this attempt was counted."""


class Opened(NamedTuple):
    """A new session, and the secret that its cookie carries."""

    secret: str
    signed_in: SignedIn


class Sessions:
    """The sessions of one installation."""

    def __init__(
        self, database: Database, identities: Identities, hashes: Hashes, lifetime: Lifetime, clock: Clock
    ) -> None:
        self._database = database
        self._identities = identities
        self._hashes = hashes
        self._lifetime = lifetime
        self._clock = clock

    async def recognise(self, new: NewSession, address: str, tell: Callable[[str], None]) -> Known:
        """Who wants to sign in; ``tell`` is told the name where there is such a user, also before it is refused.

        Raises ``AuthenticationException`` alike for every reason, and ``TooManyAttempts`` where one has to wait.
        """
        if new.code:
            return await self._recognise_code(new.code, tell)
        if not (new.name and new.password):
            raise AuthenticationException(NOTHING_GIVEN)
        attempts = (attempts_from(address), attempts_of_name(_folded(new.name)))
        with unwatched():  # what is counted is no deed of who asks
            await self._database.write(lambda connection: self._count(connection, attempts))
        name, hashed = await self._database.read(lambda connection: _password_of(connection, new.name))
        if name:
            tell(name)
        if not await self._hashes.fits(hashed, new.password):
            raise AuthenticationException(_WRONG, hint="Correct them; an administrator can set another password.")
        return Known(name, "password", hashed, attempts=attempts)

    async def open(self, known: Known, address: str, instead_of: str = "") -> Opened:
        """Open a session, in the place of the one of a hash, which the caller had before."""
        secret = secrets.token_urlsafe(32)
        now = self._clock()

        def work(connection: Connection) -> Opened:
            user = self._confirmed(connection, known, now)
            row = SessionRow(digest_of(secret), new_guid(), user.key, known.method, address, now, now)
            lifetime = self._lifetime
            sessions.delete_older(connection, now - lifetime.most, now - lifetime.idle)
            before = sessions.find(connection, instead_of) if instead_of else None
            if before is not None:
                sessions.delete(connection, [before])
                self._identities.forget(connection)
            sessions.add(connection, row)
            return Opened(secret, SignedIn(self._told(row, user.name, row.session_id), csrf_token_of(secret)))

        return await self._database.write(work)

    async def current(self, principal: Principal, secret: str) -> SignedIn:
        """The session by which the caller comes. Raises ``NotFound`` for who comes by a token."""

        def work(connection: Connection) -> SignedIn:
            row = sessions.find_by_id(connection, principal.session_id or "")
            if row is None:
                raise _by_no_session()
            return SignedIn(self._told(row, principal.name, row.session_id), csrf_token_of(secret))

        return await self._database.read(work)

    async def list_all(self, name: str, principal: Principal) -> list[Session]:
        """The open sessions of a user. Raises ``Forbidden`` for those of others."""
        whose = whose_of(name, principal, "sessions")
        now = self._clock()

        def work(connection: Connection) -> list[Session]:
            user = find_user(connection, whose)
            rows = sessions.of_user(connection, user.key)
            open_ones = [row for row in rows if self._lifetime.end(row.created_at, row.seen_at) >= now]
            return [self._told(row, user.name, principal.session_id) for row in open_ones]

        return await self._database.read(work)

    async def end(self, session_id: str, principal: Principal) -> None:
        """End a session at once. Raises ``NotFound``, also for those of others."""

        def work(connection: Connection) -> None:
            row = sessions.find_by_id(connection, session_id)
            user = None if row is None else users.find_by_key(connection, row.user)
            if row is None or user is None or (user.name != principal.name and not principal.is_admin):
                raise NotFound(f"There is no session {session_id[:80]!r} of yours.", target=session_id[:80])
            sessions.delete(connection, [row])
            self._identities.forget(connection)

        await self._database.write(work)

    async def end_current(self, principal: Principal) -> None:
        """End the session by which the caller comes. Raises ``NotFound`` for who comes by a token."""
        if principal.session_id is None:
            raise _by_no_session()
        await self.end(principal.session_id, principal)

    async def end_all(self, name: str, principal: Principal) -> None:
        """End all sessions of a user, the caller's own too. Raises ``Forbidden`` for those of others."""
        whose = whose_of(name, principal, "sessions")
        await self._database.write(
            lambda connection: self._identities.end_sessions(connection, find_user(connection, whose).key)
        )

    async def make_code(self, principal: Principal) -> SignInCode:
        """A code that signs the caller in once, within a minute. Raises ``Forbidden`` for a restricted token."""
        if principal.is_restricted:
            raise Forbidden("A token that is restricted makes no code.", target=principal.name)
        code = secrets.token_urlsafe(32)
        expires_at = self._clock() + CODE_LIFETIME

        def work(connection: Connection) -> SignInCode:
            sessions.add_code(connection, digest_of(code), find_user(connection, principal.name).key, expires_at)
            return SignInCode(code, to_text(expires_at))

        return await self._database.write(work)

    async def _recognise_code(self, code: str, tell: Callable[[str], None]) -> Known:
        user = await self._database.read(
            lambda connection: sessions.user_of_code(connection, digest_of(code), self._clock())
        )
        found = None if user is None else await self._database.read(lambda each: users.find_by_key(each, user))
        if found is None or not found.is_active:
            raise AuthenticationException(_WRONG_CODE, hint="`terrazul open` prints a new one.")
        tell(found.name)
        return Known(found.name, "code", code=code)

    def _confirmed(self, connection: Connection, known: Known, now: int) -> UserRow:
        """The user, if what was shown still counts in this transaction."""
        user = users.find(connection, known.name)
        if known.code and (user is None or sessions.take_code(connection, digest_of(known.code), now) != user.key):
            raise AuthenticationException(_WRONG_CODE, hint="`terrazul open` prints a new one.")
        if user is None or not user.is_active:
            raise AuthenticationException(_WRONG)
        if known.password_hash is not None and passwords.find(connection, user.key) != known.password_hash:
            raise AuthenticationException(_WRONG)
        if known.link is not None and links.user_of(connection, *known.link) != user.key:
            raise AuthenticationException(_WRONG)
        for each in known.attempts:
            _uncount(connection, each)
        return user

    def _count(self, connection: Connection, attempts: tuple[Attempts, ...]) -> None:
        """Count an attempt as a wrong one before it is looked at, so that many at once win nothing."""
        now = self._clock()
        passwords.delete_attempts_before(connection, now - REMEMBERED)
        rows = [passwords.find_attempt(connection, each.subject) for each in attempts]
        wait = max((row.blocked_until - now for row in rows if row is not None), default=0)
        if wait > 0:
            seconds = -(-wait // SECOND)
            raise TooManyAttempts(
                f"There were too many wrong attempts. The next one counts in {seconds} seconds.",
                retry_after=seconds,
                hint="Wait, or sign in by `terrazul open` or with a token.",
            )
        for each, row in zip(attempts, rows, strict=True):
            wrong = (row.wrong if row else 0) + 1
            passwords.put_attempt(connection, AttemptRow(each.subject, wrong, now + each.pause(wrong), now))

    def _told(self, row: SessionRow, user: str, current: str | None) -> Session:
        return Session(
            row.session_id,
            user,
            row.method,
            row.address,
            to_text(row.created_at),
            to_text(row.seen_at),
            to_text(self._lifetime.end(row.created_at, row.seen_at)),
            row.session_id == current,
        )


def _uncount(connection: Connection, attempts: Attempts) -> None:
    """Take back one attempt from an address, and all with a name: who knows the password has done nothing wrong."""
    row = passwords.find_attempt(connection, attempts.subject)
    if row is None:
        return
    wrong = row.wrong - 1 if attempts.counts_on else 0
    if wrong > 0:
        blocked_until = row.blocked_until if attempts.pause(wrong) else 0
        passwords.put_attempt(connection, row._replace(wrong=wrong, blocked_until=blocked_until))
    else:
        passwords.delete_attempts(connection, [attempts.subject])


def _by_no_session() -> NotFound:
    return NotFound("This request comes by no session.", hint="Sign in first: POST /api/v1/sessions.")


def _folded(name: str) -> str:
    return name.strip().casefold()


def _password_of(connection: Connection, name: str) -> tuple[str, str | None]:
    """The name of a user and the hash of the password, as far as there are such that may sign in."""
    try:
        user = users.find(connection, user_name(name))
    except InvalidInput:
        return "", None
    if user is None:
        return "", None
    return user.name, passwords.find(connection, user.key) if user.is_active else None
