"""People sign in by password or by a code, and what they opened ends at once where it must."""

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from terrazul.testing.postgresql import PostgresqlCluster
from terrazul.testing.server import Answer, Refused, RunningServer

pytestmark = pytest.mark.functional

PASSWORD = "four green lamps at night"
OTHER = "seven red boats by day"
MLFLOW = "mlflow/api/2.0/mlflow"


class Browser:
    """Keeps the cookie of a session, as a browser would, and what its page was told."""

    def __init__(self, server: RunningServer, answer: Answer) -> None:
        self._server = server
        self.set_cookie = answer.headers["set-cookie"]
        self.cookie = self.set_cookie.partition(";")[0]
        self.signed_in: dict[str, Any] = json.loads(answer.body)

    @property
    def session_id(self) -> str:
        return str(self.signed_in["session"]["session_id"])

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """A request as the page makes it; a header that is given as empty is left out."""
        told = {"Cookie": self.cookie, "Terrazul-Csrf-Token": self.signed_in["csrf_token"]}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else json.dumps(body).encode()
        return self._server.ask(
            method, path, data, token="", headers={name: value for name, value in told.items() if value}
        )

    @property
    def is_open(self) -> bool:
        return self.ask("GET", "/api/v1/me").status == 200


class Team(NamedTuple):
    """A server, and a user with a password."""

    server: RunningServer

    def sign_in(self, name: str = "ana", password: str = PASSWORD, **more: str) -> Browser:
        return Browser(self.server, self.try_to(name=name, password=password, **more))

    def try_to(self, **given: str) -> Answer:
        return self.server.ask("POST", "/api/v1/sessions", json.dumps(given).encode(), token="")

    def set_password(self, name: str, password: str) -> None:
        self.server.call("PUT", f"/api/v1/users/{name}/password", {"password": password})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    server = RunningServer(tmp_path_factory.mktemp("sessions") / "home")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def team(server: RunningServer) -> Iterator[Team]:
    """With a user ana, who is somebody else in each test."""
    server.call("POST", "/api/v1/users", {"name": "ana"})
    made = Team(server)
    made.set_password("ana", PASSWORD)
    yield made
    server.call("DELETE", "/api/v1/users/ana")


def test_password_opens_a_session_that_works_as_a_token_does(team: Team):
    ana = team.sign_in("Ana ")
    for part in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert part.lower() in ana.set_cookie.lower()
    assert "secure" not in ana.set_cookie.lower()
    assert ana.signed_in["session"]["user"] == "ana"
    assert json.loads(ana.ask("GET", "/api/v1/me").body)["name"] == "ana"
    made = ana.ask("POST", "/api/v1/tokens", {"label": "mine"})
    assert team.server.ask("GET", "/api/v1/me", token=json.loads(made.body)["token"]).status == 200
    again = json.loads(ana.ask("GET", "/api/v1/sessions/current").body)
    assert again["csrf_token"] == ana.signed_in["csrf_token"]


def test_mlflows_methods_take_a_session_too(team: Team):
    workspace = team.server.workspace()
    team.server.call("POST", f"{workspace}/members", {"user": "ana", "role": "Contributor"})
    ana = team.sign_in()
    made = ana.ask("POST", f"{workspace}/{MLFLOW}/experiments/create", {"name": "by hand"})
    assert made.status == 200, made
    refused = ana.ask("POST", f"{workspace}/{MLFLOW}/experiments/create", {"name": "x"}, Terrazul_Csrf_Token="")
    assert refused.status == 403
    assert ana.ask("GET", f"{workspace}/{MLFLOW}/experiments/get-by-name?experiment_name=by+hand").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_cookie_alone_changes_nothing(team: Team, method: str):
    ana, other = team.sign_in(), team.sign_in()
    path = {"PUT": "/api/v1/users/ana/password", "PATCH": "/api/v1/users/ana", "DELETE": "/api/v1/sessions"}
    for wrong in ("", "x", "é", other.signed_in["csrf_token"]):
        refused = ana.ask(method, path.get(method, "/api/v1/tokens"), {}, Terrazul_Csrf_Token=wrong)
        assert (refused.status, b"Terrazul-Csrf-Token" in refused.body) == (403, True), (wrong, refused)
    foreign = ana.ask(method, path.get(method, "/api/v1/tokens"), {}, Origin="https://evil.example")
    assert (foreign.status, b"evil.example" in foreign.body) == (403, True)
    assert ana.is_open


