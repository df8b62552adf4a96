"""Passwords: setting them, and finding out whether one is right."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.errors import Conflict, Forbidden, Unavailable
from terrazul.server.identity.names import user_name
from terrazul.server.identity.rules import Principal
from terrazul.server.identity.service.authentication import Identities
from terrazul.server.identity.service.users import find_user
from terrazul.server.identity.sign_in import check_password
from terrazul.server.identity.store import password as passwords
from terrazul.server.identity.store.user import UserRow
from terrazul.server.sql.database import Database
from terrazul.wire.identity import UserKind
from terrazul.wire.session import NewPassword

if TYPE_CHECKING:
    from argon2 import PasswordHasher

_KIBIBYTES = 46 * 1024
_ROUNDS = 2
_LANES = 1
_AT_ONCE = 2
_MOST_WAITING = 64


class Hashes:
    """Argon2id, a few at a time: each takes memory, and a good part of a core for a tenth of a second."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="password")
        self._made: _Hasher | None = None
        self._waiting = 0

    async def make(self, password: str) -> str:
        """What is kept of a password."""
        return str(await self._run(lambda hasher: hasher.argon2.hash(password)))

    async def fits(self, hashed: str | None, password: str) -> bool:
        """Whether a password is the one of a hash; without a hash it is not, and takes the same time to say so."""

        def look(hasher: _Hasher) -> bool:
            try:
                hasher.argon2.verify(hashed or hasher.nobodys, password)
            except hasher.mistakes:
                return False
            return hashed is not None

        return bool(await self._run(look))

    async def _run(self, work: Any) -> Any:
        if self._waiting >= _MOST_WAITING:
            raise Unavailable("Too many passwords are being looked at.", hint="Try again in some seconds.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(self._hasher()))
        finally:
            self._waiting -= 1

    def _hasher(self) -> _Hasher:
        if self._made is None:
            # who signs in by token needs it never, and the server is to start soon
            import argon2  # noqa: PLC0415

            hasher = argon2.PasswordHasher(time_cost=_ROUNDS, memory_cost=_KIBIBYTES, parallelism=_LANES)
            mistakes = (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError)
            self._made = _Hasher(hasher, hasher.hash("nobody's"), mistakes)
        return self._made


class _Hasher(NamedTuple):
    argon2: PasswordHasher
    nobodys: str
    """What stands for the hash of who has none."""
    mistakes: tuple[type[Exception], ...]


class Passwords:
    """The passwords of one installation."""

    def __init__(self, database: Database, identities: Identities, hashes: Hashes, clock: Clock) -> None:
        self._database = database
        self._identities = identities
        self._hashes = hashes
        self._clock = clock

    async def set(self, name: str, new: NewPassword, principal: Principal) -> None:
        """Give a user a password; its sessions end.

        Raises ``Forbidden`` for somebody else's, and where the current one is not told by who has to tell it.
        """
        whose = user_name(name)
        if whose != principal.name and not principal.is_admin:
            raise Forbidden("Only administrators set the passwords of others.", target=whose)
        if principal.is_restricted:
            raise Forbidden("A token that is restricted sets no password.", target=principal.name)
        check_password(whose, new.password)
        _, current = await self._database.read(lambda connection: _state(connection, whose))
        if current is not None and _has_to_tell(whose, principal) and not await self._is_current(current, new):
            raise Forbidden(
                "The current password is not the one that was given.",
                target="current",
                hint="Give it along with the new one, or ask an administrator to set one.",
            )
        hashed = await self._hashes.make(new.password)

        def work(connection: Connection) -> None:
            user, found = _state(connection, whose)
            if found != current:
                raise Conflict("The password was changed at the same moment.", target=whose, hint="Try again.")
            passwords.put(connection, user.key, hashed, self._clock())
            self._identities.end_sessions(connection, user.key)

        await self._database.write(work)

    async def _is_current(self, current: str, new: NewPassword) -> bool:
        return new.current is not None and await self._hashes.fits(current, new.current)


def _state(connection: Connection, name: str) -> tuple[UserRow, str | None]:
    user = find_user(connection, name)
    if user.kind is not UserKind.USER:
        raise Conflict(f"{name} is a program: it has tokens, and no password.", target=name)
    return user, passwords.find(connection, user.key)


def _has_to_tell(whose: str, principal: Principal) -> bool:
    """Who found an open browser, or somebody's token, must not be able to keep the owner out."""
    return whose == principal.name and (principal.session_id is not None or not principal.is_admin)
