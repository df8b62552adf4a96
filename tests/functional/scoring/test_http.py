"""The front speaks HTTP as clients of all kinds do, and as none should."""

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from terrazul.testing.scoring import RunningService, ServiceInThread, wait_until

Serve = Callable[..., RunningService]

ECHO = "def init(): pass\ndef run(data): return data"
SLOW = "import time\ndef init(): pass\ndef run(data):\n    time.sleep(float(data))\n    return data"
LARGE = "def init(): pass\ndef run(data): return 'x' * int(data)"


@pytest.fixture(scope="module")
def echo(serve: Serve) -> RunningService:
    return serve(ECHO)


@contextlib.contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        yield client


def post(body: bytes, *lines: bytes, path: bytes = b"/score") -> bytes:
    head = [b"POST %b HTTP/1.1" % path, b"Host: x", b"Content-Length: %d" % len(body), *lines]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def answers_of(data: bytes) -> list[tuple[int, bytes]]:
    """The status and body of each answer in what a client has received."""
    found = []
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        found.append((int(head.split()[1]), rest[:size]))
        data = rest[size:]
    return found


def read_until_closed(client: socket.socket) -> bytes:
    received = b""
    while part := client.recv(1 << 16):
        received += part
    return received


def read_answers(client: socket.socket, number: int) -> list[tuple[int, bytes]]:
    received = b""
    while True:
        received += client.recv(1 << 16)
        if received.count(b"HTTP/1.1 ") >= number:
            found = answers_of(received)
            if len(found[-1][1]) and len(found) == number:
                return found


def test_pipelined_requests_are_answered_in_order(echo: RunningService):
    with connected(echo.port) as client:
        requests = [post(b"%d" % number) for number in range(50)]
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".join(requests))
        found = read_answers(client, 99)
    assert found[::2] == [(200, b'"%d"' % number) for number in range(50)]
    assert found[1::2] == [(200, b"Healthy")] * 49


def test_a_request_may_come_byte_by_byte(echo: RunningService):
    with connected(echo.port) as client:
        for byte in post(b'"abc"'):
            client.sendall(bytes([byte]))
        assert read_answers(client, 1) == [(200, b'"\\"abc\\""')]


def test_chunked_bodies_are_put_together(echo: RunningService):
    with connected(echo.port) as client:
        client.sendall(
            b"POST /score HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
        )
        assert read_answers(client, 1) == [(200, b'"abcde"')]


def test_a_body_is_asked_for_where_the_client_waits(echo: RunningService):
    with connected(echo.port) as client:
        client.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"ok")
        assert read_answers(client, 1) == [(200, b'"ok"')]


@pytest.mark.parametrize(
    "request_bytes", [post(b"1", b"Connection: close"), b"POST /score HTTP/1.0\r\nContent-Length: 1\r\n\r\n1"]
)
def test_connection_ends_where_the_client_says_so(echo: RunningService, request_bytes: bytes):
    with connected(echo.port) as client:
        client.sendall(request_bytes)
        received = read_until_closed(client)
    assert answers_of(received) == [(200, b'"1"')]
    assert b"Connection: close" in received


def test_a_client_that_has_said_all_still_gets_its_answers(serve: Serve):
    with connected(serve(SLOW).port) as client:
        client.sendall(post(b"0.2") + post(b"0"))
        client.shutdown(socket.SHUT_WR)
        assert answers_of(read_until_closed(client)) == [(200, b'"0.2"'), (200, b'"0"')]


def test_offers_of_other_protocols_are_passed_over(echo: RunningService):
    upgrade = b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: x"
    with connected(echo.port) as client:
        client.sendall(post(b"1", *upgrade) + post(b"2"))
        assert read_answers(client, 2) == [(200, b'"1"'), (200, b'"2"')]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"rubbish\r\n\r\n", 400),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"POST /score HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n1", 400),
        (b"POST /score HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1", 400),
        (b"POST /score HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /score HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % each for each in range(300)) + b"\r\n", 431),
        (b"GET /" + b"y" * 70_000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"POST /score HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
    ],
)
def test_what_is_no_request_is_refused_and_others_are_served(echo: RunningService, sent: bytes, status: int):
    with connected(echo.port) as client:
        client.sendall(sent)
        ((found, body),) = answers_of(read_until_closed(client))
    assert found == status
    assert json.loads(body)["message"]
    assert echo.score("1").status == 200


def test_a_header_without_end_is_not_collected(echo: RunningService):
    with connected(echo.port) as client:
        client.sendall(b"GET / HTTP/1.1\r\nX: ")
        deadline = time.monotonic() + 20
        with contextlib.suppress(OSError):
            while time.monotonic() < deadline:
                client.sendall(b"y" * 65_536)
        assert time.monotonic() < deadline


def test_rubbish_after_a_request_does_not_take_its_answer(serve: Serve):
    with connected(serve(SLOW).port) as client:
        client.sendall(post(b"0.2") + b"rubbish\r\n\r\n")
        (first, second) = answers_of(read_until_closed(client))
    assert first == (200, b'"0.2"')
    assert second[0] == 400


def test_a_body_beyond_the_limit_is_refused_while_it_comes(service: ServiceInThread):
    service.take(ECHO, body_limit=1_000_000)
    for head in (b"Content-Length: 5000000", b"Transfer-Encoding: chunked"):
        with connected(service.port) as client:
            client.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n")
            for _ in range(50):
                part = b"x" * 100_000
                client.sendall(part if b"Length" in head else b"186a0\r\n" + part + b"\r\n")
            ((status, _),) = answers_of(read_until_closed(client))
            assert status == 413
    assert service.score("x" * 999_999).status == 200


def test_100_megabytes_are_scored(echo: RunningService):
    body = b"x" * 100_000_000
    answer = echo.ask("POST", "/score", body, {"Content-Type": "application/json"})
    assert (answer.status, len(answer.body)) == (200, len(body) + 2)


def test_a_client_that_does_not_read_is_not_sent_more(serve: Serve):
    service = serve(LARGE)
    with connected(service.port) as client:
        client.sendall(post(b"5000000") * 20)
        wait_until(lambda: service.log.count("POST /score 200") >= 1)
        time.sleep(0.5)
        assert service.log.count("POST /score 200") <= 6
        received = 0
        while received < 20 * 5_000_000:
            received += len(client.recv(1 << 20))
    assert service.score("1").status == 200


def test_idle_and_slow_clients_do_not_hold_up_others(echo: RunningService):
    held = [socket.create_connection(("127.0.0.1", echo.port)) for _ in range(200)]
    for number, client in enumerate(held):
        client.sendall(b"POST /score HTTP/1.1\r\nContent-Le"[: number % 30])
    begin = time.monotonic()
    assert echo.score("1").status == 200
    assert time.monotonic() - begin < 1
    for client in held:
        client.close()


def test_addresses_with_line_breaks_do_not_forge_the_log(echo: RunningService):
    echo.ask("GET", "/x%0AGET%20/forged")
    echo.wait_for("/x%0AGET%20/forged 404")
    assert "\nGET /forged" not in echo.log


def test_absolute_targets_are_understood(echo: RunningService):
    with connected(echo.port) as client:
        client.sendall(b"GET http://elsewhere/ HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_answers(client, 1) == [(200, b"Healthy")]
