"""What a role allows is exactly what it opens, on every route; nobody gets at another workspace by a guessed id."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from terrazul.server.identity.roles import BUILT_IN
from terrazul.server.identity.rules import FOR_EVERYBODY
from terrazul.testing.routes import Route
from terrazul.testing.server import RunningServer
from terrazul.testing.submission import wait_for

from .conftest import CLOSED, SECRET, Victim, assert_closed
from .test_run_tokens import seen


@pytest.fixture
def ana(platform: RunningServer) -> Iterator[str]:
    """The token of a user without any role."""
    yield token_for(platform, "ana")
    platform.call("DELETE", "/api/v1/users/ana")


def token_for(server: RunningServer, name: str, **restriction: Any) -> str:
    if server.ask("GET", f"/api/v1/users/{name}").status == 404:
        server.call("POST", "/api/v1/users", {"name": name})
    return str(server.call("POST", "/api/v1/tokens", {"user": name, **restriction})["token"])


def is_open(server: RunningServer, route: Route, ids: dict[str, str], token: str) -> bool:
    """Whether a route lets a caller do its thing, with an object that is not there."""
    answer = server.ask(route.method, route.address(ids), b"{}", token=token)
    assert answer.status < 500, (str(route), answer)
    assert answer.status != 401, (str(route), answer)
    return answer.status != 403


@pytest.mark.parametrize("role", BUILT_IN)
def test_each_role_opens_what_it_allows_and_nothing_else(platform: RunningServer, routes: list[Route], role: str):
    workspace = platform.workspace(f"of-{role.replace(' ', '-').lower()}")
    name = role.replace(" ", "-").lower()
    token = token_for(platform, name)
    platform.call("POST", f"{workspace}/members", {"user": name, "role": role})
    ids = {"workspace_id": workspace.rpartition("/")[2], "user_name": "nobody", "group_name": "none"}
    allowed = {each.value for each in BUILT_IN[role].actions}
    for_everybody = {each.value for each in FOR_EVERYBODY}
    last = "DELETE /api/v1/workspaces/{workspace_id}"
    for route in sorted(routes, key=lambda each: str(each) == last):
        if route.action and route.template != "/api/v1/workspaces":
            expected = route.action in (allowed if "workspace_id" in route.names else for_everybody)
            assert is_open(platform, route, ids, token) == expected, (role, str(route), route.action)
    platform.call("DELETE", f"/api/v1/users/{name}")


def test_user_without_a_role_gets_at_nothing(
    platform: RunningServer, routes: list[Route], ana: str, neighbour: Victim, stranger: Victim
):
    before = seen(platform, neighbour)
    assert_closed(platform, [route for route in routes if "workspace_id" in route.names], ana, neighbour)
    assert json.loads(platform.ask("GET", "/api/v1/workspaces", token=ana).body) == []
    scope = {"subscription_id": "local", "resource_group": "terrazul", "name": f"other-{SECRET}"}
    found = platform.ask("POST", "/api/v1/workspaces/resolve", json.dumps(scope).encode(), token=ana)
    assert (found.status, stranger.ids["workspace_id"].encode() in found.body) == (404, False)
    assert seen(platform, neighbour) == before


def test_owner_of_one_workspace_reaches_nothing_of_another_by_its_id(
    platform: RunningServer, routes: list[Route], ana: str, stranger: Victim
):
    made = platform.call("POST", "/api/v1/workspaces", scope_of("ana-s"), token=ana)
    own = replace(stranger, workspace=f"/api/v1/workspaces/{made['workspace_id']}")
    before = seen(platform, stranger)
    things = [route for route in routes if len(route.names) > 1 and "workspace_id" in route.names]
    for route in things:
        answer = platform.ask(route.method, route.address(own.ids), b"{}", token=ana)
        assert SECRET.encode() not in answer.body or answer.status in CLOSED, (str(route), answer)
    assert_closed(platform, [route for route in routes if "workspace_id" in route.names], ana, stranger)
    assert seen(platform, stranger) == before


def scope_of(name: str) -> dict[str, str]:
    return {"subscription_id": "local", "resource_group": "terrazul", "name": name}


def test_who_makes_a_workspace_owns_it_at_once(platform: RunningServer, ana: str):
    made = platform.call("POST", "/api/v1/workspaces", scope_of("made-by-ana"), token=ana)
    address = f"/api/v1/workspaces/{made['workspace_id']}"
    assert platform.call("GET", f"{address}/members", token=ana)[0]["role"] == "Owner"
    platform.call("DELETE", address, token=ana)


def test_what_is_taken_away_is_gone_within_a_second(platform: RunningServer, ana: str, neighbour: Victim):
    address = f"{neighbour.workspace}/runs"

    def opens() -> bool:
        return platform.ask("GET", address, token=ana).status == 200

    reader = {"user": "ana", "role": "Reader"}
    platform.call("POST", f"{neighbour.workspace}/members", reader)
    assert opens()
    platform.call("POST", f"{neighbour.workspace}/members/remove", reader)
    assert not opens()
    platform.call("POST", "/api/v1/groups", {"name": "vision", "members": ["ana"]})
    platform.call("POST", f"{neighbour.workspace}/members", {"group": "vision", "role": "Reader"})
    assert opens()
    platform.call("PATCH", "/api/v1/groups/vision", {"remove": ["ana"]})
    assert not opens()
    platform.call("PATCH", "/api/v1/groups/vision", {"add": ["ana"]})
    assert opens()
    platform.call("PATCH", "/api/v1/users/ana", {"is_active": False})
    assert platform.ask("GET", address, token=ana).status == 401
    platform.call("PATCH", "/api/v1/users/ana", {"is_active": True})
    assert opens()
    platform.call("DELETE", "/api/v1/groups/vision")
    assert not opens()


def test_own_role_gives_its_actions_and_no_more(platform: RunningServer, ana: str, neighbour: Victim):
    platform.call("POST", "/api/v1/roles", {"name": "Looks", "actions": ["run/read", "member/*"]})
    platform.call("POST", f"{neighbour.workspace}/members", {"user": "ana", "role": "Looks"})
    assert platform.ask("GET", f"{neighbour.workspace}/runs", token=ana).status == 200
    assert platform.ask("GET", f"{neighbour.workspace}/models", token=ana).status == 403
    higher = json.dumps({"user": "ana", "role": "Owner"}).encode()
    refused = platform.ask("POST", f"{neighbour.workspace}/members", higher, token=ana)
    assert (refused.status, b"allows more than you may" in refused.body) == (403, True)
    assert platform.ask("DELETE", "/api/v1/roles/Looks").status == 409
    platform.call("POST", f"{neighbour.workspace}/members/remove", {"user": "ana", "role": "Looks"})
    platform.call("DELETE", "/api/v1/roles/Looks")
    for wrong in (["user/write"], ["nothing/read"], ["ru*"], [""]):
        body = json.dumps({"name": "Wrong", "actions": wrong}).encode()
        assert platform.ask("POST", "/api/v1/roles", body).status == 400, wrong
    owner = json.dumps({"name": "owner", "actions": ["run/read"]}).encode()
    assert platform.ask("POST", "/api/v1/roles", owner).status == 409


@pytest.mark.usefixtures("ana")
def test_restricted_token_does_what_it_is_for_only(platform: RunningServer, neighbour: Victim, stranger: Victim):
    for victim in (neighbour, stranger):
        platform.call("POST", f"{victim.workspace}/members", {"user": "ana", "role": "Contributor"})
    reads = token_for(platform, "ana", actions=["*/read"])
    here = token_for(platform, "ana", workspace_id=neighbour.ids["workspace_id"])
    tag = json.dumps({"name": "by a token"}).encode()
    assert platform.ask("GET", f"{neighbour.workspace}/runs", token=reads).status == 200
    assert platform.ask("POST", f"{neighbour.workspace}/experiments", tag, token=reads).status == 403
    assert platform.ask("GET", f"{neighbour.workspace}/webservices/x/keys", token=reads).status == 403
    assert platform.ask("GET", f"{neighbour.workspace}/runs", token=here).status == 200
    assert platform.ask("GET", f"{stranger.workspace}/runs", token=here).status == 403
    listed = json.loads(platform.ask("GET", "/api/v1/workspaces", token=here).body)
    assert [each["workspace_id"] for each in listed] == [neighbour.ids["workspace_id"]]
    for restricted in (reads, here):
        assert platform.ask("POST", "/api/v1/tokens", b"{}", token=restricted).status == 403


def test_token_is_kept_as_a_hash_and_dies_when_it_is_deleted(platform: RunningServer, ana: str):
    made = platform.call("POST", "/api/v1/tokens", {"label": "short", "days": 1}, token=ana)
    token, about = made["token"], made["about"]
    assert token.startswith("tz_")
    assert platform.call("GET", "/api/v1/me", token=token)["name"] == "ana"
    assert token not in json.dumps(platform.call("GET", "/api/v1/tokens", token=ana))
    for file in platform.home.path.glob("terrazul.db*"):
        assert token.encode() not in file.read_bytes()
    other = token_for(platform, "ben")
    assert platform.ask("DELETE", f"/api/v1/tokens/{about['token_id']}", token=other).status == 404
    platform.call("DELETE", f"/api/v1/tokens/{about['token_id']}", token=ana)
    assert platform.ask("GET", "/api/v1/me", token=token).status == 401
    platform.call("DELETE", "/api/v1/users/ben")


def test_deleted_user_is_out_at_once(platform: RunningServer):
    token = token_for(platform, "gone")
    assert platform.call("GET", "/api/v1/me", token=token)["name"] == "gone"
    platform.call("DELETE", "/api/v1/users/gone")
    wait_for(lambda: platform.ask("GET", "/api/v1/me", token=token).status == 401, 1)


def test_last_administrator_stays(platform: RunningServer):
    name = platform.call("GET", "/api/v1/me")["name"]
    for change in ({"is_admin": False}, {"is_active": False}):
        assert platform.ask("PATCH", f"/api/v1/users/{name}", json.dumps(change).encode()).status == 409
    assert platform.ask("DELETE", f"/api/v1/users/{name}").status == 409
    assert platform.call("GET", "/api/v1/me")["is_admin"]


@pytest.mark.parametrize("name", ["", " ", "-x", "a b", "x" * 101, "é", "../x", "a/b", "\0"])
def test_user_with_a_wrong_name_is_refused(platform: RunningServer, name: str):
    for address in ("users", "groups"):
        refused = platform.ask("POST", f"/api/v1/{address}", json.dumps({"name": name}).encode())
        assert refused.status == 400, (address, refused)
