"""People sign in by a provider, and are who they were before, whatever it comes to call them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from terrazul.testing.identity_provider import IdentityProvider
from terrazul.testing.postgresql import PostgresqlCluster
from terrazul.testing.server import Answer, Refused, RunningServer
from terrazul.testing.visitor import Visitor

pytestmark = pytest.mark.functional

DOMAIN = ("--oidc-domains", "example.com", "--oidc-groups-claim", "groups")


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with IdentityProvider() as provider:
        yield provider


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, provider: IdentityProvider) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("sign-in")
    server = RunningServer(folder / "home", *provider.options(folder), *DOMAIN)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def visit(server: RunningServer, provider: IdentityProvider) -> Iterator[Callable[..., Visitor]]:
    """Signs somebody in by the provider; whom that made is gone after the test."""

    def visit(subject: str, **claims: Any) -> Visitor:
        provider.knows(subject, **claims)
        visitor = Visitor(server)
        visitor.last = visitor.sign_in()  # type: ignore[attr-defined]  # what the tests look at
        return visitor

    before = names_in(server)
    yield visit
    for name in names_in(server) - before:
        server.call("DELETE", f"/api/v1/users/{name}")


def names_in(server: RunningServer) -> set[str]:
    return {each["name"] for each in server.call("GET", "/api/v1/users")}


def told(answer: Answer) -> str:
    """What the page says."""
    assert answer.headers["content-type"].startswith("text/html")
    return answer.body.decode().partition('role="status"')[2].partition(">")[2].partition("</p>")[0]


def test_person_of_the_domain_becomes_a_user_with_a_session(server: RunningServer, visit: Callable[..., Visitor]):
    ana = visit("17", email="Ana@example.com", name="Ana P.")
    assert (ana.last.status, ana.last.headers["location"]) == (303, "/")
    session = ana.session
    assert session
    assert (session["session"]["user"], session["session"]["method"]) == ("ana@example.com", "single sign-on")
    made = server.call("GET", "/api/v1/users/ana@example.com")
    assert (made["display_name"], made["is_admin"], made["created_by"]) == ("Ana P.", False, "ana@example.com")
    assert made["is_linked"]
    assert ana.ask("POST", "/api/v1/tokens", {"label": "mine"}).status == 403
    assert ana.ask("POST", "/api/v1/tokens", {"label": "mine"}, session["csrf_token"]).status == 200
    assert ana.sign_in("/runs/a%20b").headers["location"] == "/runs/a%20b"
    assert names_in(server) == {"ana@example.com", *names_in(server)}
    lines = server.call("GET", "/api/v1/activity?limit=30")["lines"]
    done = [(each["operation"], each["change"], each["object_type"], each["object_id"], each["user"]) for each in lines]
    for line in (
        ("finish_single_sign_on", "created", "user", "ana@example.com", ""),
        ("finish_single_sign_on", "created", "sign_in_link", "17", ""),
        ("finish_single_sign_on", "created", "session", session["session"]["session_id"], "ana@example.com"),
    ):
        assert line in done


def test_who_signed_in_before_stays_who_they_are(server: RunningServer, visit: Callable[..., Visitor]):
    """Under a new address, also where that is the name of another user."""
    server.call("POST", "/api/v1/users", {"name": "ben@example.com"})
    assert visit("17", email="ana@example.com").name == "ana@example.com"
    assert visit("17", email="ben@example.com").name == "ana@example.com"
    assert visit("17", email="ana@elsewhere.example", email_verified=False).name == "ana@example.com"
    assert not server.call("GET", "/api/v1/users/ben@example.com")["is_linked"]


def test_user_who_was_made_before_is_linked_by_a_verified_address(server: RunningServer, visit: Callable[..., Visitor]):
    server.call("POST", "/api/v1/users", {"name": "ana@example.com"})
    workspace = server.workspace()
    server.call("POST", f"{workspace}/members", {"user": "ana@example.com", "role": "Reader"})
    refused = visit("17", email="ana@example.com", email_verified=False)
    assert (refused.last.status, refused.name) == (403, "")
    assert "not say that ana@example.com is verified" in told(refused.last)
    ana = visit("17", email="ana@example.com")
    assert ana.get(workspace).status == 200


def test_who_has_somebodys_address_after_them_does_not_become_them(
    server: RunningServer, visit: Callable[..., Visitor]
):
    first = visit("17", email="ana@example.com")
    second = visit("18", email="ana@example.com")
    assert (second.last.status, second.name) == (403, "")
    assert "--subject 18" in told(second.last)
    server.call("PATCH", "/api/v1/users/ana@example.com", {"subject": "18"})
    assert first.name == ""
    assert visit("18", email="another@example.com").name == "ana@example.com"
    assert visit("17", email="ana@example.com").last.status == 403
    server.call("PATCH", "/api/v1/users/ana@example.com", {"subject": ""})
    assert visit("17", email="ana@example.com").name == "ana@example.com"


def test_administrator_is_linked_by_an_administrator_alone(server: RunningServer, visit: Callable[..., Visitor]):
    server.call("POST", "/api/v1/users", {"name": "boss@example.com", "is_admin": True})
    refused = visit("1", email="boss@example.com")
    assert (refused.last.status, refused.name) == (403, "")
    assert "is an administrator" in told(refused.last)
    server.call("PATCH", "/api/v1/users/boss@example.com", {"subject": "1"})
    boss = visit("1", email="boss@example.com")
    assert json.loads(boss.get("/api/v1/me").body)["is_admin"]


def test_program_is_nobody_who_signs_in(server: RunningServer, visit: Callable[..., Visitor]):
    server.call("POST", "/api/v1/users", {"name": "robot@example.com", "kind": "service_principal"})
    assert visit("17", email="robot@example.com").last.status == 403
    with pytest.raises(Refused) as refused:
        server.call("PATCH", "/api/v1/users/robot@example.com", {"subject": "17"})
    assert refused.value.status == 409


@pytest.mark.parametrize(("subject", "status"), [("17", 409), ("é", 400), ("a b", 400), ("x" * 256, 400)])
def test_subject_that_is_another_user_or_none_is_refused(
    server: RunningServer, visit: Callable[..., Visitor], subject: str, status: int
):
    ana = visit("17", email="ana@example.com")
    server.call("POST", "/api/v1/users", {"name": "ben@example.com"})
    with pytest.raises(Refused) as refused:
        server.call("PATCH", "/api/v1/users/ben@example.com", {"subject": subject})
    assert refused.value.status == status
    session = ana.session
    assert session
    change = ana.ask("PATCH", "/api/v1/users/ben@example.com", {"subject": "19"}, session["csrf_token"])
    assert change.status == 403


@pytest.mark.parametrize("claims", [{"email": "ana@elsewhere.example"}, {"email": "a'b@example.com"}, {"name": "Ana"}])
def test_who_is_not_let_in_is_told_why_and_leaves_nothing(
    server: RunningServer, visit: Callable[..., Visitor], claims: dict[str, str]
):
    before = names_in(server)
    refused = visit("17", **claims)
    assert (refused.last.status, refused.name, names_in(server)) == (403, "", before)
    assert len(refused.cookies) == 1  # of a sign-in that is over
    assert "sign in with" in refused.last.body.decode().lower()


def test_user_who_is_not_active_stays_out(server: RunningServer, visit: Callable[..., Visitor]):
    """Whether linked already or not."""
    ana = visit("17", email="ana@example.com")
    server.call("POST", "/api/v1/users", {"name": "ben@example.com"})
    for name in ("ana@example.com", "ben@example.com"):
        server.call("PATCH", f"/api/v1/users/{name}", {"is_active": False})
    assert ana.name == ""
    for subject, name in (("17", "ana@example.com"), ("18", "ben@example.com")):
        refused = visit(subject, email=name)
        assert (refused.last.status, "not active" in told(refused.last)) == (403, True)


def test_deleted_user_is_somebody_new(server: RunningServer, visit: Callable[..., Visitor]):
    ana = visit("17", email="ana@example.com")
    server.call("DELETE", "/api/v1/users/ana@example.com")
    assert ana.name == ""
    assert visit("18", email="ana@example.com").name == "ana@example.com"


def test_groups_that_follow_the_sign_in_have_whom_the_provider_names(
    server: RunningServer, visit: Callable[..., Visitor]
):
    server.call("POST", "/api/v1/groups", {"name": "vision", "follows_sign_in": True})
    server.call("POST", "/api/v1/groups", {"name": "by-hand", "members": []})
    try:
        ana = visit("17", email="ana@example.com", groups=["Vision", "by-hand", "unknown"])
        assert server.call("GET", "/api/v1/users/ana@example.com")["groups"] == ["vision"]
        server.call("PATCH", "/api/v1/groups/by-hand", {"add": ["ana@example.com"]})
        assert ana.name
        again = visit("17", email="ana@example.com", groups=["vision"])
        assert (ana.name, again.name) == ("ana@example.com",) * 2
        gone = visit("17", email="ana@example.com", groups=[])
        assert (ana.name, again.name, gone.name) == ("", "", "ana@example.com")
        assert server.call("GET", "/api/v1/users/ana@example.com")["groups"] == ["by-hand"]
        lines = server.call("GET", "/api/v1/activity?object_type=group&object_id=vision")["lines"]
        assert [each["change"] for each in lines] == ["changed", "changed", "created"]
        assert {each["name"] for each in server.call("GET", "/api/v1/groups")} == {"vision", "by-hand"}
        for change in ({"add": ["ana@example.com"]}, {"remove": ["ana@example.com"]}):
            with pytest.raises(Refused) as refused:
                server.call("PATCH", "/api/v1/groups/vision", change)
            assert refused.value.status == 409
        with pytest.raises(Refused) as refused:
            server.call(
                "POST", "/api/v1/groups", {"name": "x", "members": ["ana@example.com"], "follows_sign_in": True}
            )
        assert refused.value.status == 400
    finally:
        for name in ("vision", "by-hand"):
            server.call("DELETE", f"/api/v1/groups/{name}")


def test_signing_out_ends_the_session(visit: Callable[..., Visitor]):
    ana = visit("17", email="ana@example.com")
    session = ana.session
    assert session
    assert ana.ask("DELETE", "/api/v1/sessions/current", csrf_token=session["csrf_token"]).status == 200
    assert (ana.name, ana.cookies) == ("", {})


def test_session_takes_the_place_of_the_one_before(server: RunningServer, visit: Callable[..., Visitor]):
    """Though the provider's page does not send it along."""
    ana = visit("17", email="ana@example.com")
    before = dict(ana.cookies)
    address = ana.begin()
    ana.cookies = {name: value for name, value in ana.cookies.items() if name not in before}
    assert ana.get(ana.at_provider(address)).status == 303
    old = Visitor(server)
    old.cookies = before
    assert (old.name, ana.name) == ("", "ana@example.com")


