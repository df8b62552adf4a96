"""What an OpenID Connect provider must say, and who somebody is by what it says. Pure functions.

The secret of a sign-in stays in the browser that began it. All that binds the provider's answer to that browser is
derived from it: ``state`` and ``nonce``, and the verifier whose hash the provider keeps (PKCE).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import shlex
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from terrazul.core.errors import AuthenticationException, Forbidden, InvalidInput, Unavailable
from terrazul.core.settings import is_loopback
from terrazul.server.identity.names import user_name
from terrazul.server.identity.sign_in import MINUTE
from terrazul.server.network.rules import read_destination

METHOD = "single sign-on"
"""How a session is opened by it."""
FLOW_LIFETIME = 10 * MINUTE
"""How long somebody may take at the provider."""
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""With which a provider may sign: neither with nothing, nor with a secret that others know too."""
_SCOPES = ("openid", "email", "profile")
_EMAIL = "email"
_VERIFIED = "email_verified"
_SUBJECT = re.compile(r"[!-~]{1,255}\Z")
_EMAIL_ADDRESS = re.compile(r"[^@]+@(?P<domain>[^@]+)\Z")
_PAGE = re.compile(r"/(?!/)[\w.~%/-]*\Z", re.ASCII)
_OUTSIDE = re.compile(r"//|%2f|%5c|%[01]", re.IGNORECASE)
_TEXT_LIMIT = 200
_AGAIN = "Begin again."
_ASK = "Ask an administrator of this server."


class Provider(NamedTuple):
    """A provider, and how it knows this server."""

    issuer: str
    client_id: str
    domains: frozenset[str]
    name_claim: str
    groups_claim: str

    @property
    def name(self) -> str:
        """How people know it: by its host."""
        return urlsplit(self.issuer).netloc

    @property
    def description(self) -> str:
        """The address at which it describes itself."""
        return f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"


class Endpoints(NamedTuple):
    """Where a provider does what."""

    authorization: str
    token: str
    keys: str
    about: str
    """Tells more of somebody; empty where nothing does."""
    takes_basic: bool
    """Whether this server names itself in a header, rather than in the form."""


class Flow(NamedTuple):
    """What binds one sign-in to the browser that began it."""

    state: str
    nonce: str
    verifier: str

    @property
    def challenge(self) -> str:
        """What the provider is told of the verifier."""
        return _text(hashlib.sha256(self.verifier.encode()).digest())


class Person(NamedTuple):
    """Somebody as the provider knows them."""

    issuer: str
    subject: str
    claims: Mapping[str, Any]
    groups: frozenset[str] | None
    """Those that it names; None where it is not asked for any."""

    @property
    def display_name(self) -> str:
        """The name as people read it."""
        name = self.claims.get("name")
        return name[:_TEXT_LIMIT] if isinstance(name, str) and name.isprintable() else ""


def flow_of(secret: str) -> Flow:
    """What belongs to the secret of a sign-in."""
    return Flow(*(_text(hmac.new(secret.encode(), part.encode(), hashlib.sha256).digest()) for part in Flow._fields))


def is_state(given: str, secret: str) -> bool:
    """Whether an answer belongs to the sign-in that a browser began."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), flow_of(secret).state.encode())


def is_subject(text: str) -> bool:
    """Whether a text can be what a provider calls somebody."""
    return _SUBJECT.match(text) is not None


def check_page(path: str) -> str:
    """The path, where it is one of a page of ours. Raises ``InvalidInput`` for what could lead elsewhere."""
    if not _PAGE.match(path) or _OUTSIDE.search(path):
        raise InvalidInput(f"{path[:80]!r} is no page of this server.", target="next", hint="Open the server's page.")
    return path


def read_endpoints(document: Mapping[str, Any], provider: Provider) -> Endpoints:
    """What a provider's description says. Raises ``Unavailable`` where it does not fit."""
    if document.get("issuer") != provider.issuer:
        told = str(document.get("issuer"))[:_TEXT_LIMIT]
        raise Unavailable(
            f"The provider at {provider.issuer} calls itself {told!r}, so nobody is signed in by it.",
            target="oidc_issuer",
            hint="An administrator sets --oidc-issuer to exactly what the provider calls itself.",
        )
    methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Endpoints(
        _endpoint(document, "authorization_endpoint"),
        _endpoint(document, "token_endpoint"),
        _endpoint(document, "jwks_uri"),
        _endpoint(document, "userinfo_endpoint") if "userinfo_endpoint" in document else "",
        "client_secret_basic" in methods if isinstance(methods, list) else True,
    )


def authorization_url(provider: Provider, endpoints: Endpoints, flow: Flow, callback: str) -> str:
    """Where the browser goes to sign in."""
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": callback,
        "scope": " ".join(_SCOPES),
        "state": flow.state,
        "nonce": flow.nonce,
        "code_challenge": flow.challenge,
        "code_challenge_method": "S256",
    }
    separator = "&" if urlsplit(endpoints.authorization).query else "?"
    return f"{endpoints.authorization}{separator}{urlencode(asked)}"


class Redemption(NamedTuple):
    """A code with which the provider sent a browser back, to be taken to it."""

    code: str
    callback: str
    flow: Flow


