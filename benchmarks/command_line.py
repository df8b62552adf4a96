"""What a call of the command line takes, in all, against a server with a hundred runs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import Figure, median_seconds, show

from terrazul.testing.server import RunningServer

TERRAZUL = str(Path(sys.executable).with_name("terrazul"))
CALLS = (("--version",), ("status",), ("workspace", "list"), ("run", "list"), ("run", "show", "r1"))
TIMES = 15
RUNS = 100


def main() -> bool:
    """Measure each call, beside the bare interpreter."""
    with tempfile.TemporaryDirectory() as folder:
        server = RunningServer(Path(folder) / "home")
        server.start()
        runs = [{"run_id": f"r{number}", "experiment_name": "e", "time": number} for number in range(RUNS)]
        server.call("POST", f"{server.workspace()}/writes", {"writer": "w", "sequence": 1, "runs": runs})
        environment = {**os.environ, **server.environment}
        bare = median_seconds(lambda: subprocess.run([sys.executable, "-c", ""], check=True), TIMES)
        figures = [_figure(call, environment, bare) for call in CALLS]
        server.stop()
    return show("Command line", figures)


def _figure(call: tuple[str, ...], environment: dict[str, str], bare: float) -> Figure:
    def action() -> None:
        subprocess.run(
            [TERRAZUL, *call], check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    seconds = median_seconds(action, TIMES)
    return Figure(f"terrazul {' '.join(call)}", seconds, "s", 0.3, f"{seconds / bare:.1f} times `python -c ''`")


if __name__ == "__main__":
    raise SystemExit(not main())
