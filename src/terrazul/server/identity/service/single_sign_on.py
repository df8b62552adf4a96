"""Signing in by a provider: sending a browser there, and finding out which user it is that comes back."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.errors import Forbidden, InvalidInput, TooManyAttempts
from terrazul.server.identity.service.authentication import Identities, digest_of
from terrazul.server.identity.service.provider import ProviderClient
from terrazul.server.identity.service.sessions import Known
from terrazul.server.identity.sign_in import attempts_from
from terrazul.server.identity.single_sign_on import (
    FLOW_LIFETIME,
    METHOD,
    Person,
    Redemption,
    authorization_url,
    check_page,
    check_refusal,
    flow_of,
    is_state,
    newcomer_name,
    not_begun,
    not_known,
    not_taken_over,
    not_valid,
)
from terrazul.server.identity.store import single_sign_on as links
from terrazul.server.identity.store import user as users
from terrazul.server.identity.store.single_sign_on import FlowRow
from terrazul.server.identity.store.user import UserRow
from terrazul.server.sql.database import Database
from terrazul.server.sql.witness import changed, unwatched
from terrazul.wire.identity import UserKind

_MOST_OF_ORIGIN = 100
_MOST = 10_000
_WAIT_SECONDS = 60
_CODE_LIMIT = 4096


class Begun(NamedTuple):
    """A sign-in that has begun: the secret that the browser keeps, and the address to which it goes."""

    secret: str
    url: str


class Returned(NamedTuple):
    """With what the provider sent a browser back."""

    state: str
    code: str
    error: str
    issuer: str
    """Who says that it is the provider, where it says so."""


class Recognised(NamedTuple):
    """Somebody who has shown who they are; ``page`` is to be shown to them, in the place of the session before."""

    known: Known
    page: str
    session: str


class SingleSignOn:
    """Signing in by the provider of one installation."""

    def __init__(self, database: Database, identities: Identities, client: ProviderClient, clock: Clock) -> None:
        self._database = database
        self._identities = identities
        self._client = client
        self._clock = clock

    @property
    def provider_name(self) -> str:
        """How people know the provider; empty where there is none."""
        return self._client.provider.name if self._client.is_set_up else ""

    async def begin(self, callback: str, page: str, address: str, session: str) -> Begun:
        """Send a browser to the provider, which sends it back to ``callback``.

        Raises ``NotFound`` without a provider, ``Unavailable`` where it does not answer, ``InvalidInput`` for a page
        that is none of ours, and ``TooManyAttempts`` where too many have begun.
        """
        provider = self._client.provider
        secret, now = secrets.token_urlsafe(32), self._clock()
        replaced = digest_of(session) if session else ""
        origin = attempts_from(address).subject
        row = FlowRow(digest_of(secret), origin, callback, check_page(page), replaced, now + FLOW_LIFETIME)
        with unwatched():  # nobody has done anything yet
            await self._database.write(lambda connection: _enter(connection, row, now))
        endpoints = await self._client.endpoints()
        return Begun(secret, authorization_url(provider, endpoints, flow_of(secret), callback))

    async def finish(self, returned: Returned, secret: str, tell: Callable[[str], None]) -> Recognised:
        """Who came back from the provider; ``tell`` is told the name of the user, also before it is refused.

        Raises ``AuthenticationException`` where the answer is not one to what this browser asked, or does not count,
        ``Forbidden`` for somebody who is not let in, and ``Unavailable`` where the provider does not answer.
        """
        provider = self._client.provider
        if not secret or not is_state(returned.state, secret):
            raise not_begun()
        now = self._clock()
        with unwatched():  # as above
            row = await self._database.write(lambda connection: links.take_flow(connection, digest_of(secret), now))
        if row is None:
            raise not_begun()
        if returned.issuer and returned.issuer != provider.issuer:
            raise not_valid("it comes from somebody else")
        check_refusal(returned.error, provider)
        if not 0 < len(returned.code) <= _CODE_LIMIT:
            raise InvalidInput("The provider sent no code.", target="code", hint="Begin again.")
        person = await self._client.redeem(Redemption(returned.code, row.callback, flow_of(secret)))
        known = await self._database.write(lambda connection: self._known(connection, person, tell))
        return Recognised(known, row.page, row.session)

    def _known(self, connection: Connection, person: Person, tell: Callable[[str], None]) -> Known:
        key = links.user_of(connection, person.issuer, person.subject)
        user = None if key is None else users.find_by_key(connection, key)
        if user is not None:
            tell(user.name)
            _check_active(user)
        else:
            user = self._newcomer(connection, person, tell)
            links.add_link(connection, person.issuer, person.subject, user.key, self._clock())
        if person.groups is not None:
            self._follow(connection, user, person.groups)
        return Known(user.name, METHOD, link=(person.issuer, person.subject))

    def _newcomer(self, connection: Connection, person: Person, tell: Callable[[str], None]) -> UserRow:
        """The user that somebody is who signs in by the provider for the first time; made where there is none."""
        provider = self._client.provider
        name = newcomer_name(person, provider)
        user = users.find(connection, name)
        if user is not None:
            tell(name)
            _check_free(connection, user, person)
            return user
        if not provider.domains:
            raise not_known(name)
        shown = person.display_name or name
        return users.add(connection, UserRow(0, name, UserKind.USER, shown, False, True, self._clock(), name))

    def _follow(self, connection: Connection, user: UserRow, groups: frozenset[str]) -> None:
        """Let somebody be in those of the groups that follow the sign-in that the provider names, and in no other."""
        there = set(users.groups_of(connection, user.key))
        following = [each for each in users.list_groups(connection) if each.follows_sign_in]
        come = [each for each in following if each.name in groups and each.name not in there]
        gone = [each for each in following if each.name not in groups and each.name in there]
        for group in come:
            users.set_members(connection, group.key, [user.key], [])
        for group in gone:
            users.set_members(connection, group.key, [], [user.key])
        if gone:
            self._identities.end_sessions(connection, user.key)
        if come or gone:
            changed(connection, "group", *(each.name for each in (*come, *gone)))
            self._identities.forget(connection)


def _check_active(user: UserRow) -> None:
    if not user.is_active:
        raise Forbidden(
            f"The user {user.name!r} is not active.", target=user.name, hint="Ask an administrator of this server."
        )


def _check_free(connection: Connection, user: UserRow, person: Person) -> None:
    """Raise ``Forbidden`` unless somebody who has the name of a user may be taken for that user."""
    _check_active(user)
    if user.kind is not UserKind.USER:
        raise Forbidden(f"{user.name} is a program.", target=user.name, hint="Choose another name for one of the two.")
    if user.is_admin:
        raise not_taken_over(user.name, person.subject, "is an administrator")
    if links.subject_of(connection, person.issuer, user.key) is not None:
        raise not_taken_over(user.name, person.subject, "has signed in as somebody else before")


def _enter(connection: Connection, row: FlowRow, now: int) -> None:
    links.delete_flows(connection, now)
    of_origin, in_all = links.count_flows(connection, row.origin)
    if of_origin >= _MOST_OF_ORIGIN or in_all >= _MOST:
        raise TooManyAttempts(
            "Too many have begun to sign in and have not ended.",
            retry_after=_WAIT_SECONDS,
            hint="Wait some minutes, or sign in by name and password.",
        )
    links.add_flow(connection, row)
