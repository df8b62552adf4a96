"""S15, and what else is tried on who signs in by a provider."""

import hmac
import json
import sqlite3
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from terrazul.testing.identity_provider import IdentityProvider
from terrazul.testing.server import Answer, RunningServer
from terrazul.testing.visitor import Visitor

Claims = dict[str, Any]
ELSEWHERE = [
    "//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "%2f%2fevil.example",
    "/%2f%2fevil.example", "/%5cevil.example", "/%09/evil.example", "javascript:alert(1)", "http:evil.example",
    "///evil.example", "/.//evil.example", "@evil.example", "/\r\nLocation: https://evil.example", "", "\0", "/ /evil",
]  # fmt: skip


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with IdentityProvider() as provider:
        provider.knows("17", email="ana@example.com")
        yield provider


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, provider: IdentityProvider) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("provider")
    server = RunningServer(folder / "home", *provider.options(folder), "--oidc-domains", "example.com")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def visitor(server: RunningServer) -> Visitor:
    return Visitor(server)


def assert_refused(visitor: Visitor, answer: Answer, status: int = 401) -> None:
    assert answer.status == status, answer
    assert not [each for each in answer.cookies if "sign-in" not in each]
    assert visitor.name == ""


def path_with(callback: str, **changed: str) -> str:
    """The address with other parameters; one that is given as empty is left out."""
    asked = {name: value for name, (value,) in parse_qs(urlsplit(callback).query).items()} | changed
    return "/sign-in/callback?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in asked.items() if value)


@pytest.mark.parametrize("page", ELSEWHERE)
def test_sign_in_leads_to_no_other_site(visitor: Visitor, page: str):
    answer = visitor.get(f"/sign-in?next={quote(page, safe='')}")
    assert answer.status == 400
    assert ("location" in answer.headers, visitor.cookies) == (False, {})


@pytest.mark.parametrize("query", ["next=/&next=//evil.example", "next=//evil.example&next=/", "page=//evil.example"])
def test_page_that_is_named_twice_leads_nowhere_else(visitor: Visitor, provider: IdentityProvider, query: str):
    answer = visitor.get(f"/sign-in?{query}")
    if answer.status == 303:
        assert answer.headers["location"].startswith(f"{provider.issuer}/")
        assert visitor.get(visitor.at_provider(answer.headers["location"])).headers["location"] == "/"
    else:
        assert answer.status == 400


def forge(change: Callable[[Claims], Claims]) -> dict[str, Any]:
    return {"claims": change}


def changed(**claims: Any) -> dict[str, Any]:
    return forge(lambda told: {**told, **claims})


NOW = int(time.time())
NONE, BY_SECRET = b'{"alg":"none"}', b'{"alg":"HS256"}'
FORGED: dict[str, dict[str, Any]] = {
    "another's issuer": changed(iss="https://evil.example"),
    "another's audience": changed(aud="another"),
    "several audiences": changed(aud=["terrazul", "another"]),
    "another's party": changed(azp="another"),
    "expired": changed(exp=NOW - 3600, iat=NOW - 7200),
    "from the future": changed(iat=NOW + 86400, exp=NOW + 90000),
    "not yet": changed(nbf=NOW + 86400),
    "without end": changed(exp=None),
    "without beginning": changed(iat=None),
    "end that is no time": changed(exp="tomorrow"),
    "another's nonce": changed(nonce="another"),
    "without nonce": changed(nonce=None),
    "of nobody": changed(sub=None),
    "unsigned": {"signed": lambda _header, claims, _provider: unsigned(claims)},
    "by a secret that both have": {
        "signed": lambda _header, claims, provider: by_secret(claims, provider.client_secret)
    },
    "by the public key as a secret": {
        "signed": lambda _header, claims, provider: by_secret(claims, provider.public_key)
    },
    "by another key": {"signed": lambda header, claims, provider: provider.signed_by_another_key(header, claims)},
    "by a key that it names itself": {
        "signed": lambda header, claims, provider: provider.signed_by_another_key(header, claims, within=True)
    },
    "with a changed payload": {"signed": lambda header, claims, provider: provider.signed_otherwise(header, claims)},
    "no token": {"signed": lambda *_: "a.b"},
    "none": {"signed": lambda *_: None},
}


