"""What it costs to start the server and to leave it idle."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import psutil
from measure import Figure, show

from terrazul.testing.server import RunningServer


def main() -> bool:
    """Measure on a home that has been used before, as every start but the first finds it."""
    with tempfile.TemporaryDirectory() as folder:
        server = RunningServer(Path(folder) / "home")
        server.start()
        server.stop()
        begin = time.perf_counter()
        server.start()
        server.call("GET", "/health")
        wall = time.perf_counter() - begin
        process = psutil.Process(server.pid)
        used = process.cpu_times()
        time.sleep(3)
        later = process.cpu_times()
        memory = process.memory_info().rss / 2**20
        server.stop()
    idle = (later.user + later.system - used.user - used.system) / 3
    return show(
        "Server",
        [
            Figure("CPU to the first answer", used.user + used.system, "s", 1.5, f"{wall:.2f} s of wall time"),
            Figure("resident memory when idle", memory, "MB", 150, "MLflow 3.17: 1,300 MB in 13 processes"),
            Figure("CPU when idle", idle * 1000, "ms/s", 10, ""),
        ],
    )


if __name__ == "__main__":
    raise SystemExit(not main())