def test_token_counts_before_a_session(team: Team):
    ana = team.sign_in()
    assert ana.ask("GET", "/api/v1/me", Authorization="Bearer wrong").status == 401
    owners = ana.ask("GET", "/api/v1/me", Authorization=f"Bearer {team.server.token}")
    assert json.loads(owners.body)["is_admin"]


def test_secret_of_a_session_is_no_token_and_a_token_no_session(team: Team):
    ana = team.sign_in()
    name, _, secret = ana.cookie.partition("=")
    assert team.server.ask("GET", "/api/v1/me", token=secret).status == 401
    for cookie in (f"{name}={team.server.token}", f"other={secret}", f"{ana.cookie}; {name}=x", f"{name}="):
        assert ana.ask("GET", "/api/v1/me", Cookie=cookie).status == 401, cookie
    assert ana.ask("GET", "/api/v1/me", Cookie=f"a=b; {ana.cookie}; c").status == 200


def test_sessions_are_listed_and_ended(team: Team):
    one, two, three = team.sign_in(), team.sign_in(), team.sign_in()
    listed = json.loads(two.ask("GET", "/api/v1/sessions").body)
    assert [each["session_id"] for each in listed] == [one.session_id, two.session_id, three.session_id]
    assert [each["is_current"] for each in listed] == [False, True, False]
    assert {(each["user"], each["method"], each["address"]) for each in listed} == {("ana", "password", "127.0.0.1")}
    assert all(each["created_at"] <= each["seen_at"] < each["expires_at"] for each in listed)
    assert two.ask("DELETE", f"/api/v1/sessions/{one.session_id}").status == 204
    assert (one.is_open, two.is_open) == (False, True)
    ended = two.ask("DELETE", "/api/v1/sessions/current")
    assert (ended.status, "max-age=0" in ended.headers["set-cookie"].lower()) == (200, True)
    assert (two.is_open, three.is_open) == (False, True)
    assert three.ask("DELETE", "/api/v1/sessions").status == 204
    assert not three.is_open


def test_nobody_gets_at_the_sessions_of_others(team: Team):
    ana = team.sign_in()
    team.server.call("POST", "/api/v1/users", {"name": "eve"})
    team.set_password("eve", PASSWORD)
    eve = team.sign_in("eve")
    assert eve.ask("GET", "/api/v1/sessions?user=ana").status == 403
    assert eve.ask("DELETE", "/api/v1/sessions?user=ana").status == 403
    assert eve.ask("DELETE", f"/api/v1/sessions/{ana.session_id}").status == 404
    assert eve.ask("PUT", "/api/v1/users/ana/password", {"password": OTHER}).status == 403
    assert ana.is_open
    assert len(team.server.call("GET", "/api/v1/sessions?user=ana")) == 1
    team.server.call("DELETE", "/api/v1/sessions?user=ana")
    assert not ana.is_open
    team.server.call("DELETE", "/api/v1/users/eve")


@pytest.mark.parametrize("change", ["password", "own password", "administrator", "inactive", "role", "group", "gone"])
def test_session_ends_at_once(team: Team, change: str):
    call, workspace = team.server.call, team.server.workspace()
    call("POST", f"{workspace}/members", {"user": "ana", "role": "Reader"})
    call("POST", "/api/v1/groups", {"name": "vision", "members": ["ana"]})
    ana = team.sign_in()
    assert ana.is_open
    if change == "password":
        team.set_password("ana", OTHER)
    elif change == "own password":
        own = ana.ask("PUT", "/api/v1/users/ana/password", {"password": OTHER, "current": PASSWORD})
        assert own.status == 204, own
    elif change == "administrator":
        call("PATCH", "/api/v1/users/ana", {"is_admin": True})
    elif change == "inactive":
        call("PATCH", "/api/v1/users/ana", {"is_active": False})
    elif change == "role":
        call("POST", f"{workspace}/members/remove", {"user": "ana", "role": "Reader"})
    elif change == "group":
        call("PATCH", "/api/v1/groups/vision", {"remove": ["ana"]})
    else:
        call("DELETE", "/api/v1/users/ana")
        call("POST", "/api/v1/users", {"name": "ana"})
    assert not ana.is_open
    call("DELETE", "/api/v1/groups/vision")


