"""Searches give nothing away: not what another run or workspace has, and nothing of what stands behind."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from terrazul.testing.routes import Route, Schema
from terrazul.testing.server import Answer, RunningServer
from terrazul.testing.submission import SubmittedRun

from .conftest import SECRET, Victim

SPECIAL = ["'", '"', "`", "%", "_", "\\", "--", ";", "(", ")", " OR 1=1", " UNION SELECT * FROM token", "\0", ":x", "é"]
WORDS = [
    "metric.a",
    "tag.t",
    "status",
    "created",
    " AND ",
    " NOT ",
    " IN ",
    " LIKE ",
    " = ",
    " > ",
    "1",
    "'x'",
    " IS NULL",
]
HOSTILE = st.lists(st.sampled_from(SPECIAL + WORDS) | st.text(max_size=5), max_size=12).map("".join)


def test_a_runs_token_finds_its_own_runs_only(
    platform: RunningServer, neighbour: Victim, intruder: SubmittedRun, run_token: str
):
    assert intruder.run_id != neighbour.run_id
    bodies = [
        {},
        {"filter": f"tag.t = '{SECRET}'"},
        {"filter": f"NOT run_id = '{intruder.run_id}'"},
        {"filter": f"metric.{SECRET} > 0", "order_by": [f"metric.{SECRET}"]},
        {"root_run_id": neighbour.run_id},
    ]
    for body in bodies:
        answer = platform.ask("POST", f"{neighbour.workspace}/runs/search", json.dumps(body).encode(), token=run_token)
        assert answer.status == 200
        assert SECRET not in answer.body.decode()
        assert json.loads(answer.body)["runs"] == []


def test_a_workspace_finds_its_own_runs_only(platform: RunningServer, neighbour: Victim, stranger: Victim):
    for text in ("", f"tag.t = '{SECRET}'", f"metric.{SECRET} = 1", "status = 'RUNNING'", "NOT run_id = 'x'"):
        for order in ([], [f"metric.{SECRET} DESC"], ["experiment"], ["parent_run_id"]):
            body = {"filter": text, "order_by": order, "include": ["total"]}
            page = platform.call("POST", f"{neighbour.workspace}/runs/search", body)
            assert stranger.run_id not in {run["run_id"] for run in page["runs"]}
            assert page["total"] == len(page["runs"])


@pytest.mark.parametrize("form", ["POST", "GET"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=HOSTILE, order=HOSTILE, page=HOSTILE | st.none())
def test_no_text_breaks_the_search(
    platform: RunningServer, neighbour: Victim, stranger: Victim, form: str, text: str, order: str, page: str | None
):
    path = f"{neighbour.workspace}/runs"
    if form == "GET":
        query = f"?filter={quote(text)}&order_by={quote(order)}" + ("" if page is None else f"&page={quote(page)}")
        answer = platform.ask("GET", path + query)
    else:
        body = json.dumps({"filter": text, "order_by": [order] if order else [], "page": page}).encode()
        answer = platform.ask("POST", f"{path}/search", body)
    assert answer.status in {200, 400}
    assert stranger.run_id not in answer.body.decode()
    assert "sqlite" not in answer.body.decode().lower() or "sqlite" in text.lower() + order.lower()


TRUE_AND_FALSE = [
    ("' OR '1'='1", "' OR '1'='2"),
    ("x%' OR '1' LIKE '1", "x%' OR '1' LIKE '2"),
    ('" OR "1"="1', '" OR "1"="2'),
    ("1) OR (1=1", "1) OR (1=2"),
    ("1; SELECT 1/1", "1; SELECT 1/0"),
    ("name, (SELECT abs(-1))", "name, (SELECT abs(-2))"),
    ("x' OR '1'='1' --", "x' OR '1'='2' --"),
    ("\\' OR 1=1 --", "\\' OR 1=2 --"),
]
"""Of each pair the one is true and the other false for a database that takes it for a condition."""
MLFLOW_SEARCHES = ["experiments/search", "runs/search", "registered-models/search", "model-versions/search"]


def takes_text(form: Schema) -> bool:
    """Whether a parameter or a field may be a text, or several."""
    choices = [form, *form.get("oneOf", []), *form.get("anyOf", [])]
    return any(
        each.get("type") == "string" or (each.get("type") == "array" and takes_text(each.get("items", {})))
        for each in choices
    )


def with_text(route: Route, victim: Victim, text: str) -> Iterator[tuple[str, bytes | None]]:
    """Requests of a route, each with the text as another parameter of the query or another field of the body."""
    for name, form in route.query.items():
        if takes_text(form):
            yield route.address(victim.ids, {name: quote(text)}), None
    for name, form in (route.body or {}).get("properties", {}).items():
        if takes_text(form):
            many = form.get("type") == "array" or any(each.get("type") == "array" for each in form.get("anyOf", []))
            yield route.address(victim.ids), json.dumps({name: [text] if many else text}).encode()


def told(answer: Answer, text: str) -> object:
    """What an answer tells of the store, without the text it was asked with and what every answer has of its own."""
    if answer.status >= 400:
        return answer.status
    return answer.status, answer.body.decode().replace(json.dumps(text)[1:-1], "?")


def asks(routes: list[Route]) -> list[Route]:
    """Those that only look for something in a workspace."""
    return [
        route
        for route in routes
        if "{workspace_id}" in route.template
        and (route.method == "GET" or route.template.endswith(("/search", "/missing", "/fetch", "/preview")))
    ]


@pytest.mark.parametrize(("true", "false"), TRUE_AND_FALSE)
def test_no_text_becomes_a_condition(
    platform: RunningServer, routes: list[Route], stranger: Victim, neighbour: Victim, true: str, false: str
):
    tried = 0
    for route in asks(routes):
        for (address, body), (other, other_body) in zip(
            with_text(route, stranger, true), with_text(route, stranger, false), strict=True
        ):
            first, second = platform.ask(route.method, address, body), platform.ask(route.method, other, other_body)
            assert max(first.status, second.status) < 500, (str(route), address, body, first, second)
            assert told(first, true) == told(second, false), (str(route), address, body)
            assert neighbour.run_id not in first.body.decode() + second.body.decode()
            tried += 1
    assert tried > 50


@pytest.fixture(scope="module")
def mlflow_experiment(platform: RunningServer, neighbour: Victim) -> str:
    """The number by which MLflow knows the neighbour's experiment."""
    name = platform.call("GET", f"{neighbour.workspace}/experiments/{neighbour.experiment_id}")["name"]
    address = f"{neighbour.workspace}/mlflow/api/2.0/mlflow/experiments/get-by-name?experiment_name={quote(name)}"
    return str(platform.call("GET", address)["experiment"]["experiment_id"])


@pytest.mark.parametrize("name", [*MLFLOW_SEARCHES, "logged-models/search"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=HOSTILE, order=HOSTILE, page=HOSTILE)
def test_no_text_breaks_a_search_of_mlflow(
    platform: RunningServer,
    mlflow_experiment: str,
    neighbour: Victim,
    stranger: Victim,
    name: str,
    text: str,
    order: str,
    page: str,
):
    address = f"{neighbour.workspace}/mlflow/api/2.0/mlflow/{name}"
    sort: list[Any] = [{"field_name": order}] if name.startswith("logged") else [order]
    asked = {"experiment_ids": [mlflow_experiment], "filter": text, "order_by": sort, "page_token": page}
    if name.startswith(("registered", "model-")):
        query = f"filter={quote(text)}&order_by={quote(order)}&page_token={quote(page)}"
        answer = platform.ask("GET", f"{address}?{query}")
    else:
        answer = platform.ask("POST", address, json.dumps(asked).encode())
    assert answer.status in {200, 400}, answer
    assert stranger.run_id not in answer.body.decode()
    assert "sqlite" not in answer.body.decode().lower() or "sqlite" in (text + order + page).lower()
