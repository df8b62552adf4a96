"""Entry scripts that are served for tests: by the program that stands alone, or by a service in the test's process."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psutil

from terrazul.scoring.service import Service, ServingOptions, WorkerPlan
from terrazul.testing.server import Answer

_START_SECONDS = 60
_ANSWER_SECONDS = 60
_LOOK_SECONDS = 0.01
_PROGRAM = (sys.executable, "-m", "terrazul.scoring.serve")
_READY = re.compile(r"health +GET +https?://[^/]*:(\d+)/")
_HIDDEN = ("AZUREML_MODEL_DIR", "AML_APP_ROOT", "PYTHONPATH")

Result = TypeVar("Result")


def ask(
    port: int, method: str, path: str, body: bytes | str | None = None, headers: dict[str, str] | None = None
) -> Answer:
    """Make one request on a connection of its own; names of headers come back in lower case."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    with contextlib.closing(connection):
        connection.request(method, path, body.encode() if isinstance(body, str) else body, headers or {})
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, answer.read())


def serve_until_it_ends(
    folder: Path, script: str, *options: str, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Serve a script that cannot be served; returns what the program left."""
    command = [*_PROGRAM, *_options(folder, script, options)]
    environment = _environment(variables)
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_START_SECONDS, check=False
    )


class RunningService:
    """``python -m terrazul.scoring.serve``, or another program with its options, over a folder, at a free port."""

    def __init__(
        self,
        folder: Path,
        script: str,
        *options: str,
        variables: dict[str, str] | None = None,
        program: Sequence[str] = _PROGRAM,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._log_file = folder / "service.log"
        with self._log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*program, *_options(folder, script, options)],
                cwd=folder,
                env=_environment(variables),
                stdout=log,
                stderr=log,
            )
        self.port = self._wait_for_port()

    def ask(
        self, method: str, path: str, body: bytes | str | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Make one request."""
        return ask(self.port, method, path, body, headers)

    def score(self, body: bytes | str = "{}", headers: dict[str, str] | None = None) -> Answer:
        """POST JSON to ``/score``."""
        return self.ask("POST", "/score", body, {"Content-Type": "application/json", **(headers or {})})

    @property
    def log(self) -> str:
        """What the program and its workers have written."""
        return self._log_file.read_text("utf-8", "replace")

    @property
    def workers(self) -> list[psutil.Process]:
        """The processes that hold the script."""
        return psutil.Process(self.process.pid).children()

    def wait_for(self, text: str, times: int = 1) -> None:
        """Wait until the log holds a text so many times."""
        wait_until(lambda: self.log.count(text) >= times, f"the log has no {text!r}:\n{self.log}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it politely, or otherwise; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(_ANSWER_SECONDS)

    def _wait_for_port(self) -> int:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            found = _READY.search(self.log)
            if found:
                return int(found[1])
            assert self.process.poll() is None, f"the service did not start:\n{self.log}"
            time.sleep(_LOOK_SECONDS)
        raise AssertionError(f"the service did not start:\n{self.log}")


class ServiceInThread:
    """A ``Service`` on a loop of its own, called as a supervisor calls it, but from the test."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.service: Service = self.wait(self._make())

    def plan(self, script: str, name: str = "score.py", **variables: str) -> WorkerPlan:
        """A revision whose source holds a script."""
        source = self.folder / f"source-{len(list(self.folder.iterdir()))}"
        source.mkdir()
        source.joinpath(name).write_text(script, encoding="utf-8")
        environment = _environment({"AML_APP_ROOT": str(source), "PYTHONUNBUFFERED": "1", **variables})
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        return WorkerPlan(sys.executable, str(source / name), "entry_script", str(source), environment)

    def take(self, script: str, **options: Any) -> None:
        """Have a script answer."""
        self.wait(self.service.take(self.plan(script), ServingOptions(**options)))

    def wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        """What becomes of a coroutine on the service's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_START_SECONDS)

    def call(self, action: Any, *arguments: Any) -> Any:
        """Call a plain function on the service's loop."""

        async def do() -> Any:
            return action(*arguments)

        return self.wait(do())

    def ask(
        self, method: str, path: str, body: bytes | str | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Make one request."""
        return ask(self.port, method, path, body, headers)

    def score(self, body: bytes | str = "{}", headers: dict[str, str] | None = None) -> Answer:
        """POST JSON to ``/score``."""
        return self.ask("POST", "/score", body, {"Content-Type": "application/json", **(headers or {})})

    @property
    def log(self) -> str:
        """What the service and its workers have written."""
        self.call(self.service.log.flush)
        return self.folder.joinpath("service.log").read_text("utf-8", "replace")

    def close(self) -> None:
        """End the service and its loop."""
        self.wait(self.service.close(1.0))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._listener.close()

    async def _make(self) -> Service:
        service = Service(self._listener, self.folder / "service.log", name="model")
        await service.open()
        return service


def wait_until(holds: Any, message: str = "", seconds: float = 20) -> None:
    """Wait until something is so; fail where it does not become so in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, message or "it did not become so in time"
        time.sleep(_LOOK_SECONDS)


def _options(folder: Path, script: str, options: Sequence[str]) -> list[str]:
    named: list[str] = []
    if script:
        folder.joinpath("score.py").write_text(script, encoding="utf-8")
        named = ["--entry-script", "score.py"]
    return [*named, "--port", "0", *options]


def _environment(variables: dict[str, str] | None) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if name not in _HIDDEN}
    return {**plain, **(variables or {})}