def test_what_is_given_does_not_end_a_session(team: Team):
    ana = team.sign_in()
    workspace = team.server.workspace()
    team.server.call("POST", f"{workspace}/members", {"user": "ana", "role": "Reader"})
    team.server.call("PATCH", "/api/v1/users/ana", {"display_name": "Ana", "is_active": True})
    assert ana.ask("GET", workspace).status == 200


def test_own_password_is_changed_by_who_knows_it(team: Team):
    ana = team.sign_in()
    for given in ({}, {"current": OTHER}):
        refused = ana.ask("PUT", "/api/v1/users/ana/password", {"password": OTHER, **given})
        assert (refused.status, b"current password" in refused.body) == (403, True)
    assert ana.is_open
    restricted = team.server.call("POST", "/api/v1/tokens", {"user": "ana", "actions": ["password/*", "session/*"]})
    for method, path in (("PUT", "/api/v1/users/ana/password"), ("POST", "/api/v1/sessions/codes")):
        body = json.dumps({"password": OTHER, "current": PASSWORD}).encode()
        assert team.server.ask(method, path, body, token=restricted["token"]).status == 403


@pytest.mark.parametrize(
    "password", ["short", "anaanaanaana!", "ANA-ana-ANA-ana", "aaaaaaaaaaaaaaaa", "x" * 2000, "a\nbcdefghijkl"]
)
def test_weak_password_is_refused(team: Team, password: str):
    with pytest.raises(Refused) as refused:
        team.set_password("ana", password)
    assert (refused.value.status, "password" in refused.value.body["message"]) == (400, True)
    assert team.sign_in().is_open


def test_program_has_no_password(team: Team):
    team.server.call("POST", "/api/v1/users", {"name": "robot", "kind": "service_principal"})
    with pytest.raises(Refused) as refused:
        team.set_password("robot", PASSWORD)
    assert refused.value.status == 409
    team.server.call("DELETE", "/api/v1/users/robot")


def test_refusal_does_not_tell_who_exists(team: Team):
    team.server.call("POST", "/api/v1/users", {"name": "without"})
    answers = [
        team.try_to(name=name, password=OTHER)
        for name in ("ana", "nobody", "without", "not a name!", "ana\0", "é" * 500)
    ]
    told = {(each.status, json.loads(each.body)["message"], "set-cookie" in each.headers) for each in answers}
    assert told == {(401, "The name or the password is not right.", False)}
    for given in ({}, {"name": "ana"}, {"password": PASSWORD}, {"code": "x"}):
        assert team.try_to(**given).status == 401
    assert team.server.ask("POST", "/api/v1/sessions", b"[]", token="").status == 400
    team.server.call("DELETE", "/api/v1/users/without")


def test_code_signs_in_once(team: Team):
    token = team.server.call("POST", "/api/v1/tokens", {"user": "ana"})["token"]
    made = team.server.call("POST", "/api/v1/sessions/codes", {}, token=token)
    browser = Browser(team.server, team.try_to(code=made["code"]))
    assert browser.signed_in["session"]["user"] == "ana"
    assert browser.signed_in["session"]["method"] == "code"
    assert team.try_to(code=made["code"]).status == 401
    other = team.server.call("POST", "/api/v1/sessions/codes", {}, token=token)
    team.server.call("PATCH", "/api/v1/users/ana", {"is_active": False})
    team.server.call("PATCH", "/api/v1/users/ana", {"is_active": True})
    assert team.try_to(code=other["code"]).status == 401


def test_session_takes_the_place_of_the_one_before(team: Team):
    before = team.sign_in()
    body = {"name": "ana", "password": PASSWORD}
    after = Browser(team.server, before.ask("POST", "/api/v1/sessions", body))
    assert (before.is_open, after.is_open) == (False, True)


def test_activity_log_tells_who_signed_in_and_out_and_who_was_refused(team: Team):
    team.server.call("POST", "/api/v1/users", {"name": "zoe"})
    team.set_password("zoe", PASSWORD)
    zoe = team.sign_in("zoe")
    zoe.ask("DELETE", "/api/v1/sessions/current")
    team.try_to(name="a password by mistake", password=OTHER)
    team.try_to(name="zoe", password=OTHER)
    lines = team.server.call("GET", "/api/v1/activity?limit=20")["lines"]
    told = [(each["operation"], each["status"], each["user"], each["object_type"], each["change"]) for each in lines]
    assert [each for each in told if each[0] in {"open_session", "sign_out"} and each[3]][:3] == [
        ("open_session", 401, "", "user", ""),
        ("sign_out", 200, "zoe", "session", "deleted"),
        ("open_session", 200, "zoe", "session", "created"),
    ]
    assert lines[0]["object_id"] == "zoe"
    assert {each["through"] for each in lines if each["operation"] == "sign_out"} >= {zoe.session_id}
    assert "by mistake" not in json.dumps(lines)
    team.server.call("DELETE", "/api/v1/users/zoe")
    assert team.server.call("GET", "/api/v1/activity/verify")["problem"] == ""


