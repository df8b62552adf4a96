"""Runs for tests, submitted to a real server that starts real runners."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from terrazul.core.dataclass import dataclass
from terrazul.testing.server import Refused, RunningServer
from terrazul.wire import pack

_PATIENCE = 60
_GLANCE = 0.05
TALKATIVE = """
import hashlib, json, os, sys, time, urllib.request
endpoint = os.environ['AZUREML_SERVICE_ENDPOINT'] + '/api/v1/workspaces/' + os.environ['AZUREML_WORKSPACE_ID']
run_id = os.environ['AZUREML_RUN_ID']
slowest = 0
def call(method, route, body):
    global slowest
    request = urllib.request.Request(endpoint + route, data=body, method=method)
    request.add_header('Authorization', 'Bearer ' + os.environ['AZUREML_RUN_TOKEN'])
    request.add_header('Content-Type', 'application/json')
    start = time.monotonic()
    with urllib.request.urlopen(request) as answer:
        content = json.loads(answer.read())
    slowest = max(slowest, time.monotonic() - start)
    return content
sequence, writer = 0, os.urandom(16).hex()
def write(**lists):
    global sequence
    sequence += 1
    return call('POST', '/writes', json.dumps({'writer': writer, 'sequence': sequence, **lists}).encode())
def log(name, value):
    answer = write(metrics=[{'run_id': run_id, 'name': name, 'value': value, 'time': 1, 'step': value}])
    assert answer == {'applied': True, 'refusals': []}, answer
"""
"""The beginning of a script that speaks to its relay with the standard library alone."""

TERMINAL = {"Completed", "Failed", "Canceled"}


def wait_for(what: Callable[[], Any], seconds: float = _PATIENCE) -> Any:
    """The first true answer of ``what``."""
    deadline = time.monotonic() + seconds
    while not (answer := what()):
        if time.monotonic() > deadline:
            raise AssertionError("it did not come about in time")
        time.sleep(_GLANCE)
    return answer


def is_alive(pid: int) -> bool:
    """True while there is a process of this id that has not ended."""
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def send_contents(server: RunningServer, workspace: str, sources: dict[str, bytes]) -> list[dict[str, Any]]:
    """Send files; returns what names them in a manifest."""
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in sources.items()}
    packed = b"".join(pack.encode_header(digests[path], len(data)) + data for path, data in sources.items())
    server.call("POST", f"{workspace}/contents", packed)
    return [{"path": path, "digest": digests[path], "size": len(sources[path])} for path in sources]


def send_snapshot(server: RunningServer, workspace: str, sources: dict[str, bytes]) -> str:
    """Send files and name them; returns the snapshot's id."""
    files = send_contents(server, workspace, sources)
    return str(server.call("POST", f"{workspace}/snapshots", {"files": files})["snapshot_id"])


@dataclass
class SubmittedRun:
    """A run as its server and its folder show it."""

    server: RunningServer
    workspace: str
    run_id: str

    @property
    def route(self) -> str:
        """Its address on the server."""
        return f"{self.workspace}/runs/{self.run_id}"

    @property
    def folder(self) -> Path:
        """The folder of its first attempt."""
        return self.server.home.runs_folder / self.workspace.rpartition("/")[2] / self.run_id / "1"

    def get(self, what: str = "") -> Any:
        """What the server says of it, or of a part of it."""
        return self.server.call("GET", self.route + what)

    @property
    def state(self) -> str:
        """Where it is in its life."""
        return str(self.get()["state"])

    def cancel(self) -> None:
        """Ask the server to cancel it."""
        self.server.call("POST", f"{self.route}/cancel")

    def wait(self, seconds: float = _PATIENCE) -> Any:
        """The run when it has ended, with its runner gone."""
        wait_for(lambda: self.state in TERMINAL, seconds)
        wait_for(lambda: not self.runner_alive, seconds)
        return self.get()

    @property
    def runner_pid(self) -> int:
        """The id of its runner's process."""
        return int((self.folder / "runner.pid").read_text())

    @property
    def runner_alive(self) -> bool:
        """True while its runner is there."""
        return is_alive(self.runner_pid)

    def wait_for_line(self, text: str, log: str = "70_driver_log.txt") -> None:
        """Wait until a log of the run's folder has the text."""
        file = self.folder / "azureml-logs" / log
        wait_for(lambda: file.exists() and text in file.read_text(errors="replace"))

    def file(self, path: str) -> bytes:
        """The bytes of one of its files."""
        content = self.get(f"/artifact?path={path}")
        return content if isinstance(content, bytes) else str(content).encode()

    def log(self, name: str = "70_driver_log.txt") -> str:
        """The text of a log; empty where there is none."""
        try:
            return self.file(f"azureml-logs/{name}").decode(errors="replace")
        except Refused:
            return ""

    @property
    def files(self) -> list[str]:
        """The names of its files."""
        return [artifact["path"] for artifact in self.get("/artifacts")]

    @property
    def metrics(self) -> dict[str, list[Any]]:
        """Every value of every metric."""
        found = self.get("/metrics")
        return {metric["name"]: metric["values"] for run in found for metric in run["metrics"]}


class Submitter:
    """Submits runs of made-up source directories."""

    def __init__(self, server: RunningServer, workspace: str = "") -> None:
        self.server = server
        self._workspace = workspace
        self._runs: list[SubmittedRun] = []

    def __call__(
        self, text: str = "", *, files: dict[str, bytes] | None = None, token: str | None = None, **definition: Any
    ) -> SubmittedRun:
        """Submit a run of ``train.py`` with this text, beside other files; as its owner, or whose the token is."""
        sources = {**({"train.py": text.encode()} if text else {}), **(files or {})}
        workspace = self._workspace or self.server.workspace()
        snapshot = send_snapshot(self.server, workspace, sources)
        run_id = f"run_{len(self._runs) + 1}"
        whole = {"environment": {"user_managed": True}, **definition}
        if "command" not in whole:
            whole.setdefault("script", "train.py")
        body = {"run_id": run_id, "experiment_name": "tests", "definition": whole, "snapshot_id": snapshot}
        self.server.call("POST", f"{workspace}/runs", body, token=token)
        self._runs.append(SubmittedRun(self.server, workspace, run_id))
        return self._runs[-1]

    def close(self) -> None:
        """End the runners that a test has left."""
        for run in self._runs:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if run.runner_alive:
                    os.kill(run.runner_pid, signal.SIGKILL)
