"""Where the server is looked for: as its home says, and nowhere while it is known not to run."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from terrazul.core.errors import Unavailable
from terrazul.node.connection import Connection
from terrazul.wire import codec
from terrazul.wire.server import ServerFile


class _Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def url() -> Iterator[str]:
    """Where somebody answers."""
    server = HTTPServer(("127.0.0.1", 0), _Hello)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Told:
    server_url: str
    environments_folder: str
    token: str = "token"
    workspace_id: str = "workspace"


def hello(told: Told) -> bytes:
    connection = Connection(told)
    try:
        return connection.call("GET", "/")
    finally:
        connection.close()


def nowhere() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    return process.pid


def say(home: Path, url: str, pid: int) -> None:
    (home / "server.json").write_bytes(codec.encode(ServerFile(url, pid, "1")))


def test_server_elsewhere_is_where_the_assignment_says(url: str, tmp_path: Path):
    assert hello(Told(url, str(tmp_path / "environments"))) == b"hello"


def test_server_that_came_back_is_where_its_home_says(url: str, tmp_path: Path):
    (tmp_path / "lock").touch()
    say(tmp_path, url, os.getpid())
    assert hello(Told(nowhere(), str(tmp_path / "environments"))) == b"hello"


def test_whoever_answers_in_the_place_of_a_killed_server_is_not_asked(url: str, tmp_path: Path):
    (tmp_path / "lock").touch()
    say(tmp_path, url, ended_process())
    with pytest.raises(Unavailable, match="does not run"):
        hello(Told(url, str(tmp_path / "environments")))


def test_whoever_answers_in_the_place_of_a_stopped_server_is_not_asked(url: str, tmp_path: Path):
    (tmp_path / "lock").touch()
    with pytest.raises(Unavailable, match="does not run"):
        hello(Told(url, str(tmp_path / "environments")))