def token_request(
    provider: Provider, endpoints: Endpoints, secret: str, redemption: Redemption
) -> tuple[dict[str, str], bytes]:
    """The headers and the form with which a code is redeemed; ``secret`` is empty for a public client."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    form = {
        "grant_type": "authorization_code",
        "code": redemption.code,
        "redirect_uri": redemption.callback,
        "code_verifier": redemption.flow.verifier,
    }
    if secret and endpoints.takes_basic:
        pair = f"{quote(provider.client_id, safe='')}:{quote(secret, safe='')}"
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    else:
        form["client_id"] = provider.client_id
        if secret:
            form["client_secret"] = secret
    return headers, urlencode(form).encode()


def check_refusal(error: str, provider: Provider) -> None:
    """Raise ``AuthenticationException`` where the provider sent the browser back with an error."""
    if error == "access_denied":
        raise AuthenticationException(f"{provider.name} was not allowed to tell who you are.", hint=_AGAIN)
    if error:
        told = error[:_TEXT_LIMIT] if re.fullmatch(r"[a-z_]{1,40}", error) else "an error"
        raise AuthenticationException(f"{provider.name} answered with {told}.", hint=_AGAIN)


def person_of(claims: Mapping[str, Any], provider: Provider) -> Person:
    """Who somebody is by claims whose signature, audience and times are checked already.

    Raises ``AuthenticationException`` where they are meant for somebody else, or name nobody.
    """
    audience = claims.get("aud")
    if claims.get("iss") != provider.issuer:
        raise not_valid("somebody else gave it")
    if claims.get("azp", provider.client_id) != provider.client_id or (
        isinstance(audience, list) and len(audience) > 1 and "azp" not in claims
    ):
        raise not_valid("it is meant for another program")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not is_subject(subject):
        raise not_valid("it names nobody")
    return Person(provider.issuer, subject, claims, _groups(claims, provider.groups_claim))


def lacks(claims: Mapping[str, Any], provider: Provider) -> bool:
    """Whether more is to be asked about somebody."""
    verified = _VERIFIED if provider.name_claim == _EMAIL else ""
    return any(name and name not in claims for name in (provider.name_claim, verified, provider.groups_claim))


def with_more(claims: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Claims, and what else the provider tells of the same person. Raises ``AuthenticationException`` for another."""
    if told.get("sub") != claims.get("sub"):
        raise not_valid("it tells of two people")
    is_same_address = claims.get(_EMAIL, told.get(_EMAIL)) == told.get(_EMAIL)
    more = {name: value for name, value in told.items() if name != _VERIFIED or is_same_address}
    return {**more, **claims}


def newcomer_name(person: Person, provider: Provider) -> str:
    """The name of somebody who signs in by the provider for the first time.

    Raises ``Forbidden`` where the provider does not vouch for it, or it is of another domain than those that are let
    in.
    """
    claim = provider.name_claim
    told = person.claims.get(claim)
    if not isinstance(told, str) or not told:
        raise Forbidden(
            f"{provider.name} does not tell your name: its answer has no {claim!r}.",
            target=claim,
            hint="An administrator chooses what the name is taken from: --oidc-name-claim.",
        )
    if not told.isascii() or told != told.strip():
        raise Forbidden(f"{told[:80]!r} cannot be a name here.", target=claim, hint=_ASK)
    if claim == _EMAIL and person.claims.get(_VERIFIED) is not True:
        raise Forbidden(
            f"{provider.name} does not say that {told[:80]} is verified to be your address.",
            target=_VERIFIED,
            hint=_ASK,
        )
    domain = _domain(told) or _domain(_verified_address(person.claims))
    if provider.domains and domain not in provider.domains:
        raise Forbidden(f"Addresses of {domain or 'no domain'} are not let in here.", target=domain, hint=_ASK)
    try:
        return user_name(told)
    except InvalidInput as problem:
        raise Forbidden(problem.message, target=claim, hint=problem.hint) from None


def not_known(name: str) -> Forbidden:
    """For who is no user, where only users are let in."""
    return Forbidden(
        f"There is no user {name!r}.", target=name, hint=f"An administrator makes one: terrazul user create {name}."
    )


def not_taken_over(name: str, subject: str, why: str) -> Forbidden:
    """For who has the name of a user that somebody else may be."""
    return Forbidden(
        f"The user {name!r} {why}, so it is not yours by its name alone.",
        target=name,
        hint=f"An administrator can say that it is: terrazul user update {name} --subject {shlex.quote(subject)}.",
    )


def not_valid(why: str) -> AuthenticationException:
    """For an answer of the provider that does not count."""
    return AuthenticationException(f"The provider's answer is not valid: {why}.", hint=_AGAIN)


def not_begun() -> AuthenticationException:
    """For an answer to nothing that this browser has asked for."""
    return AuthenticationException(
        "This sign-in did not begin in this browser, took more than ten minutes, or is over.", hint=_AGAIN
    )


def _endpoint(document: Mapping[str, Any], name: str) -> str:
    url = document.get(name)
    try:
        destination = read_destination(url if isinstance(url, str) else "")
    except InvalidInput as problem:
        raise Unavailable(f"The provider's {name} cannot be used: {problem.message}", target=name) from None
    if destination.scheme == "http" and not is_loopback(destination.host):
        raise Unavailable(f"The provider's {name} is called by HTTPS only, and is {url}.", target=name)
    return str(url)


def _groups(claims: Mapping[str, Any], claim: str) -> frozenset[str] | None:
    if not claim:
        return None
    told = claims.get(claim, [])
    names = told if isinstance(told, list) else [told]
    return frozenset(each.strip().casefold() for each in names if isinstance(each, str) and each.isascii())


def _verified_address(claims: Mapping[str, Any]) -> str:
    address = claims.get(_EMAIL)
    return address if isinstance(address, str) and claims.get(_VERIFIED) is True else ""


def _domain(address: str) -> str:
    match = _EMAIL_ADDRESS.match(address)
    return match["domain"].lower() if match else ""


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
