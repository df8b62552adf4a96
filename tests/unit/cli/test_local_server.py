"""Whether a server lives."""

import fcntl
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from terrazul.cli import local_server
from terrazul.core.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(str(tmp_path))


@pytest.fixture
def held(home: Home) -> Iterator[None]:
    """The home's lock, held with this process's id in it, as a server holds it."""
    with home.lock_file.open("w") as lock:
        lock.write(str(os.getpid()))
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.mark.parametrize("text", ["{", "", "[]", "null", "7", '{"pid": 1}', "\x00\xff"])
def test_damaged_server_file_says_nothing(home: Home, text: str):
    home.server_file.write_text(text)
    assert local_server.read_server_file(home) is None


@pytest.mark.parametrize("pid", ["", "x", "0", "-1", "999999999", "9" * 30])
def test_lock_file_without_a_living_process_is_no_server(home: Home, pid: str):
    home.lock_file.write_text(pid)
    assert local_server.find(home) is None


def test_process_that_does_not_hold_the_lock_is_no_server(home: Home):
    home.lock_file.write_text(str(os.getpid()))
    assert local_server.find(home) is None


@pytest.mark.usefixtures("held")
def test_server_that_holds_the_lock_is_found_with_its_address(home: Home):
    home.server_file.write_text(f'{{"url": "http://127.0.0.1:1", "pid": {os.getpid()}, "version": "0"}}')
    running = local_server.find(home)
    assert running
    assert (running.pid, running.url) == (os.getpid(), "http://127.0.0.1:1")


@pytest.mark.usefixtures("held")
def test_server_file_of_another_process_gives_no_address(home: Home):
    home.server_file.write_text('{"url": "http://127.0.0.1:1", "pid": 1, "version": "0"}')
    running = local_server.find(home)
    assert running
    assert running.url == ""


def test_another_program_on_the_port_is_no_server():
    other = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=other.serve_forever)
    thread.start()
    try:
        assert not local_server.answers(f"http://127.0.0.1:{other.server_port}")
    finally:
        other.shutdown()
        thread.join()
        other.server_close()
    assert not local_server.answers(f"http://127.0.0.1:{other.server_port}")
    assert not local_server.answers("nonsense")
