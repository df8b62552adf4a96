"""A secret's value is where it was handed to, and nowhere else."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from terrazul.testing.certificate import make_pair
from terrazul.testing.deployment import Deployer, echo
from terrazul.testing.routes import Route
from terrazul.testing.server import RunningServer
from terrazul.testing.submission import Submitter

from .conftest import Victim
from .test_roles import token_for

CANARY = "canary-value-5d1e"
READS = """
import os, time
from azureml.core import Run
run = Run.get_context()
value = run.get_secret("canary")
print("read", len(value), flush=True)
while not os.path.exists({gate!r}):
    time.sleep(0.05)
"""
TRIES = """
from azureml.core import Run
run = Run.get_context()
try:
    print("has", len(run.get_secret("canary")))
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.fixture(scope="module")
def secrets(platform: RunningServer) -> Iterator[str]:
    """The address of secrets, with the canary in it."""
    address = f"{platform.workspace()}/secrets"
    platform.call("POST", address, {"secrets": [{"name": "canary", "value": CANARY}]})
    yield address
    platform.call("DELETE", f"{address}/canary")


def everything_kept(server: RunningServer) -> Iterator[tuple[Path, bytes]]:
    """All files of a home: database, log, what belongs to runs and services."""
    for path in server.home.path.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()


def everything_of_processes() -> Iterator[str]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            yield " ".join(process.cmdline())
            yield json.dumps(dict(process.environ()))


def test_value_is_kept_nowhere_in_the_open(platform: RunningServer, submit: Submitter, secrets: str, tmp_path: Path):
    """While a run holds it and after; in files, processes and all that is told of the run."""
    gate = tmp_path / "gate"
    run = submit(READS.format(gate=str(gate)))
    run.wait_for_line("read")
    assert not any(CANARY in text for text in everything_of_processes())
    gate.touch()
    assert run.wait()["error"] is None
    assert f"read {len(CANARY)}" in run.log()
    parts = ("", "/definition", "/events", "/metrics", "/artifacts", "/logs")
    told = [json.dumps(run.get(part)) for part in parts]
    told += [run.file(path).decode(errors="replace") for path in run.files]
    told += [json.dumps(platform.call("GET", secrets)), json.dumps(platform.call("GET", "/api/v1/activity?limit=1000"))]
    told += [platform.ask("GET", path).body.decode() for path in ("/metrics", "/api/v1/keyvault")]
    assert not any(CANARY in text for text in told)
    for path, content in everything_kept(platform):
        assert CANARY.encode() not in content, path
    with sqlite3.connect(f"file:{platform.home.database_file}?mode=ro", uri=True) as database:
        assert CANARY not in "\n".join(database.iterdump())
    database.close()


def test_no_refusal_tells_a_value(platform: RunningServer, routes: list[Route], secrets: str, neighbour: Victim):
    """Whatever is wrong about the request that carries it, at whatever address."""
    bodies = [
        {"secrets": [{"name": CANARY * 20, "value": CANARY}]},
        {"secrets": [{"name": f"{CANARY} ", "value": CANARY}]},
        {"secrets": [{"name": "x", "value": CANARY * 2000}]},
        {"secrets": [{"name": "x", "value": [CANARY]}]},
        {"secrets": [{"name": "x", "value": CANARY, "content_type": CANARY * 100}]},
        {"secrets": [{"name": "x", "value": CANARY}, {"name": "X", "value": CANARY}]},
        {"secrets": {"name": "x", "value": CANARY}},
        {"names": [f"{CANARY}?"]},
    ]
    texts = [json.dumps(body) for body in bodies] + [f'{{"secrets": [{{"name": "x", "value": "{CANARY}"']
    ours = [route for route in routes if "secret" in route.template or "keyvault" in route.template]
    assert len(ours) >= 7
    for route in ours:
        if route.method != "DELETE" and "rotate" not in route.template:
            for text in texts:
                answer = platform.ask(route.method, route.address(neighbour.ids), text.encode())
                assert CANARY.encode() not in answer.body, (str(route), answer)
    assert platform.call("POST", f"{secrets}/values", {"names": ["canary"]})[0]["value"] == CANARY
    assert CANARY not in platform.home.log_file.read_text()


def test_answer_with_a_value_is_not_kept_on_its_way(platform: RunningServer, secrets: str):
    answer = platform.ask("POST", f"{secrets}/values", b'{"names": ["canary"]}')
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")


