"""A large file is fetched from where the server leads, or from the server where that cannot be had."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from terrazul.core.errors import Unavailable
from terrazul.sdk.client import Address, Client, Request
from terrazul.sdk.content import fetch_file
from terrazul.testing.stores import free_place

DATA = b"bytes" * 1000
DIGEST = hashlib.sha256(DATA).hexdigest()


class Site(http.server.ThreadingHTTPServer):
    """A server of Terrazul's that leads elsewhere who says that it follows, and the storage it leads to."""

    storage = ""
    status = 200
    stored = DATA
    asked: list[tuple[str, bool]]

    @property
    def place(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.asked.append((self.path, "Authorization" in self.headers))
        if self.path.startswith("/stored"):
            self._answer(self.server.status, self.server.stored)
        elif "Terrazul-Direct" in self.headers:
            self._answer(307, b"", location=f"{self.server.storage}/stored?signature=x")
        else:
            self._answer(200, DATA)

    def _answer(self, status: int, body: bytes, location: str = "") -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(("127.0.0.1", 0), Handler) as server:
        server.asked = []
        server.storage = server.place
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def _fetch(site: Site, target: Path) -> bytes:
    client = Client(Address(site.place, "token"), prefix="/api", patience=0)
    fetch_file(client, Request("GET", "/file"), target, DIGEST, len(DATA))
    return target.read_bytes()


def test_storage_is_asked_without_the_token(site: Site, tmp_path: Path):
    assert _fetch(site, tmp_path / "file") == DATA
    assert site.asked == [("/api/file", True), ("/stored?signature=x", False)]


@pytest.mark.parametrize("reached", [True, False])
def test_server_is_asked_where_the_storage_gives_nothing(site: Site, tmp_path: Path, reached: bool):
    if reached:
        site.status = 403
    else:
        site.storage = f"http://{free_place()}"
    assert _fetch(site, tmp_path / "file") == DATA
    assert site.asked[-1] == ("/api/file", True)


def test_other_bytes_than_the_digest_says_are_refused(site: Site, tmp_path: Path):
    site.stored = DATA[:-1]
    with pytest.raises(Unavailable, match="not what was stored"):
        _fetch(site, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []
