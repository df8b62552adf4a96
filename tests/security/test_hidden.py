"""What is not there for anybody: files of the home, sockets, known tokens, and endless work for one request."""

import json
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from terrazul.testing.routes import Route
from terrazul.testing.server import RunningServer

from .conftest import Victim

FILES = ["token", "master.key", "terrazul.db", "server.json", "server.log", "lock", "blobs/", "tls/ca.pem", ".env"]
FILES += [".git/config", ".ssh/id_rsa", ".htaccess", "web.config", ".well-known/x", ".DS_Store", "etc/passwd"]


@pytest.mark.parametrize("file", FILES)
def test_no_address_serves_a_file_of_the_home(platform: RunningServer, neighbour: Victim, file: str):
    prefixes = ["/", "//", "/./", "/static/", "/files/", "/api/v1/", f"{neighbour.workspace}/", "/%2e/", "/..%2f"]
    for prefix in prefixes:
        for token in ("", None):
            answer = platform.ask("GET", prefix + file, token=token)
            assert answer.status in {400, 401, 404, 405}, (prefix, answer)
            assert platform.token.encode() not in answer.body


def test_no_address_becomes_a_socket(platform: RunningServer, routes: list[Route], neighbour: Victim):
    offer = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Origin": "https://evil.example",
    }
    for route in routes:
        if route.method == "GET":
            for token in ("", None):
                answer = platform.ask("GET", route.address(neighbour.ids), token=token, headers=offer)
                assert answer.status != 101, str(route)
                assert token is None or not route.action or answer.status >= 400, str(route)


def test_each_installation_has_a_token_of_its_own(platform: RunningServer, tmp_path: Path):
    tokens = {platform.token}
    for number in range(2):
        server = RunningServer(tmp_path / str(number))
        server.start()
        try:
            tokens.add(server.token)
            for known in ("admin", "password", "password1234", "terrazul", "token", platform.token):
                assert server.ask("GET", "/api/v1/me", token=known).status == 401
        finally:
            server.stop()
    assert len(tokens) == 3
    assert min(map(len, tokens)) >= 40


def test_token_in_the_wrong_place_is_logged_nowhere(platform: RunningServer, routes: list[Route], neighbour: Victim):
    """Who pastes a token where an id belongs has not told it to everybody who reads the log."""
    platform.call("POST", "/api/v1/users", {"name": "careless"})
    token = platform.call("POST", "/api/v1/tokens", {"user": "careless"})["token"]
    for route in routes:
        for parameter in route.names:
            platform.ask(route.method, route.address({**neighbour.ids, parameter: quote(token)}), b"{}")
        if route.body is not None and route.method != "DELETE":
            wrong = json.dumps({name: {token: [token]} for name in route.body.get("properties", {})}).encode()
            platform.ask(route.method, route.address(neighbour.ids), wrong)
    assert token not in platform.home.log_file.read_text()
    told = platform.ask("GET", "/api/v1/activity/export?form=jsonl").body
    assert token.encode() not in told
    platform.call("DELETE", "/api/v1/users/careless")


def test_form_of_many_parts_is_refused_at_once(platform: RunningServer, routes: list[Route], neighbour: Victim):
    parts = b"".join(b'--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nx\r\n' % each for each in range(20_000))
    forms = {
        "multipart/form-data; boundary=b": parts + b"--b--\r\n",
        f"multipart/form-data; boundary={'b' * 20_000}": b"--" + b"b" * 20_000 + b"--\r\n",
        "multipart/form-data": parts,
        "application/x-www-form-urlencoded": b"&".join(b"f%d=x" % each for each in range(100_000)),
    }
    posts = [route for route in routes if route.method == "POST" and route.body is not None]
    for route in posts[:: max(1, len(posts) // 12)]:
        for kind, body in forms.items():
            begin = time.process_time()
            answer = platform.ask("POST", route.address(neighbour.ids), body, headers={"Content-Type": kind})
            assert 400 <= answer.status < 500, (str(route), kind[:40], answer)
            assert time.process_time() - begin < 5


def test_filter_of_a_megabyte_is_answered_at_once(platform: RunningServer, neighbour: Victim):
    """Refused by its length or its depth before it costs anything; others are served meanwhile."""
    texts = ["a" * 1_000_000, "(" * 500_000 + ")" * 500_000, "metric.a > 1 AND " * 60_000 + "metric.a > 1"]
    texts += ["tag.a LIKE '" + "%a" * 400_000 + "'", "NOT " * 250_000 + "metric.a > 1"]
    for text in texts:
        for path, body in (
            ("/runs/search", {"filter": text}),
            ("/mlflow/api/2.0/mlflow/runs/search", {"experiment_ids": ["0"], "filter": text}),
        ):
            answer = platform.ask("POST", neighbour.workspace + path, json.dumps(body).encode())
            assert answer.status == 400, (text[:20], path, answer.status)