def test_secrets_of_a_web_service_are_sealed_too(platform: RunningServer, tmp_path: Path):
    """Its keys and the private key of its certificate, in the database with its log."""
    deployer = Deployer(platform)
    pair = make_pair(tmp_path, "sealed")
    keys = {"primary": "canary-primary-key", "secondary": "canary-secondary-key"}
    tls = {"ssl_enabled": True, "ssl_certificate": pair.certificate.read_text(), "ssl_key": pair.key.read_text()}
    service = deployer(echo("hello"), settings={"auth_enabled": True, **tls}, keys=keys)
    assert service.get("/keys") == keys
    name = service.route.rpartition("/")[2]
    looks = platform.call("GET", f"{service.workspace}/activity?action=endpoint/keys/read&object_id={name}")["lines"]
    assert [(each["object_type"], each["operation"]) for each in looks] == [("webservice", "get_webservice_keys")]
    middle = pair.key.read_text().splitlines()[3].encode()
    for path in platform.home.path.glob("terrazul.db*"):
        for hidden in (b"canary-primary-key", b"canary-secondary-key", middle):
            assert hidden not in path.read_bytes(), path
    deployer.close()
    with sqlite3.connect(platform.home.database_file) as database:
        left = database.execute("SELECT count(*) FROM sealed_value WHERE name LIKE ?", (f"{name}/%",)).fetchone()
    database.close()
    assert left == (0,)


def test_reader_sees_names_and_no_value(platform: RunningServer, secrets: str):
    token = token_for(platform, "rita")
    platform.call("POST", f"{platform.workspace()}/members", {"user": "rita", "role": "Reader"})
    assert "canary" in [each["name"] for each in platform.call("GET", secrets, token=token)]
    asked = b'{"names": ["canary"]}'
    for address in (f"{secrets}/values", f"{platform.workspace()}/runs/none/secrets"):
        assert platform.ask("POST", address, asked, token=token).status == 403
    dashboard = token_for(platform, "rita", actions=["*/read"])
    platform.call("POST", f"{platform.workspace()}/members", {"user": "rita", "role": "Contributor"})
    assert platform.ask("POST", f"{secrets}/values", asked, token=dashboard).status == 403
    assert platform.ask("POST", f"{secrets}/values", asked, token=token).status == 200
    for address in ("/api/v1/keyvault/rotate", "/api/v1/keyvault"):
        method = "POST" if address.endswith("rotate") else "GET"
        assert platform.ask(method, address, token=token).status == 403
    platform.call("DELETE", "/api/v1/users/rita")


def outcome(submit: Submitter, token: str) -> str:
    """What a run prints that is submitted with a token and asks for the canary."""
    run = submit(TRIES, token=token)
    run.wait()
    return run.log().strip()


@pytest.mark.usefixtures("secrets")
def test_run_reads_what_its_submitter_may(platform: RunningServer, submit: Submitter):
    workspace = platform.workspace()
    allowed = ["run/*", "experiment/*", "workspace/read", "content/*", "snapshot/*", "environment/read"]
    platform.call("POST", "/api/v1/roles", {"name": "Submits", "actions": allowed})
    token = token_for(platform, "sam")
    platform.call("POST", f"{workspace}/members", {"user": "sam", "role": "Submits"})
    refused = "Forbidden The run"
    assert outcome(submit, token).startswith(refused)
    platform.call("POST", f"{workspace}/members", {"user": "sam", "role": "Data Scientist"})
    assert outcome(submit, token) == f"has {len(CANARY)}"
    restricted = token_for(platform, "sam", actions=allowed)
    assert outcome(submit, restricted).startswith(refused)
    platform.call("DELETE", "/api/v1/users/sam")
    platform.call("DELETE", "/api/v1/roles/Submits")


@pytest.mark.usefixtures("secrets")
def test_run_loses_secrets_with_its_submitter(platform: RunningServer, submit: Submitter, tmp_path: Path):
    gate = tmp_path / "gate"
    token = token_for(platform, "tom")
    role = {"user": "tom", "role": "Contributor"}
    platform.call("POST", f"{platform.workspace()}/members", role)
    waits = (
        f"import os, time\nprint('on', flush=True)\nwhile not os.path.exists({str(gate)!r}):\n    time.sleep(0.05)\n"
    )
    run = submit(waits + TRIES, token=token)
    run.wait_for_line("on")
    platform.call("POST", f"{platform.workspace()}/members/remove", role)
    gate.touch()
    run.wait()
    assert "Forbidden The run" in run.log()
    platform.call("DELETE", "/api/v1/users/tom")
