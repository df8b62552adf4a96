"""Whatever a request holds, the answer is the right value or says what is wrong: no fault of the server, no waiting."""

import json
import socket
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from terrazul.testing.routes import Route, Schema, routes_of
from terrazul.testing.server import RunningServer

from .conftest import WEBHOOKS_GO_NOWHERE, Victim, end_services, make_victim

pytestmark = pytest.mark.timeout(400)
"""Each test goes over all routes."""

NUMBERS = ["9" * 5000, str(2**63), str(-(2**63) - 1), str(2**64), "-1", "1e400", "NaN", "Infinity", "-Infinity", "1.5"]
TEXTS = ["", " ", "\0", "\ud800", "\u202e", "x" * 70_000, "'; DROP TABLE run;--", "%", "_", "\\", "💥", "null", "../x"]
WRONG = [None, True, -1, 1.5, 2**63, -(2**63) - 1, 2**70, 10**400, "", "x", "\0", [], {}, [[]], {"a": []}]
"""Values for a field of any type."""


def ask(server: RunningServer, route: Route, address: str, body: bytes | None) -> int:
    """The status of an answer, which must be one that this platform gives to a caller's mistake, or to none."""
    begin = time.monotonic()
    answer = server.ask(route.method, address, body)
    assert answer.status < 500, (str(route), address[:200], (body or b"")[:500], answer)
    assert time.monotonic() - begin < 20
    if answer.status >= 400 and answer.headers.get("content-type", "").startswith("application/json"):
        parts = {"error_code", "message"} if "/mlflow/" in route.template else {"code", "message", "correlation_id"}
        assert parts <= json.loads(answer.body).keys()
    return answer.status


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server of its own: some of what is tried is taken."""
    running = RunningServer(tmp_path_factory.mktemp("input") / "home", *WEBHOOKS_GO_NOWHERE)
    running.start()
    yield running
    for path in ("", "/runs", "/runs/target/metrics", "/runs/target/events", "/experiments?view=all", "/environments"):
        workspace = running.workspace("input")
        assert running.ask("GET", workspace + path).status == 200, path
    end_services(running)
    running.stop()
    assert [line for line in running.home.log_file.read_text().splitlines() if '"level": "error"' in line] == []


@pytest.fixture(scope="module")
def target(server: RunningServer) -> Victim:
    """A run that has ended, so that nobody waits for more of it."""
    victim = make_victim(server, server.workspace("input"), "target")
    ended = {"run_id": "target", "state": "Completed", "time": 2}
    server.call("POST", f"{victim.workspace}/writes", {"writer": "target", "sequence": 2, "states": [ended]})
    return victim


@pytest.fixture(scope="module")
def routes(server: RunningServer) -> list[Route]:
    return [route for route in routes_of(server) if route.method != "DELETE"]


@pytest.mark.parametrize("text", [*NUMBERS, "%00", "%ff", "%ed%a0%80", "x" * 20_000, "%5b%5d", "a=b&a=b"])
def test_no_query_is_too_much(server: RunningServer, routes: list[Route], target: Victim, text: str):
    for route in routes:
        for parameter in route.query:
            ask(server, route, route.address(target.ids, {parameter: text}), None)


def test_number_of_parameters_is_bounded(server: RunningServer, target: Victim):
    for parameter in ("tag", "property", "state"):
        address = f"{target.workspace}/runs?" + "&".join([f"{parameter}=x"] * 3000)
        assert server.ask("GET", address).status == 400


BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "list": b"[]",
    "null": b"null",
    "text": b'"x"',
    "number": b"1",
    "NaN": b"NaN",
    "unknown fields": b'{"unknown": {"a": [1, 2]}}',
    "depth": b"[" * 10_000 + b"]" * 10_000,
    "depth in a field": b'{"name": ' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001,
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "half a surrogate": b'{"name": "\\ud800"}',
    "long": b'{"name": "' + b"x" * 3_000_000 + b'"}',
}


@pytest.mark.parametrize("body", BODIES)
def test_body_of_another_form_is_refused(server: RunningServer, routes: list[Route], target: Victim, body: str):
    for route in routes:
        if route.body is not None:
            status = ask(server, route, route.address(target.ids), BODIES[body])
            takes_anything = not route.body.get("required")
            assert takes_anything or 400 <= status < 500, (str(route), status)


def example_of(form: Schema) -> Any:
    """The smallest value of a form."""
    if "default" in form:
        return form["default"]
    for choices in ("oneOf", "anyOf"):
        if choices in form:
            return example_of(form[choices][0])
    if "enum" in form:
        return form["enum"][0]
    if form.get("type") == "object":
        return {name: example_of(form["properties"][name]) for name in form.get("required", [])}
    return {"string": "x", "integer": 1, "number": 1.0, "boolean": True, "array": []}.get(str(form.get("type")))


def with_each_wrong(form: Schema, example: dict[str, Any]) -> Any:
    """The example with one field after another set to each wrong value; items of lists are tried inside."""
    for name, part in form["properties"].items():
        for value in [*WRONG, *TEXTS]:
            yield {**example, name: value}
        if isinstance(part.get("items"), dict) and part["items"].get("type") == "object":
            inner = example_of(part["items"])
            yield from ({**example, name: [item]} for item in with_each_wrong(part["items"], inner))
        if part.get("type") == "object" and "properties" in part:
            yield from ({**example, name: each} for each in with_each_wrong(part, example_of(part)))


def test_every_field_takes_every_wrong_value(server: RunningServer, routes: list[Route], target: Victim):
    """Of every body; texts that are ids of things that are there, so that what is refused is refused for the value."""
    tried = 0
    for route in routes:
        if route.body is None:
            continue
        example = example_of(route.body)
        for body in with_each_wrong(route.body, example):
            sent = json.dumps(body).replace('"run_id": "x"', '"run_id": "target"').encode()
            if route.template.endswith("/writes"):
                sent = sent.replace(b'"writer": "x"', f'"writer": "w{tried}"'.encode())
            ask(server, route, route.address(target.ids), sent)
            tried += 1
    assert tried > 1000


@pytest.mark.parametrize("text", TEXTS)
def test_odd_texts_come_back_as_they_were_or_are_refused(server: RunningServer, target: Victim, text: str):
    batch = {
        "writer": f"odd {TEXTS.index(text)}",
        "sequence": 1,
        "changes": [{"run_id": target.run_id, "set_tags": {text: text}, "description": text, "display_name": text}],
    }
    answer = server.ask("POST", f"{target.workspace}/writes", json.dumps(batch).encode())
    run = server.call("GET", f"{target.workspace}/runs/{target.run_id}")
    if answer.status == 200 and not json.loads(answer.body)["refusals"]:
        assert (run["tags"][text], run["description"], run["display_name"]) == (text, text, text)
    else:
        assert text not in run["tags"]


@pytest.mark.parametrize(
    "value", [2**63, 2**64, 2**70, -(2**70), 10**400, 1e308, -0.0, 5e-324, [2**70], {"a": [10**30]}], ids=repr
)
def test_number_of_any_size_comes_back_as_it_was(server: RunningServer, target: Victim, value: object):
    name = f"m{abs(hash(repr(value)))}"
    point = {"run_id": target.run_id, "name": name, "value": value, "time": 1}
    answer = server.call("POST", f"{target.workspace}/writes", {"writer": name, "sequence": 1, "metrics": [point]})
    assert answer["refusals"] == []
    found = server.call("GET", f"{target.workspace}/runs/{target.run_id}/metrics?name={name}")
    assert found[0]["metrics"][0]["values"] == [value]


def test_bad_point_holds_up_no_other(server: RunningServer, target: Victim):
    def point(value: object, **more: object) -> dict[str, object]:
        return {"run_id": target.run_id, "name": "mixed", "value": value, "time": 1, **more}

    deep: list[Any] = []
    for _ in range(200):
        deep = [deep]
    bad = [
        point(1, time=2**70), point(1, time=-1), point(1, step=2**63), point({"$number": "many"}),
        point([{"$number": 1}]), point({"$number": "9" * 5000}), point(deep), point(1, name=""),
        point(1, name="x" * 300),
    ]  # fmt: skip
    points = [entry for number, each in enumerate(bad) for entry in (point(number), each)]
    answer = server.call("POST", f"{target.workspace}/writes", {"writer": "mixed", "sequence": 1, "metrics": points})
    assert [each["index"] for each in answer["refusals"]] == list(range(1, len(points), 2))
    assert {each["code"] for each in answer["refusals"]} == {"invalid_input"}
    found = server.call("GET", f"{target.workspace}/runs/{target.run_id}/metrics?name=mixed")
    assert found[0]["metrics"][0]["values"] == list(range(len(bad)))


SERVER_SET = {
    "created_by": "mallory", "created_at": "1999-01-01T00:00:00Z", "number": 777, "experiment_id": "mine", "attempt": 9,
    "workspace_id": "mine", "root_run_id": "mine", "interactive": False, "ended_at": "1999-01-01T00:00:00Z",
    "started_at": "1999-01-01T00:00:00Z", "run_count": 777, "key": 1, "id": 1, "error": {"message": "mine"},
    "heartbeat_at": 1, "archived_at": "1999-01-01T00:00:00Z", "warnings": ["mine"], "definition_digest": "mine",
}  # fmt: skip
"""What only the server decides."""


def test_what_the_server_sets_is_not_taken_from_a_body(server: RunningServer, target: Victim):
    workspace = target.workspace
    scope = {"subscription_id": "s", "resource_group": "g", "name": "mass-assigned"}
    made = [
        server.call("POST", "/api/v1/workspaces", {**SERVER_SET, **scope}),
        server.call("PATCH", workspace, {**SERVER_SET, "description": "changed"}),
        server.call("POST", f"{workspace}/experiments", {**SERVER_SET, "name": "assigned"}),
        server.call("PATCH", f"{workspace}/experiments/{target.experiment_id}", {**SERVER_SET, "description": "x"}),
        server.call("POST", f"{workspace}/environments", {**SERVER_SET, "name": "assigned", "version": "777"}),
    ]
    new = {**SERVER_SET, "run_id": "assigned", "experiment_name": "e", "time": 1_000_000}
    server.call("POST", f"{workspace}/writes", {**SERVER_SET, "writer": "mass", "sequence": 1, "runs": [new]})
    submission = {"run_id": "submitted", "experiment_name": "e", "definition": {"command": ["true"], **SERVER_SET}}
    made += [
        server.call("GET", f"{workspace}/runs/assigned"),
        server.call("POST", f"{workspace}/runs", {**SERVER_SET, "state": "Completed", **submission}),
    ]
    for thing in made:
        for name, value in SERVER_SET.items():
            assert thing.get(name) != value or name in {"attempt", "interactive"}, (name, thing)
    assert made[-1]["state"] in {"NotStarted", "Queued"}
    assert (made[-2]["attempt"], made[-2]["interactive"], made[-1]["attempt"]) == (1, True, 1)


def test_large_headers_and_addresses_hold_nobody_up(server: RunningServer, target: Victim):
    run = f"{target.workspace}/runs/{target.run_id}"
    assert server.ask("GET", run, headers={"X-Long": "a" * 1_000_000}).status in {200, 400, 431}
    assert server.ask("GET", f"{target.workspace}/runs/{'a' * 1_000_000}").status in {400, 404, 414}
    many = {f"X-{number}": "a" for number in range(10_000)}
    assert server.ask("GET", run, headers=many).status in {200, 400, 431}
    assert server.ask("GET", run).status == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /health HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/v1/workspaces HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST /api/v1/workspaces HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n",
        b"\0" * 1000,
    ],
)
def test_what_is_no_request_is_answered_or_cut_off(server: RunningServer, sent: bytes):
    host, port = server.url.partition("//")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b" 500 " not in answer
    assert server.ask("GET", "/health").status == 200


def test_broken_off_body_leaves_nothing(server: RunningServer, target: Victim):
    host, port = server.url.partition("//")[2].split(":")
    head = f"POST {target.workspace}/contents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall((head + "Content-Length: 100000000\r\n\r\n").encode() + b"x" * 2_000_000)
    deadline = time.monotonic() + 10
    while list((server.home.blobs_folder / "incoming").iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
ANYTHING = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)


def values_of(form: Schema) -> st.SearchStrategy[Any]:
    """Values of a form, now and then something else."""
    kind = str(form.get("type"))
    if kind == "object" and "properties" in form:
        required = {name: values_of(form["properties"][name]) for name in form.get("required", [])}
        optional = {name: values_of(part) for name, part in form["properties"].items() if name not in required}
        return st.fixed_dictionaries(required, optional=optional)
    for choices in ("oneOf", "anyOf"):
        if choices in form:
            return st.one_of([values_of(each) for each in form[choices]])
    simple = {
        "string": st.sampled_from(["target", "x", *form.get("enum", [])]) | st.text(),
        "integer": st.integers(),
        "number": st.floats(allow_nan=False, allow_infinity=False) | st.integers(),
        "boolean": st.booleans(),
        "null": st.none(),
        "object": st.dictionaries(st.text(), ANYTHING, max_size=3),
        "array": st.lists(values_of(form.get("items") or {}) if kind == "array" else ANYTHING, max_size=3),
    }
    return simple.get(kind, ANYTHING)


def try_bodies(server: RunningServer, route: Route, target: Victim) -> None:
    """Many bodies of a route's form."""

    @settings(max_examples=40, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(body=values_of(route.body or {}))
    def meets_no_fault(body: Any) -> None:
        ask(server, route, route.address(target.ids), json.dumps(body).encode())

    meets_no_fault()


def test_random_requests_meet_no_fault(server: RunningServer, routes: list[Route], target: Victim):
    for route in routes:
        if route.body is None:
            ask(server, route, route.address(target.ids), None)
        else:
            try_bodies(server, route, target)
