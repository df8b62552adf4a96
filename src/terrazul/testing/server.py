"""A real server for tests: a process of its own over a home of its own, which can be killed and started again."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

from terrazul.core.home import Home
from terrazul.core.settings import variable_of
from terrazul.server.sql.choice import choose

_SCORING_PORTS = 20_000
"""Servers of tests that go on at the same time look for ports at different places from here on."""
_START_SECONDS = 60
_LOOK_SECONDS = 0.02
_ANSWER_SECONDS = 60
_FIRST_ERROR = 400


class Refused(Exception):
    """The server answered with an error."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


class Answer(NamedTuple):
    """What came back, whatever its status; names of headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
    cookies: tuple[str, ...] = ()
    """Each ``Set-Cookie``: the one header that may come several times."""


class Started(Protocol):
    """A process, as ``subprocess.Popen`` shows one."""

    @property
    def pid(self) -> int:
        """Its id."""

    def poll(self) -> int | None:
        """Its exit code; None while it lives."""

    def wait(self) -> int | None:
        """Its exit code, once it has ended."""


def launched(options: Sequence[str], variables: Mapping[str, str], log: Path) -> Started:
    """The process of a server, started as ``terrazul up`` starts it."""
    with log.open("ab") as output:
        command = [sys.executable, "-m", "terrazul.server", *options]
        return subprocess.Popen(command, stdout=output, stderr=output, env=dict(variables))


class RunningServer:
    """Started with ``start``; the port is kept over a restart, as a server that comes back has it."""

    launch: ClassVar[Callable[[Sequence[str], Mapping[str, str], Path], Started]] = launched

    def __init__(self, home: Path, *options: str, variables: dict[str, str] | None = None, database: str = "") -> None:
        self.home = Home(str(home))
        self._options = options
        self.database = choose(database, self.home.database_file)
        self._variables = {**os.environ, variable_of("database"): database, **(variables or {})}
        self._process: Started | None = None
        self._port = "0"

    def start(self) -> None:
        """Start the process and wait until it answers."""
        self.home.server_file.unlink(missing_ok=True)
        self.home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        options = ["--home", str(self.home.path), "--port", self._port, *self._options]
        options += ["--scoring-port", str(_SCORING_PORTS + os.getpid() % 500 * 20)]
        self._process = type(self).launch(options, self._variables, self.home.log_file)
        deadline = time.monotonic() + _START_SECONDS
        while not self.home.server_file.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server did not start:\n{self.home.log_file.read_text()}")
            time.sleep(_LOOK_SECONDS)
        self._port = self.url.rpartition(":")[2]

    def start_elsewhere(self) -> None:
        """Start the process at another port than it had."""
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", int(self._port)))
            self._port = "0"
            self.start()

    def kill(self) -> None:
        """End the process as a power cut would end it."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End the process politely."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process:
            with contextlib.suppress(ProcessLookupError):  # it has ended by itself
                os.kill(self._process.pid, number)
            self._process.wait()
            self._process = None

    @property
    def is_running(self) -> bool:
        """Whether it was started and not ended."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """The id of the server's process."""
        assert self._process
        return self._process.pid

    @property
    def url(self) -> str:
        """Where it answers."""
        return str(self._about["url"])

    @property
    def _about(self) -> dict[str, Any]:
        about: dict[str, Any] = json.loads(self.home.server_file.read_text())
        return about

    @property
    def token(self) -> str:
        """The owner's token."""
        return self.home.token_file.read_text().strip()

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which a client finds this server."""
        return {"TERRAZUL_HOME": str(self.home.path)}

    def call(self, method: str, path: str, body: Any = None, *, token: str | None = None) -> Any:
        """Make a request; ``body`` is bytes or becomes JSON. Returns the decoded answer, or its bytes.

        Raises ``Refused`` for an answer with a status of 400 and more.
        """
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        answer = self.ask(method, path, data, token=token, headers={"Content-Type": kind})
        if answer.status >= _FIRST_ERROR:
            raise Refused(answer.status, json.loads(answer.body or b"{}"))
        is_json = answer.headers.get("content-type", "").partition(";")[0] == "application/json"
        return json.loads(answer.body) if is_json and answer.body else answer.body

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Make a request exactly as it is written; an empty token sends none. Any status is an answer."""
        token = self.token if token is None else token
        authorization = {"Authorization": f"Bearer {token}"} if token else {}
        connection = self._connection()
        with contextlib.closing(connection):
            connection.putrequest(method, path, skip_host="Host" in (headers or {}))
            for name, value in {
                "Content-Length": str(len(body or b"")),
                "Content-Type": "application/json",
                **authorization,
                **(headers or {}),
            }.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            cookies = tuple(answer.headers.get_all("Set-Cookie", []))
            told = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, told, answer.read(), cookies)

    def _connection(self) -> http.client.HTTPConnection:
        about = self._about
        scheme, _, place = about["url"].partition("://")
        if scheme == "http":
            return http.client.HTTPConnection(place, timeout=_ANSWER_SECONDS)
        context = ssl.create_default_context(cafile=about["ca_file"])
        return http.client.HTTPSConnection(place, timeout=_ANSWER_SECONDS, context=context)

    def workspace(self, name: str = "testing") -> str:
        """The address of a workspace, made at first use: ``/api/v1/workspaces/<id>``."""
        scope = {"subscription_id": "local", "resource_group": "terrazul", "name": name}
        return f"/api/v1/workspaces/{self.call('POST', '/api/v1/workspaces/resolve', scope)['workspace_id']}"