def part(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(claims: Claims) -> str:
    return f"{part(NONE)}.{part(json.dumps(claims).encode())}."


def by_secret(claims: Claims, secret: str) -> str:
    """By hand: libraries refuse a public key as a secret."""
    signed = f"{part(BY_SECRET)}.{part(json.dumps(claims).encode())}"
    return f"{signed}.{part(hmac.digest(secret.encode(), signed.encode(), 'sha256'))}"


@pytest.mark.parametrize("forged", FORGED.values(), ids=list(FORGED))
def test_token_that_does_not_count_signs_nobody_in(
    visitor: Visitor, provider: IdentityProvider, forged: dict[str, Any]
):
    with provider.telling(**forged):
        assert_refused(visitor, visitor.sign_in())


def test_answer_counts_in_the_browser_that_asked(server: RunningServer, provider: IdentityProvider, visitor: Visitor):
    """Another site sends a browser to an answer that belongs to the attacker, or to nobody."""
    attackers = Visitor(server)
    attackers_answer = attackers.at_provider(attackers.begin())
    own_answer = visitor.at_provider(visitor.begin())
    redeemed = provider.redeemed
    stranger = Visitor(server)
    for who, answer in (
        (stranger, attackers_answer),
        (visitor, attackers_answer),
        (visitor, path_with(own_answer, state="")),
        (visitor, path_with(own_answer, state="x")),
        (visitor, path_with(attackers_answer, state=parse_qs(urlsplit(own_answer).query)["state"][0], iss="https://x")),
    ):
        assert_refused(who, who.get(answer))
    assert provider.redeemed == redeemed


def test_answer_counts_once(server: RunningServer, visitor: Visitor):
    answer = visitor.at_provider(visitor.begin())
    before = dict(visitor.cookies)
    assert visitor.get(answer).status == 303
    again = Visitor(server)
    again.cookies = before
    assert_refused(again, again.get(answer))


def test_code_counts_once(server: RunningServer, visitor: Visitor):
    first = visitor.at_provider(visitor.begin())
    assert visitor.get(first).status == 303
    second = Visitor(server)
    address = second.at_provider(second.begin())
    code = parse_qs(urlsplit(first).query)["code"][0]
    assert_refused(second, second.get(path_with(address, code=code)))


def test_code_of_another_browser_is_worth_nothing(server: RunningServer, visitor: Visitor):
    """Its hash of the verifier, and its nonce, are those of the browser that began."""
    theirs = Visitor(server)
    code = parse_qs(urlsplit(theirs.at_provider(theirs.begin())).query)["code"][0]
    address = visitor.at_provider(visitor.begin())
    assert_refused(visitor, visitor.get(path_with(address, code=code)))


@pytest.mark.parametrize("error", ["access_denied", "<script>alert(1)</script>", "x" * 5000])
def test_error_of_the_provider_is_a_sentence_of_ours(visitor: Visitor, error: str):
    answer = visitor.at_provider(visitor.begin())
    refused = visitor.get(path_with(answer, error=error, code="", error_description="<script>alert(2)"))
    assert_refused(visitor, refused)
    assert b"alert" not in refused.body
    assert b"xxxxx" not in refused.body
    assert "script-src 'self'" in refused.headers["content-security-policy"]


@pytest.mark.parametrize("code", ["", "x" * 5000, "\0", "é", "wrong"])
def test_code_that_is_none_signs_nobody_in(visitor: Visitor, code: str):
    answer = visitor.at_provider(visitor.begin())
    status = 400 if not code or len(code) > 4096 else 401
    assert_refused(visitor, visitor.get(path_with(answer, code=code)), status)


def test_cookie_of_a_sign_in_is_short_and_closed_to_scripts(visitor: Visitor):
    begun = visitor.get("/sign-in")
    (cookie,) = begun.cookies
    for part in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=600"):
        assert part.lower() in cookie.lower()
    assert begun.headers["cache-control"] == "no-store"
    ended = visitor.get(visitor.at_provider(begun.headers["location"]))
    assert ended.headers["cache-control"] == "no-store"
    flow, session = sorted(ended.cookies, key=lambda each: "sign-in" not in each)
    assert "max-age=0" in flow.lower()
    assert all(part in session.lower() for part in ("httponly", "samesite=strict"))


def test_session_that_somebody_left_in_a_browser_is_not_taken_over(server: RunningServer, visitor: Visitor):
    """The secret is new, and what the attacker knows opens nothing more."""
    attacker = Visitor(server)
    assert attacker.sign_in().status == 303
    known = dict(attacker.cookies)
    visitor.cookies = dict(known)
    assert visitor.sign_in().status == 303
    assert not {*visitor.cookies.values()} & {*known.values()}
    assert attacker.name == ""


ASTRAY = [
    {"issuer": "https://evil.example"},
    {"authorization_endpoint": "javascript:alert(1)"},
    {"token_endpoint": "http://10.0.0.1/token"},
    {"jwks_uri": "http://127.0.0.1:1/keys"},
]
"""The last one is a description that can be right; so it is remembered, and the keys are not fetched there."""


def test_provider_leads_the_server_nowhere_else(tmp_path: Path):
    with IdentityProvider() as provider:
        provider.knows("17", email="ana@example.com")
        right = dict(provider.description)
        server = RunningServer(tmp_path / "home", *provider.options(tmp_path), "--oidc-domains", "example.com")
        server.start()
        try:
            for changed in ASTRAY:
                provider.description = {**right, **changed}
                visitor = Visitor(server)
                answer = visitor.get("/sign-in")
                if changed == ASTRAY[-1]:
                    answer = visitor.get(visitor.at_provider(answer.headers["location"]))
                    assert b"--allowed-destinations 127.0.0.1:1" in answer.body
                assert_refused(visitor, answer, 503)
        finally:
            server.stop()


def test_what_opens_a_session_is_kept_and_logged_nowhere(server: RunningServer, visitor: Visitor):
    answer = visitor.at_provider(visitor.begin())
    query = {name: value for name, (value,) in parse_qs(urlsplit(answer).query).items()}
    secrets = [*visitor.cookies.values(), query["code"], query["state"]]
    with closing(sqlite3.connect(server.home.database_file)) as database:
        kept = "\n".join(database.iterdump())
    assert visitor.get(answer).status == 303
    secrets += visitor.cookies.values()
    with closing(sqlite3.connect(server.home.database_file)) as database:
        kept += "\n".join(database.iterdump())
    kept += server.home.log_file.read_text()
    assert [each for each in secrets if each in kept] == []


def let_all_that_began_be_over(server: RunningServer) -> None:
    with closing(sqlite3.connect(server.home.database_file)) as database, database:
        database.execute("UPDATE sign_in_flow SET expires_at = 0")


def test_sign_ins_that_do_not_end_are_bounded(server: RunningServer, visitor: Visitor):
    let_all_that_began_be_over(server)
    try:
        statuses = [Visitor(server).get("/sign-in").status for _ in range(101)]
        assert statuses == [303] * 100 + [429]
    finally:
        let_all_that_began_be_over(server)
    assert visitor.sign_in().status == 303


def test_sign_in_that_took_too_long_is_over(server: RunningServer, visitor: Visitor):
    answer = visitor.at_provider(visitor.begin())
    let_all_that_began_be_over(server)
    assert_refused(visitor, visitor.get(answer))


def test_refusal_is_in_the_activity_log(server: RunningServer, provider: IdentityProvider, visitor: Visitor):
    """With the name of the user, where it is known whose it is."""
    server.call("POST", "/api/v1/users", {"name": "boss@example.com", "is_admin": True})
    provider.knows("99", email="boss@example.com")
    try:
        assert_refused(visitor, visitor.sign_in(), 403)
    finally:
        provider.knows("17", email="ana@example.com")
        server.call("DELETE", "/api/v1/users/boss@example.com")
    (line,) = server.call("GET", "/api/v1/activity?result=refused&object_type=user&object_id=boss@example.com")["lines"]
    assert (line["operation"], line["status"], line["user"]) == ("finish_single_sign_on", 403, "")
    assert "administrator" in line["reason"]
    assert "secret" not in json.dumps(line)
