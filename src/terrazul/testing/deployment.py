"""Web services for tests, deployed to a real server that starts real supervisors."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import ssl
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from terrazul.core.dataclass import dataclass
from terrazul.testing.server import Refused, RunningServer
from terrazul.testing.submission import is_alive, send_snapshot, wait_for

_PATIENCE = 60
_ANSWER_SECONDS = 30
ECHO = """
import os
def init():
    print("init in", os.getpid(), flush=True)
def run(data):
    return {{"says": {!r}, "data": data, "pid": os.getpid()}}
"""


def echo(word: str) -> str:
    """An entry script that answers with a word, its input and its process id."""
    return ECHO.format(word)


class Scored(NamedTuple):
    """What a web service answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


@dataclass
class DeployedService:
    """A web service as its server, its folder and its address show it."""

    server: RunningServer
    workspace: str
    name: str
    port: int

    @property
    def route(self) -> str:
        """Its address on the server."""
        return f"{self.workspace}/webservices/{self.name}"

    @property
    def folder(self) -> Path:
        """Its folder in the server's home."""
        return self.server.home.services_folder / self.workspace.rpartition("/")[2] / self.name

    def get(self, what: str = "") -> Any:
        """What the server says of it, or of a part of it."""
        return self.server.call("GET", self.route + what)

    def wait(self, state: str | None = "Healthy", seconds: float = _PATIENCE) -> Any:
        """The web service when it has settled, which must be in this state unless that is None."""
        service = wait_for(lambda: self._settled(seconds), seconds)
        assert state in {None, service["state"]}, f"{service['state']}: {service['error']}\n{self.log}"
        return service

    def _settled(self, seconds: float) -> Any:
        service = self.get(f"/wait?state=Transitioning&seconds={min(seconds, 5)}")
        return None if service["state"] == "Transitioning" else service

    def update(self, text: str | None = None, **change: Any) -> Any:
        """Change it, with another entry script where there is a text."""
        if text is not None:
            change["deployment"] = _deployment(self.server, self.workspace, text, {})
        return self.server.call("PATCH", self.route, change)

    def delete(self) -> None:
        """Delete it."""
        self.server.call("DELETE", self.route)

    def ask(
        self,
        body: bytes = b"x",
        *,
        key: str = "",
        path: str = "/score",
        headers: dict[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Scored:
        """Make a request to it. Any status is an answer."""
        authorization = {"Authorization": f"Bearer {key}"} if key else {}
        if tls is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_ANSWER_SECONDS)
        else:
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=_ANSWER_SECONDS, context=tls)
        with contextlib.closing(connection):
            method = "POST" if path == "/score" else "GET"
            connection.request(method, path, body if method == "POST" else None, {**authorization, **(headers or {})})
            answer = connection.getresponse()
            return Scored(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def score(self, data: str = "x", **options: Any) -> Any:
        """The decoded answer to a request that must succeed."""
        answer = self.ask(data.encode(), **options)
        assert answer.status == 200, (answer, self.log)  # noqa: PLR2004  # what success means
        return answer.value

    @property
    def log(self) -> str:
        """The text of its log."""
        return (self.folder / "service.log").read_text(errors="replace")

    @property
    def supervisor_pid(self) -> int:
        """The id of its supervisor's process."""
        return int((self.folder / "supervisor.pid").read_text())

    @property
    def worker_pids(self) -> list[int]:
        """The ids of its supervisor's children."""
        return [child.pid for child in psutil.Process(self.supervisor_pid).children()]

    def kill_supervisor(self) -> None:
        """End its supervisor as a power cut would."""
        os.kill(self.supervisor_pid, signal.SIGKILL)


class Deployer:
    """Deploys entry scripts on the interpreter of the tests."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self._services: list[DeployedService] = []

    def __call__(
        self,
        text: str = "",
        *,
        name: str = "",
        files: dict[str, bytes] | None = None,
        deployment: dict[str, Any] | None = None,
        settle: str | None = "Healthy",
        **new: Any,
    ) -> DeployedService:
        """Deploy an entry script of this text, beside other files, and wait until it is in the state ``settle``."""
        workspace = self.server.workspace()
        name = name or f"service-{len(self._services) + 1}"
        body = {
            "name": name,
            "deployment_id": os.urandom(8).hex(),
            "compute_type": "ACI",
            "deployment": {
                **_deployment(self.server, workspace, text or echo(name), files or {}),
                **(deployment or {}),
            },
            **new,
        }
        described = self.server.call("POST", f"{workspace}/webservices", body)
        service = DeployedService(self.server, workspace, name, described["port"])
        self._services.append(service)
        if settle:
            service.wait(settle)
        return service

    def close(self) -> None:
        """End the web services that a test has left."""
        for service in self._services:
            with contextlib.suppress(OSError, Refused):
                service.delete()
            with contextlib.suppress(OSError, ValueError):
                if is_alive(service.supervisor_pid):
                    service.kill_supervisor()


def _deployment(server: RunningServer, workspace: str, text: str, files: dict[str, bytes]) -> dict[str, Any]:
    return {
        "entry_script": "score.py",
        "snapshot_id": send_snapshot(server, workspace, {"score.py": text.encode(), **files}),
        "environment": {"user_managed": True},
    }
