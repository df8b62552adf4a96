"""Services under fire: workers killed under load, more load than they can carry, clients that are slow or leave."""

import collections
import contextlib
import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from terrazul.testing.scoring import RunningService, ServiceInThread

Serve = Callable[..., RunningService]

WORK = "import time\ndef init(): pass\ndef run(data):\n    time.sleep(0.005)\n    return data"
SECONDS = 4


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Serve]:
    services: list[RunningService] = []

    def serve(script: str, *options: str, **variables: str) -> RunningService:
        services.append(RunningService(tmp_path / f"served{len(services)}", script, *options, variables=variables))
        return services[-1]

    yield serve
    for service in services:
        service.stop()


class Load:
    """Clients that keep a service busy, and note every answer."""

    def __init__(self, port: int, clients: int) -> None:
        self.statuses: collections.Counter[object] = collections.Counter()
        self.retry_after: set[str | None] = set()
        self._port = port
        self._ending = threading.Event()
        self._pool = ThreadPoolExecutor(clients)
        self._running = [self._pool.submit(self._ask, number) for number in range(clients)]

    def end(self) -> None:
        """Have them finish what they do."""
        self._ending.set()
        for each in self._running:
            each.result()
        self._pool.shutdown()

    def _ask(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        count = 0
        while not self._ending.is_set():
            count += 1
            body = f'"{number}-{count}"'
            try:
                connection.request("POST", "/score", body)
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.statuses[type(error)] += 1
                connection.close()
                continue
            right = answer.status != 200 or content.decode() == f'"\\"{number}-{count}\\""'
            self.statuses[answer.status if right else "wrong"] += 1
            if answer.status == 503:
                self.retry_after.add(answer.getheader("Retry-After"))
                time.sleep(0.01)
        connection.close()


def test_workers_killed_under_load_lose_no_request(served: Serve):
    service = served(WORK, "--workers", "2")
    load = Load(service.port, 8)
    killed = 0
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        time.sleep(0.6)
        workers = service.workers
        if len(workers) == 2:
            workers[killed % 2].kill()
            killed += 1
    load.end()
    assert killed >= 3
    assert set(load.statuses) == {200}
    assert "another takes its place" in service.log


def test_revisions_and_reloads_under_load_lose_no_request(tmp_path: Path):
    service = ServiceInThread(tmp_path / "service")
    service.take(WORK, worker_count=2)
    load = Load(service.port, 8)
    for _ in range(3):
        service.take(WORK, worker_count=2)
        service.wait(service.service.reload())
    load.end()
    service.close()
    assert set(load.statuses) == {200}


def test_more_load_than_can_be_carried_is_refused_and_what_was_taken_is_served(served: Serve):
    service = served(WORK, "--queue-limit", "4")
    load = Load(service.port, 25)
    slowest = 0.0
    for _ in range(20):
        begin = time.monotonic()
        assert service.ask("GET", "/").body == b"Healthy"
        slowest = max(slowest, time.monotonic() - begin)
        time.sleep(0.05)
    load.end()
    assert set(load.statuses) == {200, 503}
    assert load.statuses[200] > 50
    assert load.retry_after == {"1"}
    assert slowest < 2


def test_a_front_that_is_killed_leaves_no_worker_and_its_port_is_free(served: Serve):
    service = served(WORK, "--workers", "2")
    workers = service.workers
    service.stop(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(each.is_running() and each.status() != "zombie" for each in workers):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", service.port))


def test_clients_that_leave_in_the_middle_cost_nobody_else_anything(served: Serve):
    service = served(WORK)
    load = Load(service.port, 2)
    for number in range(200):
        with socket.create_connection(("127.0.0.1", service.port)) as client:
            whole = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
            client.sendall(whole[: number % (len(whole) + 1)])
            if number % 3 == 0:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    load.end()
    assert set(load.statuses) == {200}
    assert "Traceback" not in service.log


def test_a_full_log_disk_does_not_stop_the_service(tmp_path: Path):
    service = ServiceInThread(tmp_path / "service")
    try:
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, service.service.log.descriptor)
        os.close(full)
        service.take("def init(): pass\ndef run(data): return data")
        assert service.score("1").status == 200
        assert service.score("2").status == 200
    finally:
        service.close()


def test_clients_are_served_again_after_open_files_ran_out(tmp_path: Path):
    script = "def init(): pass\ndef run(data): return data"
    tmp_path.joinpath("score.py").write_text(script)
    service = RunningService(tmp_path, script)
    try:
        import resource  # noqa: PLC0415  # of this test alone

        resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, (40, 40))
        held = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(60)]
        time.sleep(0.3)
        for client in held:
            client.close()
        deadline = time.monotonic() + 10
        statuses: list[int] = []
        while not statuses and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                statuses.append(service.score("1").status)
        assert statuses == [200]
    finally:
        service.stop()
