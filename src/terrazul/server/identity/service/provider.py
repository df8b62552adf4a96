"""The provider of single sign-on, as this server speaks to it."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from terrazul.core.clock import Clock
from terrazul.core.errors import InvalidInput, NotFound, Unavailable
from terrazul.core.settings import Settings
from terrazul.server.identity.sign_in import MINUTE, SECOND
from terrazul.server.identity.single_sign_on import (
    ALGORITHMS,
    Endpoints,
    Person,
    Provider,
    Redemption,
    lacks,
    not_valid,
    person_of,
    read_endpoints,
    token_request,
    with_more,
)
from terrazul.server.network.message import OutgoingAnswer
from terrazul.server.network.outgoing import Outgoing
from terrazul.server.network.rules import read_destination

if TYPE_CHECKING:
    from joserfc.jwk import Key, KeySet

_SECONDS = 10.0
_MOST = 1 << 20
_DESCRIBED = 10 * MINUTE
"""How long a description counts. Keys are asked for at each sign-in, so one that is replaced counts at once."""
_LEEWAY_SECONDS = 60
_SECRET_LIMIT = 4096
_OTHERS = 0o077
_GOOD = 200
_WRONG = frozenset({400, 401, 403})


def provider_of(settings: Settings) -> Provider | None:
    """The provider of the settings."""
    if not settings.oidc_issuer:
        return None
    return Provider(
        settings.oidc_issuer,
        settings.oidc_client_id,
        frozenset(settings.domains),
        settings.oidc_name_claim,
        settings.oidc_groups_claim,
    )


def secret_in(file: str) -> str:
    """What a file holds that others cannot read; nothing where none is named. Raises ``InvalidInput``."""
    if not file:
        return ""
    try:
        with Path(file).open("rb") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            text = opened.read(_SECRET_LIMIT).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it holds other characters than a secret has"
        raise _unusable(file, f"cannot be used: {reason}") from None
    if mode & _OTHERS:
        raise _unusable(file, f"can be read by others (mode {mode:04o})", f"chmod 600 {file}")
    if not text or not text.isprintable() or " " in text:
        raise _unusable(file, "does not hold one line with a secret")
    return text


def _unusable(
    file: str, why: str, hint: str = "Write the provider's secret into it, as its only line."
) -> InvalidInput:
    return InvalidInput(f"The file {file} {why}.", target="oidc_client_secret_file", hint=hint)


class _Described(NamedTuple):
    endpoints: Endpoints
    read_at: int


class _Tokens(NamedTuple):
    identity: str
    access: str


class ProviderClient:
    """Asks one provider; what it says is not believed before it was checked."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._provider = provider = provider_of(settings)
        self._secret_file = settings.oidc_client_secret_file
        self._clock = clock
        self._described: _Described | None = None
        own = [] if provider is None else [read_destination(provider.issuer).place]
        self._outgoing = Outgoing([*settings.destinations, *own])

    @property
    def provider(self) -> Provider:
        """The provider. Raises ``NotFound`` where there is none."""
        if self._provider is None:
            raise NotFound(
                "Nobody signs in to this server by a provider.",
                target="oidc_issuer",
                hint="Sign in by name and password. An administrator sets a provider up with --oidc-issuer.",
            )
        return self._provider

    @property
    def is_set_up(self) -> bool:
        """Whether there is a provider."""
        return self._provider is not None

    async def endpoints(self) -> Endpoints:
        """Where it does what. Raises ``Unavailable`` where it does not answer, or describes somebody else."""
        now = self._clock()
        if self._described is None or not 0 <= now - self._described.read_at < _DESCRIBED:
            document = await self._get(self.provider.description, {})
            self._described = _Described(read_endpoints(document, self.provider), now)
        return self._described.endpoints

    async def redeem(self, redemption: Redemption) -> Person:
        """Who somebody is, by the code with which the provider sent their browser back.

        Raises ``AuthenticationException`` where the code or what it brings does not count.
        """
        endpoints = await self.endpoints()
        tokens = await self._tokens(endpoints, redemption)
        claims = self._checked(tokens.identity, await self._get(endpoints.keys, {}), redemption.flow.nonce)
        if lacks(claims, self.provider) and endpoints.about and tokens.access:
            told = await self._get(endpoints.about, {"Authorization": f"Bearer {tokens.access}"})
            claims = with_more(claims, told)
        return person_of(claims, self.provider)

    async def _tokens(self, endpoints: Endpoints, redemption: Redemption) -> _Tokens:
        try:
            secret = secret_in(self._secret_file)
        except InvalidInput as problem:
            raise self._away(problem.message, problem.hint) from None
        headers, form = token_request(self.provider, endpoints, secret, redemption)
        answer = await self._call("POST", endpoints.token, headers, form)
        if answer.status in _WRONG:
            raise not_valid(f"it did not take the code back ({_reason(answer)})")
        told = self._read(answer, endpoints.token)
        identity, access = told.get("id_token"), told.get("access_token")
        if not isinstance(identity, str):
            raise not_valid("it does not tell who you are")
        return _Tokens(identity, access if isinstance(access, str) and access.isascii() else "")

    def _checked(self, token: str, keys: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        """The claims of a token that the provider signed for this server and this sign-in, just now."""
        # costly to import, and only who signs in by a provider needs it
        from joserfc import errors, jwt  # noqa: PLC0415

        provider = self.provider
        demanded = jwt.JWTClaimsRegistry(
            now=self._clock() // SECOND,
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": provider.issuer},
            aud={"essential": True, "value": provider.client_id},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            found = jwt.decode(token, _key_set(keys), algorithms=[*ALGORITHMS])
            demanded.validate(found.claims)
        except (errors.JoseError, ValueError) as problem:
            raise not_valid(f"{problem}".rstrip(".") or type(problem).__name__) from None
        return dict(found.claims)

    async def _get(self, url: str, headers: Mapping[str, str]) -> dict[str, Any]:
        return self._read(await self._call("GET", url, {"Accept": "application/json", **headers}, b""), url)

    async def _call(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> OutgoingAnswer:
        try:
            return await self._outgoing.call(method, url, headers, body, seconds=_SECONDS, most=_MOST)
        except InvalidInput as problem:
            raise self._away(problem.message, problem.hint) from None

    def _read(self, answer: OutgoingAnswer, url: str) -> dict[str, Any]:
        if answer.status != _GOOD:
            raise self._away(f"{url} answered with the status {answer.status}.")
        try:
            return msgspec.json.decode(answer.body, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise self._away(f"{url} answered with something else than JSON.") from None

    def _away(self, why: str, hint: str | None = None) -> Unavailable:
        return Unavailable(
            f"Nobody can be signed in by {self.provider.name} at this moment: {why}",
            target="oidc_issuer",
            hint=hint or "Sign in by name and password, or try again.",
        )


def _key_set(told: Mapping[str, Any]) -> KeySet:
    """The keys of a provider with which signatures are checked; those of kinds that are not known do not matter."""
    # as above
    from joserfc import jwk  # noqa: PLC0415

    listed = told.get("keys")
    found = [_key(each) for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return jwk.KeySet([each for each in found if each is not None])


def _key(told: dict[str, Any]) -> Key | None:
    # as above
    from joserfc import errors, jwk  # noqa: PLC0415

    if told.get("use", "sig") != "sig" or told.get("kty") == "oct":
        return None
    try:
        return jwk.import_key(told)
    except (errors.JoseError, KeyError, TypeError, ValueError):
        return None


def _reason(answer: OutgoingAnswer) -> str:
    """The error that the provider names, where it is the name of one."""
    try:
        told = msgspec.json.decode(answer.body, type=dict[str, Any]).get("error")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        told = None
    named = isinstance(told, str) and told.isascii() and told.replace("_", "").isalnum()
    return str(told)[:40] if named else f"status {answer.status}"
