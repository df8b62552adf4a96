"""Every refusal is in the activity log, whatever the route, and nothing secret is."""

import json
from collections import Counter
from typing import Any

from terrazul.testing.routes import Route
from terrazul.testing.server import RunningServer

from .conftest import Victim

OF_THE_FRAMEWORK = {"/api/v1", "/api/v1/openapi.json", "/api/v1/{path}"}
"""The document of all routes: these have no names of ours."""
SECRET = "canary-of-the-log-5d20"


def lines(server: RunningServer, query: str = "") -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.call("GET", f"/api/v1/activity/export?{query}").splitlines()]


def test_refusal_of_each_route_is_in_it(platform: RunningServer, routes: list[Route], neighbour: Victim):
    """Those of nobody, and those of a user who may not."""
    user = "refused-everywhere"
    platform.call("POST", "/api/v1/users", {"name": user})
    token = platform.call("POST", "/api/v1/tokens", {"user": user})["token"]
    operations = operations_of(platform)
    refused: Counter[tuple[str, int]] = Counter()
    for route in routes:
        for given in ("", token):
            answer = platform.ask(route.method, route.address(neighbour.ids), b"{}", token=given)
            if answer.status in {401, 403}:
                refused[operations[str(route)], answer.status] += 1
    told: Counter[tuple[str, int]] = Counter()
    for line in lines(platform, "result=refused"):
        told[line["operation"], line["status"]] += line["count"]
    closed = {operations[str(route)] for route in routes if route.action}
    assert {operation for operation, status in refused if status == 401} >= closed
    assert refused.keys() <= told.keys()
    platform.call("DELETE", f"/api/v1/users/{user}")


def operations_of(server: RunningServer) -> dict[str, str]:
    document = json.loads(server.call("GET", "/api/v1/openapi.json"))
    return {
        f"{method.upper()} {template}": "" if template in OF_THE_FRAMEWORK else about[method]["operationId"]
        for template, about in document["paths"].items()
        for method in about
        if method in {"get", "put", "post", "patch", "delete"}
    }


def test_refused_entry_of_a_batch_is_in_it(platform: RunningServer, run_token: str, neighbour: Victim):
    batch = {"writer": "log-intruder", "sequence": 1, "changes": [{"run_id": neighbour.run_id, "set_tags": {"a": "b"}}]}
    answer = platform.call("POST", f"{neighbour.workspace}/writes", batch, token=run_token)
    assert [each["code"] for each in answer["refusals"]] == ["forbidden"]
    assert [line for line in lines(platform, "result=refused&action=run/write") if line["kind"] == "run"]


def test_nothing_secret_is_in_it(platform: RunningServer, routes: list[Route], neighbour: Victim):
    """No token, no body, no query, no header, whatever becomes of the request."""
    headers = {"Authorization": f"Bearer {SECRET}", "Cookie": f"token={SECRET}", "X-Secret": SECRET}
    for route in routes:
        address = route.address(neighbour.ids)
        separator = "&" if "?" in address else "?"
        platform.ask(route.method, f"{address}{separator}token={SECRET}", b"{}", token="", headers=headers)
        if route.method in {"POST", "PATCH"} and not route.template.endswith(("/cancel", "/reload")):
            platform.ask(route.method, address, json.dumps({"password": SECRET}).encode())
    token = platform.call("POST", "/api/v1/tokens", {"label": SECRET})["token"]
    platform.ask("DELETE", f"/api/v1/tokens/{token}")
    text = json.dumps(lines(platform))
    for secret in (SECRET, token, platform.token):
        assert secret not in text


def test_who_guesses_tokens_does_not_fill_it(platform: RunningServer, neighbour: Victim):
    before = len(lines(platform))
    for number in range(300):
        assert platform.ask("GET", f"{neighbour.workspace}/runs/r{number}", token=f"guess-{number}").status == 401
    assert len(lines(platform)) - before <= 110


def test_log_of_the_whole_installation_is_sound(platform: RunningServer):
    """After all that the tests before it tried."""
    found = platform.call("GET", "/api/v1/activity/verify")
    assert (found["broken_at"], found["problem"]) == (None, "")
    assert found["lines"] == found["last"]
