"""What users write is shown as what it is: no text of theirs runs in a browser or in a notebook."""

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from azureml.core import Experiment, Run, Workspace
from terrazul.sdk.run_view import RunView
from terrazul.testing.form import bodies_with
from terrazul.testing.routes import routes_of
from terrazul.testing.server import RunningServer
from terrazul.wire.run import RunState

from .conftest import WEBHOOKS_GO_NOWHERE, end_services, make_victim

SCRIPTS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'onmouseover='alert(1)",
    "javascript:alert(1)",
    "</title><svg/onload=alert(1)>",
    "{{constructor.constructor('alert(1)')()}}",
    '<a href="javascript:alert(1)">x</a>',
    "\u2028<iframe srcdoc='<script>alert(1)</script>'>",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of its own, since some of what is sent is taken."""
    running = RunningServer(tmp_path_factory.mktemp("texts") / "home", *WEBHOOKS_GO_NOWHERE)
    running.start()
    yield running
    end_services(running)
    running.stop()


def test_script_in_any_text_reaches_no_page(server: RunningServer):
    """Not in what is shown later, and not in what is said at once."""
    victim = make_victim(server, server.workspace(), "shown")
    routes = routes_of(server)
    taken = 0
    for route in routes:
        for text in SCRIPTS if route.body is not None and route.method != "DELETE" else []:
            bodies = bodies_with(route, text)
            for body in bodies if text == SCRIPTS[1] else bodies[:1]:
                sent = json.dumps(body).replace('"run_id": "x"', f'"run_id": "{victim.run_id}"').encode()
                answer = server.ask(route.method, route.address(victim.ids), sent)
                taken += answer.status < 300
                check(answer.headers, str(route))
    assert taken > 50
    for route in routes:
        if route.method == "GET":
            for text in ("", *SCRIPTS):
                ids = {**victim.ids, **({route.names[-1]: quote(text, safe="")} if text and route.names else {})}
                answer = server.ask("GET", route.address(ids))
                if route.action and answer.status != 404:
                    check(answer.headers, str(route))
                assert not text or "html" not in answer.headers["content-type"] or text.encode() not in answer.body


def check(headers: dict[str, str], route: str) -> None:
    """Data, which no browser takes for a page, whatever it looks like."""
    assert "html" not in headers.get("content-type", ""), route
    assert headers["x-content-type-options"] == "nosniff", route
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy, route


@pytest.mark.parametrize("text", SCRIPTS)
def test_script_in_a_name_is_text_in_a_notebook(server: RunningServer, monkeypatch: pytest.MonkeyPatch, text: str):
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    workspace = Workspace("local", "terrazul", "testing")
    server.call("POST", f"{server.workspace()}/experiments", {"name": text.replace("/", "-").strip()})
    experiment = next(each for each in Experiment.list(workspace) if each.name == text.replace("/", "-").strip())
    number = SCRIPTS.index(text)
    new = {"run_id": f"n{number}", "experiment_name": experiment.name, "time": 1, "display_name": text}
    server.call("POST", f"{server.workspace()}/writes", {"writer": f"n{number}", "sequence": 1, "runs": [new]})
    run = Run.get(workspace, f"n{number}")
    view = RunView(
        "r", text, RunState.FAILED, text, {"error": {"error": {"message": text}}}, {text: text}, [text], text
    )
    for html in (experiment._repr_html_(), run._repr_html_(), view.as_html()):
        for opening in ("<script", "<img", "<svg/", "<iframe", "'onmouseover", "</title"):
            assert opening not in html
