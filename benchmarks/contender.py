"""Contenders: each installed into an environment of its own below ``.bench``, started at a port, watched."""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

FOLDER = Path(__file__).parent.parent / ".bench"
ATTEMPTS = 3


def environment(name: str, packages: list[str]) -> Path:
    """The interpreter of an environment that holds these packages, made at first use and when they are others."""
    folder = FOLDER / name
    python = folder / "bin" / "python"
    complete, wanted = folder / "complete", "\n".join(packages)
    if not complete.exists() or complete.read_text() != wanted:
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
        install = ["pip", "install", "--quiet", "--compile-bytecode", "--python", python]
        subprocess.run([*uv, *install, *packages], check=True)
        complete.write_text(wanted)
    return python


def cpu_seconds(process: psutil.Process) -> float:
    """CPU seconds of a process and all that it has started."""
    total = 0.0
    for each in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += sum(each.cpu_times()[:2])
    return total


@contextlib.contextmanager
def running(
    name: str, command: Callable[[int], list[str]], health: str = "/health"
) -> Iterator[tuple[int, psutil.Process]]:
    """A server at a free port, until the end of the block; ``health`` is where it answers with 200 once it is ready."""
    port, process = _start(name, command, health)
    try:
        time.sleep(1)  # every worker, not only the first
        yield port, psutil.Process(process.pid)
    finally:
        for each in [*process.children(recursive=True), process]:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.terminate()
        process.wait()


def _start(name: str, command: Callable[[int], list[str]], health: str) -> tuple[int, psutil.Popen]:
    for _ in range(ATTEMPTS):  # another program may take the port meanwhile
        port = free_port()
        with tempfile.TemporaryFile() as log:
            process = psutil.Popen(command(port), stdout=log, stderr=log, start_new_session=True)
            if is_healthy(port, process, health):
                return port, process
            log.seek(0)
            print(f"{name} did not start:\n{log.read().decode()[-2000:]}", file=sys.stderr)
    raise TimeoutError(name)


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def is_healthy(port: int, process: psutil.Popen, path: str) -> bool:
    """Wait until it answers; false where it ends, or does not answer in a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return True
        time.sleep(0.005)
    return False
