"""The server reads no file and no address that a user names, and makes nothing of bytes but data."""

import ast
import itertools
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import terrazul.server
from terrazul.testing.form import bodies_with
from terrazul.testing.routes import Route, routes_of
from terrazul.testing.server import RunningServer

from .conftest import BESIDE, SECRET, WEBHOOKS_GO_NOWHERE, Victim, end_services, make_victim

UNPICKLES = {"pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "numpy", "torch"}
FETCHES = {
    "urllib.request", "http.client", "http", "httpx", "requests", "aiohttp", "urllib3", "ftplib", "smtplib", "paramiko",
    "asyncssh", "fsspec", "obstore", "httpcore",
}  # fmt: skip
SOURCES = [
    "/etc/passwd",
    "file:///etc/passwd",
    "file:/etc/passwd",
    "FILE:///etc/passwd",
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "http://127.0.0.1:9/x",
    "http://169.254.169.254/latest/meta-data",
    "http://[::1]:9/x",
    "http://2130706433/x",
    "s3://bucket/x",
    "dbfs:/x",
    "mlflow-artifacts:/../../etc/passwd",
    "mlflow-artifacts://host/0/neighbour/artifacts",
    "runs:/neighbour/../../../etc/passwd",
    "runs:/stranger/outputs",
    "models:/stranger/1",
]
BESIDE_A_SOURCE: dict[str, list[Any]] = {
    "run_id": [None, "neighbour"],
    "run_link": [None, "file:///etc/passwd"],
    "tags": [
        None,
        [{"key": "mlflow.prompt.is_prompt", "value": "true"}],
        [{"key": "mlflow.source.type", "value": "x"}],
    ],
    "model_id": [None, "m-0"],
}

THROUGH_THE_TUNNEL = ("amazon_s3.py", "azure.py", "google_cloud_storage.py", "http.py", "object_store.py")
"""The datastores' modules, whose stores have ``network/tunnel.py`` as their proxy; test_datastores.py tries them."""

OWN_STORAGE = ("object_storage.py", "s3.py", "az.py", "gs.py")
"""The modules of the storage that the administrator names when the server is started; no user has a say in it."""

TO_MACHINES = ("connection.py", "machine.py", "preparation.py")
"""What speaks SSH; only the first of them connects, to addresses that the gate has checked."""


def imported_by(source: Path) -> set[str]:
    """The modules that a file names in its imports, each with the packages above it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names | {name.partition(".")[0] for name in names}


def server_files() -> list[Path]:
    return [path for path in Path(terrazul.server.__file__).parent.rglob("*.py") if "migrations" not in path.parts]


def test_server_imports_nothing_that_makes_objects_of_bytes():
    assert {path.name: found for path in server_files() if (found := imported_by(path) & UNPICKLES)} == {}


def test_server_imports_nothing_that_fetches():
    """But where checked addresses come, where stores are given the tunnel, for the server's own storage and for SSH."""
    found = {path.name: each for path in server_files() if (each := imported_by(path) & FETCHES)}
    stores = {name: {"obstore"} for name in (*THROUGH_THE_TUNNEL, *OWN_STORAGE)}
    assert found == {"exchange.py": {"httpcore"}, **stores, **{name: {"asyncssh"} for name in TO_MACHINES}}


def test_one_module_connects_to_machines_and_it_asks_the_gate_for_their_addresses():
    texts = [path.read_text(encoding="utf-8") for path in server_files()]
    (text,) = [text for text in texts if "asyncssh.connect" in text]
    assert "outgoing.addresses_of(" in text


def test_addresses_are_called_by_the_one_module_that_checks_them():
    exchange = "terrazul.server.network.exchange"
    assert [path.name for path in server_files() if exchange in imported_by(path)] == ["outgoing.py"]


def test_source_outside_of_the_workspace_is_refused_whatever_stands_beside_it(
    platform: RunningServer, neighbour: Victim, stranger: Victim
):
    """By MLflow's address for models; no tag and no other field lets a check be left out."""
    mlflow = f"{neighbour.workspace}/mlflow/api/2.0/mlflow"
    assert stranger.workspace != neighbour.workspace
    platform.ask("POST", f"{mlflow}/registered-models/create", b'{"name": "sources"}')
    choices = [dict(zip(BESIDE_A_SOURCE, each, strict=True)) for each in itertools.product(*BESIDE_A_SOURCE.values())]
    for source, beside in itertools.product(SOURCES, choices):
        given = {name: value for name, value in beside.items() if value is not None}
        body = json.dumps({"name": "sources", "source": source, **given}).encode()
        answer = platform.ask("POST", f"{mlflow}/model-versions/create", body)
        assert answer.status in {400, 403, 404}, (source, given, answer)
        assert SECRET.encode() not in answer.body
        assert b"root:" not in answer.body
    found = json.loads(platform.ask("GET", f"{mlflow}/model-versions/search?filter=name%3D'sources'").body)
    assert found.get("model_versions", []) == []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of its own, since some of what is sent is taken."""
    running = RunningServer(tmp_path_factory.mktemp("sources") / "home", *WEBHOOKS_GO_NOWHERE)
    running.start()
    (running.home.path.parent / "canary").write_text(BESIDE)
    yield running
    end_services(running)
    running.stop()


def test_address_in_any_text_is_not_fetched(server: RunningServer):
    """A listener that every field of every body and every query names hears nothing."""
    victim = make_victim(server, server.workspace(), "named")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        beside = (server.home.path.parent / "canary").as_uri()
        texts = [f"http://127.0.0.1:{port}/x", beside]
        for route, text in itertools.product(routes_of(server), texts):
            if route.method != "DELETE":
                address = route.address(victim.ids, {name: quote(text, safe="") for name in texts_of_query(route)})
                for body in [None, *bodies_with(route, text)]:
                    sent = None if body is None else json.dumps(body).encode()
                    assert BESIDE.encode() not in server.ask(route.method, address, sent).body
        with pytest.raises(BlockingIOError):
            listener.accept()


def texts_of_query(route: Route) -> list[str]:
    """The parameters of a query that take any text."""
    return [name for name, form in route.query.items() if form.get("type", "string") == "string" and "enum" not in form]