def test_who_was_wrong_too_often_waits_also_over_a_restart(tmp_path: Path):
    """With a name that is not there the same, so that nobody learns which is."""
    server = RunningServer(tmp_path / "home")
    server.start()
    team = Team(server)
    try:
        server.call("POST", "/api/v1/users", {"name": "ana"})
        team.set_password("ana", PASSWORD)
        for name in ("ana", "nobody"):
            assert [team.try_to(name=name, password=OTHER).status for _ in range(5)] == [401] * 5
        server.kill()
        wait_ten_minutes_longer(server)
        server.start()
        for name in ("ana", "ANA ", "nobody"):
            refused = team.try_to(name=name, password=PASSWORD)
            assert (refused.status, 0 < int(refused.headers["retry-after"]) <= 601) == (429, True)
            assert json.loads(refused.body)["code"] == "too_many_attempts"
        code = server.call("POST", "/api/v1/sessions/codes", {})["code"]
        assert team.try_to(code=code).status == 200
    finally:
        server.stop()


def wait_ten_minutes_longer(server: RunningServer) -> None:
    """As if the five wrong attempts with each name had been fourteen."""
    with contextlib.closing(sqlite3.connect(server.home.database_file)) as database, database:
        rows = database.execute("SELECT subject, wrong, blocked_until > last_at FROM sign_in_attempt").fetchall()
        assert {(subject.partition(" ")[0], wrong, blocked) for subject, wrong, blocked in rows} == {
            ("name", 5, 1),
            ("address", 10, 0),
        }
        database.execute("UPDATE sign_in_attempt SET blocked_until = last_at + 600000000 WHERE wrong = 5")


def test_sessions_of_a_team_end_on_every_process(tmp_path: Path, postgresql: PostgresqlCluster):
    server = RunningServer(tmp_path / "home", "--processes", "2", database=postgresql.make_database())
    server.start()
    team = Team(server)
    try:
        server.call("POST", "/api/v1/users", {"name": "ana"})
        team.set_password("ana", PASSWORD)
        ana = team.sign_in()
        assert all(ana.is_open for _ in range(20))
        team.set_password("ana", OTHER)
        ended = time.monotonic()
        while ana.is_open:
            assert time.monotonic() - ended < 60
        time.sleep(1)  # by when every process has to know
        assert not any(ana.is_open for _ in range(20))
        statuses = [team.try_to(name="ana", password="wrong " + PASSWORD).status for _ in range(10)]
        assert statuses[:5] == [401] * 5
        assert 429 in statuses
    finally:
        server.stop()


def test_cookie_over_https_is_of_one_host_and_of_https_alone(tmp_path: Path):
    server = RunningServer(tmp_path / "home", "--tls")
    server.start()
    try:
        code = server.call("POST", "/api/v1/sessions/codes", {})["code"]
        browser = Browser(server, Team(server).try_to(code=code))
        assert browser.cookie.startswith("__Host-terrazul-")
        assert "; Secure" in browser.set_cookie
        assert "domain" not in browser.set_cookie.lower()
        assert browser.is_open
    finally:
        server.stop()


def test_page_signs_in_by_a_script_of_the_servers_own(team: Team):
    page = team.server.ask("GET", "/", token="")
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert b'<script src="/page.js"' in page.body
    script = team.server.ask("GET", "/page.js", token="")
    assert script.headers["content-type"].startswith("text/javascript")
    assert b"innerHTML" not in script.body


def test_answers_that_hold_a_secret_are_kept_by_no_cache(team: Team):
    ana = team.sign_in()
    answers = [
        team.try_to(name="ana", password=PASSWORD),
        ana.ask("GET", "/api/v1/sessions/current"),
        ana.ask("POST", "/api/v1/sessions/codes", {}),
    ]
    assert [each.headers.get("cache-control") for each in answers] == ["no-store"] * 3
