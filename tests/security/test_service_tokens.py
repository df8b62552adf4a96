"""The token of a web service's supervisor opens contents and its own exchange; its secrets are seen nowhere."""

import json
import stat
from collections.abc import Iterator

import psutil
import pytest

from terrazul.testing.deployment import DeployedService, Deployer, echo
from terrazul.testing.routes import Route
from terrazul.testing.server import RunningServer
from terrazul.testing.submission import is_alive, wait_for

from .conftest import SECRET, Victim, assert_closed
from .test_run_tokens import SHARED_ROUTES, seen

ITS_OWN = {
    "POST /api/v1/workspaces/{workspace_id}/contents/fetch",
    "POST /api/v1/workspaces/{workspace_id}/webservices/{webservice_id}/exchange",
}
REPORT = {
    "attempt": 1,
    "sequence": 1,
    "known_order": 1 << 30,
    "order": 1 << 30,
    "serving_revision": 7,
    "workers": 7,
    "error": {"code": "planted", "message": "planted"},
}


@pytest.fixture(scope="module")
def service(platform: RunningServer) -> Iterator[DeployedService]:
    deployer = Deployer(platform)
    yield deployer(echo("hello"), name="intruding", settings={"auth_enabled": True})
    deployer.close()


@pytest.fixture(scope="module")
def token(service: DeployedService) -> str:
    return str(json.loads((service.folder / "service.json").read_text())["token"])


def test_nothing_else_is_open(platform: RunningServer, routes: list[Route], token: str, neighbour: Victim):
    before = seen(platform, neighbour)
    assert {str(route) for route in routes} >= ITS_OWN
    closed = [route for route in routes if str(route) not in SHARED_ROUTES | ITS_OWN]
    assert_closed(platform, closed, token, neighbour)
    assert seen(platform, neighbour) == before


def test_another_workspace_stays_closed(platform: RunningServer, routes: list[Route], token: str, stranger: Victim):
    before = seen(platform, stranger)
    within = [route for route in routes if "workspace_id" in route.names]
    assert_closed(platform, within, token, stranger)
    assert seen(platform, stranger) == before


def test_another_web_service_stays_closed(platform: RunningServer, token: str, neighbour: Victim):
    before = seen(platform, neighbour)
    address = f"{neighbour.workspace}/webservices/{neighbour.webservice_id}/exchange"
    answer = platform.ask("POST", address, json.dumps(REPORT).encode(), token=token)
    assert answer.status == 403
    assert SECRET.encode() not in answer.body
    assert seen(platform, neighbour) == before


def test_report_of_an_attempt_that_is_over_changes_nothing(service: DeployedService, token: str):
    before = service.get()
    for attempt in (0, 99):
        orders = service.server.call(
            "POST", f"{service.route}/exchange", {**REPORT, "attempt": attempt, "known_order": 0}, token=token
        )
        assert (orders["attempt"], orders["revision"], orders["keys"]) == (1, None, None)
    assert service.get() == before


def test_run_token_does_not_speak_for_a_web_service(platform: RunningServer, run_token: str, service: DeployedService):
    body = json.dumps(REPORT).encode()
    assert platform.ask("POST", f"{service.route}/exchange", body, token=run_token).status == 403


def test_it_may_do_what_it_is_for(service: DeployedService, token: str):
    """The check of the check."""
    report = {**REPORT, "sequence": 0, "known_order": 0}
    orders = service.server.call("POST", f"{service.route}/exchange", report, token=token)
    assert orders["revision"]["number"] == 1
    assert orders["keys"] == service.get("/keys")


def test_token_dies_with_its_supervisor(platform: RunningServer):
    deployer = Deployer(platform)
    service = deployer(echo("mortal"))
    job = service.folder / "service.json"
    first = json.loads(job.read_text())["token"]
    old = service.supervisor_pid
    service.kill_supervisor()
    wait_for(lambda: not is_alive(old) and service.supervisor_pid != old)
    wait_for(lambda: json.loads(job.read_text())["token"] != first)
    wait_for(lambda: platform.ask("GET", "/api/v1/server", token=first).status == 401, 3)
    deployer.close()


def test_secrets_are_seen_nowhere(platform: RunningServer, service: DeployedService, token: str):
    """Not in the arguments or variables of any process, not in what the platform tells or writes."""
    keys = list(service.get("/keys").values())
    service.score(key=keys[0])
    service.ask(key=keys[1] + "x")
    inside = [json.dumps(dict(process.environ())) for process in processes_of(service)]
    inside += [" ".join(process.cmdline()) for process in psutil.process_iter() if is_alive(process.pid)]
    told = [json.dumps(service.get(part)) for part in ("", "/wait?state=none")]
    told += [service.get("/logs").decode(), json.dumps(platform.call("GET", f"{service.workspace}/webservices"))]
    files = [path for path in service.folder.rglob("*") if path.is_file()]
    for secret in (token, *keys):
        for text in inside + told:
            assert secret not in text
        for path in files:
            if path.name != "service.json" or secret != token:
                assert secret.encode() not in path.read_bytes(), path
        assert secret not in platform.home.log_file.read_text()


def processes_of(service: DeployedService) -> list[psutil.Process]:
    supervisor = psutil.Process(service.supervisor_pid)
    return [supervisor, *supervisor.children(recursive=True)]


def test_folder_is_its_owners_alone(service: DeployedService):
    for path in (service.folder, *service.folder.rglob("*")):
        if not path.is_symlink():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert stat.S_IMODE((service.folder / "service.json").stat().st_mode) == 0o600