def test_keys_are_exchanged(provider: IdentityProvider, visit: Callable[..., Visitor]):
    assert visit("17", email="ana@example.com").name
    provider.exchange_keys()
    assert visit("17", email="ana@example.com").name


def test_what_the_token_lacks_is_asked_for(provider: IdentityProvider, visit: Callable[..., Visitor]):
    with provider.telling(claims=lambda claims: {**claims, "email": None}):  # what is None is left out
        assert visit("17", email="ana@example.com").name == "ana@example.com"


def test_provider_that_is_away_keeps_nobody_else_out(tmp_path: Path):
    with IdentityProvider() as provider:
        server = RunningServer(tmp_path / "home", *provider.options(tmp_path), *DOMAIN)
        provider.stop()
        server.start()
        try:
            server.call("POST", "/api/v1/users", {"name": "ana@example.com"})
            password = {"password": "four green lamps at night"}
            server.call("PUT", "/api/v1/users/ana@example.com/password", password)
            visitor = Visitor(server)
            away = visitor.get("/sign-in")
            assert away.status == 503
            assert provider.name in told(away)
            assert "Sign in by name and password" in told(away)
            signed_in = visitor.ask("POST", "/api/v1/sessions", {"name": "ana@example.com", **password})
            assert signed_in.status == 200
            provider.start()
            provider.knows("17", email="ana@example.com")
            assert visitor.sign_in().status == 303
            address = visitor.begin()
            back = visitor.at_provider(address)
            provider.stop()
            assert visitor.get(back).status == 503
        finally:
            server.stop()


