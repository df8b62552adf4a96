"""Finding the server, and telling when it cannot be."""

import http.client
import json
import socket
import threading
import time
from pathlib import Path

import pytest

from terrazul.core.errors import AuthenticationException, InvalidInput, Unavailable
from terrazul.sdk.client import (
    RUN_SERVER_VARIABLE,
    RUN_TOKEN_VARIABLE,
    SERVER_VARIABLE,
    TOKEN_VARIABLE,
    Address,
    Answer,
    Client,
    Request,
    _Idle,
    class_of,
    connect,
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (SERVER_VARIABLE, TOKEN_VARIABLE, RUN_SERVER_VARIABLE, RUN_TOKEN_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERRAZUL_HOME", str(tmp_path))
    return tmp_path


def test_no_server_is_told_with_the_command_that_starts_one(home: Path):
    with pytest.raises(Unavailable, match="terrazul up") as caught:
        connect()
    assert str(home) in str(caught.value)


def test_server_of_the_home(home: Path):
    (home / "server.json").write_text(json.dumps({"url": "http://127.0.0.1:1", "pid": 1, "version": "1"}))
    (home / "token").write_text("secret\n")
    assert connect().address == Address("http://127.0.0.1:1", "secret")


class Interrupted(http.client.HTTPResponse):
    """Ctrl-C comes while it is being closed."""

    def close(self) -> None:
        super().close()
        raise KeyboardInterrupt


def test_interrupt_is_not_lost_while_an_answer_is_closed():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        response = Interrupted(ours)
        response.begin()
        answer = Answer(response, http.client.HTTPConnection("127.0.0.1"), _Idle())
        with pytest.raises(KeyboardInterrupt), answer:
            assert answer.read() == b"{}"


def test_server_that_came_back_elsewhere_is_found(home: Path):
    test_server_of_the_home(home)
    client = connect()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        (home / "server.json").write_text(json.dumps({"url": url, "pid": 1, "version": "2"}))
        answered = threading.Thread(target=_answer_once, args=(listener,))
        answered.start()
        assert client.within("").send(Request("GET", "/")) == b"{}"
        answered.join()


def _answer_once(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def test_variables_win_over_the_home(home: Path, monkeypatch: pytest.MonkeyPatch):
    test_server_of_the_home(home)
    monkeypatch.setenv(SERVER_VARIABLE, "https://example.org/terrazul")
    with pytest.raises(AuthenticationException, match=TOKEN_VARIABLE):
        connect()
    monkeypatch.setenv(TOKEN_VARIABLE, "mine")
    assert connect().address == Address("https://example.org/terrazul", "mine")


def test_inside_a_run_its_own_way_wins(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(SERVER_VARIABLE, "https://example.org")
    monkeypatch.setenv(TOKEN_VARIABLE, "mine")
    monkeypatch.setenv(RUN_SERVER_VARIABLE, "http://127.0.0.1:2")
    monkeypatch.setenv(RUN_TOKEN_VARIABLE, "run")
    assert connect().address == Address("http://127.0.0.1:2", "run")


@pytest.mark.parametrize("url", ["", "ftp://x", "localhost:1", "http://"])
def test_other_addresses_are_refused(url: str):
    with pytest.raises(InvalidInput, match="not the address of a server"):
        Client(Address(url, ""))


def test_server_that_does_not_answer_is_told_within_the_patience():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    client = Client(Address(f"http://127.0.0.1:{port}", ""), patience=0.3)
    started = time.monotonic()
    with pytest.raises(Unavailable, match="cannot be reached"):
        client.send(Request("GET", "/server"))
    assert 0.3 <= time.monotonic() - started < 5


def test_classes_are_found_by_their_concept():
    assert class_of("experiment").__name__ == "Experiment"
    assert class_of("workspace").__name__ == "Workspace"
