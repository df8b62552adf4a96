"""Searches give nothing away: not what another run or workspace has, and nothing of what stands behind."""

import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from terrazul.testing.server import RunningServer
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
