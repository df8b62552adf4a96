"""What comes from the network: names and pages that are not ours, requests without end, and who listens in."""

import contextlib
import http.client
import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from terrazul.testing.routes import Route
from terrazul.testing.server import RunningServer
from terrazul.testing.submission import Submitter

FOREIGN_HOSTS = [
    "evil.com",
    "127.0.0.1.evil.com",
    "localhost.evil.com:8642",
    "169.254.169.254",
    "[::2]",
    "x@localhost",
    "",
]
EVERYWHERE = "0.0.0.0"  # noqa: S104  # that is what is tried
POST = b"POST /api/v1/workspaces HTTP/1.1\r\nHost: localhost\r\n"
AUTHORIZED = POST + b"Authorization: Bearer {token}\r\n"
FOREIGN_ORIGINS = ["http://evil.com", "null", "http://127.0.0.1", "https://localhost:1", "file://"]
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that gives a request one second."""
    server = RunningServer(tmp_path_factory.mktemp("impatient") / "home", "--request-seconds", "1")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    server = RunningServer(tmp_path_factory.mktemp("encrypted") / "home", "--tls")
    server.start()
    yield server
    server.stop()


def speak(server: RunningServer, data: bytes, *more: bytes) -> bytes:
    """Send bytes as they are, further ones after an answer or half a second each; all that comes back until the end."""
    host, _, port = server.url.partition("//")[2].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(data)
        for each in more:
            client.settimeout(0.5)
            with contextlib.suppress(TimeoutError, ConnectionError):
                client.recv(0, socket.MSG_PEEK)
            with contextlib.suppress(ConnectionError):
                client.sendall(each)
        client.settimeout(20)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while part := client.recv(65536):
                answer += part
        return answer


def test_a_name_that_points_here_opens_nothing(platform: RunningServer, routes: list[Route]):
    """S13: a page's own name can be made to point to loopback; it still stands in the header."""
    addresses = [(route.method, route.address({})) for route in routes] + [("GET", "/")]
    tried = [(*address, FOREIGN_HOSTS[0]) for address in addresses]
    tried += [("GET", "/api/v1/server", host) for host in FOREIGN_HOSTS[1:]]
    for method, address, host in tried:
        answer = platform.ask(method, address, headers={"Host": host})
        assert answer.status == 403, (method, address, answer)
        assert b"does not go by the name" in answer.body


def test_a_request_names_the_server_once(platform: RunningServer):
    for hosts in (b"", b"Host: localhost\r\nHost: evil.com\r\n"):
        answer = speak(platform, b"GET /health HTTP/1.1\r\n" + hosts + b"Connection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400"), answer


def test_pages_of_others_change_nothing_even_with_a_token(platform: RunningServer, routes: list[Route]):
    """S12 and S13."""
    unsafe = [(route.method, route.address({})) for route in routes if route.method in UNSAFE]
    tried = [(*address, FOREIGN_ORIGINS[0]) for address in unsafe]
    tried += [(*unsafe[0], origin) for origin in FOREIGN_ORIGINS[1:]]
    for method, address, origin in tried:
        answer = platform.ask(method, address, b"{}", headers={"Origin": origin})
        assert answer.status == 403, (method, address, answer)
        assert b"may change nothing here" in answer.body


def test_own_page_may_change_things(platform: RunningServer):
    scope = json.dumps({"subscription_id": "local", "resource_group": "terrazul", "name": "testing"}).encode()
    headers = {"Origin": platform.url, "Sec-Fetch-Site": "same-origin"}
    assert platform.ask("POST", "/api/v1/workspaces/resolve", scope, headers=headers).status == 200


def test_no_answer_opens_itself_to_other_origins(platform: RunningServer, routes: list[Route]):
    """S18, and what keeps a browser from showing an answer as a page."""
    for route in routes:
        if route.method == "GET":
            headers = platform.ask("GET", route.address({}), headers={"Origin": "null"}).headers
            assert not [name for name in headers if name.startswith("access-control")]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            policy = headers["content-security-policy"]
            assert policy == "sandbox" or ("default-src 'none'" in policy and "frame-ancestors 'none'" in policy)
            assert "unsafe" not in policy


def test_headers_are_bounded(impatient: RunningServer):
    """S21, R22."""
    begin = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    for extra in (
        b"X: " + b"x" * (64 << 10) + b"\r\n",
        b"X: " + b"x" * (1 << 20) + b"\r\n",
        b"X: y\r\n" * 200,
        b"X: y\r\n" * 100_000,
        b"Content-Type: multipart/form-data; boundary=" + b"b" * (64 << 10) + b"\r\n",
    ):
        assert speak(impatient, begin + extra + b"\r\n")[:12] in {b"HTTP/1.1 431", b""}
    for size in (50 << 10, 70 << 10, 1 << 20):
        assert speak(impatient, b"GET /" + b"x" * size + begin[11:] + b"\r\n")[:12] in {b"HTTP/1.1 414", b""}
    assert impatient.ask("GET", "/health").status == 200