def test_without_domains_only_users_get_in(tmp_path: Path, provider: IdentityProvider):
    """As a public client too."""
    server = RunningServer(tmp_path / "home", *provider.public_options())
    server.start()
    try:
        provider.knows("17", email="ana@example.com", groups=["vision"])
        refused = Visitor(server).sign_in()
        assert (refused.status, "There is no user" in told(refused)) == (403, True)
        server.call("POST", "/api/v1/users", {"name": "ana@example.com"})
        visitor = Visitor(server)
        assert (visitor.sign_in().status, visitor.name) == (303, "ana@example.com")
    finally:
        server.stop()


def test_secret_that_others_can_read_is_refused_at_the_start(tmp_path: Path, provider: IdentityProvider):
    options = provider.options(tmp_path)
    Path(options[options.index("--oidc-client-secret-file") + 1]).chmod(0o644)
    server = RunningServer(tmp_path / "home", *options)
    with pytest.raises(AssertionError, match="can be read by others"):
        server.start()


def test_without_a_provider_there_is_nothing_to_sign_in_by(tmp_path: Path):
    server = RunningServer(tmp_path / "home")
    server.start()
    try:
        for path in ("/sign-in", "/sign-in/callback?code=x&state=y"):
            answer = server.ask("GET", path, token="")
            assert (answer.status, "by a provider" in told(answer)) == (404, True)
        assert b"Sign in with" not in server.ask("GET", "/", token="").body
        with pytest.raises(Refused) as refused:
            server.call("PATCH", "/api/v1/users/" + next(iter(names_in(server))), {"subject": "17"})
        assert refused.value.status == 409
    finally:
        server.stop()


def test_page_offers_the_provider(server: RunningServer, provider: IdentityProvider):
    page = server.ask("GET", "/runs/a'b", token="").body.decode()
    assert f"Sign in with {provider.name}" in page
    assert 'href="/sign-in?next=/runs/a%2527b"' in page


def test_processes_of_a_team_share_a_sign_in(tmp_path: Path, postgresql: PostgresqlCluster, provider: IdentityProvider):
    options = (*provider.options(tmp_path), *DOMAIN, "--processes", "2")
    server = RunningServer(tmp_path / "home", *options, database=postgresql.make_database())
    server.start()
    try:
        for number in range(6):
            provider.knows(str(number), email=f"u{number % 3}@example.com", groups=[])
            expected = 303 if number < 3 else 403
            assert Visitor(server).sign_in().status == expected
        assert len(names_in(server)) == 4
    finally:
        server.stop()