@pytest.mark.parametrize(
    "begin",
    [
        POST,
        AUTHORIZED + b"Content-Length: 500\r\n\r\n{",
        AUTHORIZED + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    ],
    ids=["headers", "body", "chunks"],
)
def test_slow_request_ends_and_others_are_served(impatient: RunningServer, begin: bytes):
    """S21."""
    started = time.monotonic()
    answer = speak(impatient, begin.replace(b"{token}", impatient.token.encode()), b"1", b"2")
    assert answer.startswith(b"HTTP/1.1 408"), answer
    assert time.monotonic() - started < 10
    assert impatient.ask("GET", "/health").status == 200


def test_connection_without_a_request_ends(impatient: RunningServer):
    assert speak(impatient, b"") == b""


def test_long_body_that_goes_on_is_taken(impatient: RunningServer):
    """Slower than the bound in all, and never for longer than it."""
    body = b'{"name": "' + b"x" * 6000
    head = AUTHORIZED.replace(b"{token}", impatient.token.encode()) + b"Content-Length: %d\r\nConnection: close\r\n\r\n"
    pieces = [body[begin : begin + 1200] for begin in range(0, len(body), 1200)]
    answer = speak(impatient, head % len(body), *pieces)
    assert answer.startswith(b"HTTP/1.1 400"), answer  # it is read to its end, and is no JSON


def test_waiting_for_an_answer_is_not_slow(impatient: RunningServer):
    """A call that waits on the server's side for longer than a request may take."""
    workspace = impatient.workspace()
    batch = {"writer": "w", "sequence": 1, "runs": [{"run_id": "r", "experiment_name": "e", "time": 1}]}
    impatient.call("POST", f"{workspace}/writes", batch)
    begin = time.monotonic()
    impatient.call("GET", f"{workspace}/runs/r/wait?state=Running&seconds=2")
    assert time.monotonic() - begin < 10


def test_tls_is_spoken_and_nothing_else(encrypted: RunningServer):
    assert encrypted.url.startswith("https://")
    headers = encrypted.ask("GET", "/health", token="").headers
    assert headers["strict-transport-security"].startswith("max-age=")
    plain = speak(encrypted, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b"ok" not in plain
    place = encrypted.url.partition("//")[2]
    with pytest.raises(ssl.SSLCertVerificationError):
        http.client.HTTPSConnection(place, context=ssl.create_default_context()).request("GET", "/health")
    old = ssl.create_default_context(cafile=str(encrypted.home.tls_folder / "ca.pem"))
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        http.client.HTTPSConnection(place, context=old).request("GET", "/health")


def test_origin_over_plain_http_is_foreign_to_a_server_that_speaks_tls(encrypted: RunningServer):
    headers = {"Origin": encrypted.url.replace("https", "http")}
    assert encrypted.ask("POST", "/api/v1/workspaces", b"{}", headers=headers).status == 403


def test_runs_report_over_tls(encrypted: RunningServer):
    submit = Submitter(encrypted)
    try:
        run = submit("from terrazul import Run; Run.get_context().log('seen', 1); print('over TLS')")
        assert run.wait()["state"] == "Completed"
    finally:
        submit.close()


def start(home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "terrazul.server", "--home", str(home), "--port", "0", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_network_is_refused_without_tls_unless_told(tmp_path: Path):
    command = [sys.executable, "-m", "terrazul.server", "--home", str(tmp_path), "--port", "0", "--host", EVERYWHERE]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert "--tls" in ended.stderr
    assert "--plain-http" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_told_to_it_speaks_plain_http_on_the_network(tmp_path: Path):
    server = RunningServer(
        tmp_path / "home", "--host", EVERYWHERE, "--plain-http", "--allowed-hosts", "ml.example.com, b"
    )
    server.start()
    try:
        assert server.url.startswith("http://127.0.0.1:")
        assert server.ask("GET", "/health", headers={"Host": "ml.example.com"}).status == 200
        assert server.ask("GET", "/health", headers={"Host": "ml.example.org"}).status == 403
        assert server.ask("GET", "/health", headers={"Host": f"{socket.gethostname()}:1"}).status == 200
        proxied = {"Host": "b", "X-Forwarded-Proto": "https", "Origin": "https://b"}
        assert server.ask("POST", "/api/v1/workspaces", b"{}", headers=proxied).status == 400
    finally:
        server.stop()


def test_certificate_from_elsewhere_is_used_under_its_name(encrypted: RunningServer, tmp_path: Path):
    tls = encrypted.home.tls_folder
    options = ("--certificate", str(tls / "certificate.pem"), "--certificate-key", str(tls / "key.pem"))
    server = RunningServer(tmp_path / "home", *options, variables={"TERRAZUL_CA_FILE": str(tls / "ca.pem")})
    server.start()
    try:
        assert server.url.startswith("https://localhost:")
        assert server.ask("GET", "/health").status == 200
    finally:
        server.stop()
