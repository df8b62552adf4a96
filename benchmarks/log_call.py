"""How long a log call holds up the script: with the server there, and with the server away."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measure import Figure, show

from terrazul.testing.server import RunningServer

CALLS = 20_000


def main() -> bool:
    """Log as fast as the script can, twice; then see that everything arrived."""
    with tempfile.TemporaryDirectory() as folder:
        server = RunningServer(Path(folder) / "home")
        server.start()
        os.environ.update(server.environment)
        from azureml.core import Experiment, Workspace  # noqa: PLC0415  # needs the variables

        workspace = Workspace.create("benchmark", subscription_id="b", resource_group="b", show_output=False)
        run = Experiment(workspace, "log").start_logging(snapshot_directory=None)
        present = _log(run.log, "present")
        begin = time.perf_counter()
        run.flush()
        flushed = time.perf_counter() - begin
        server.kill()
        away = _log(run.log, "away")
        server.start()
        run.complete()
        metrics = run.get_metrics()
        arrived = sum(metrics[name] == list(range(CALLS)) for name in ("present", "away"))
        server.stop()
    return show(
        f"A log call, {CALLS} times",
        [
            Figure("median, server there", _part(present, 0.5), "ms", 1, "AML v1: about 700 ms"),
            Figure("99 of 100, server there", _part(present, 0.99), "ms", 1, f"then flushed in {flushed:.2f} s"),
            Figure("99 of 100, server away", _part(away, 0.99), "ms", 1),
            Figure("slowest of all", max(present[-1], away[-1]), "ms", 50),
            Figure("series not whole or not in order", 2 - arrived, "", 0),
        ],
    )


def _log(log: Callable[[str, int], object], name: str) -> list[float]:
    """The milliseconds of each call, sorted."""
    taken = []
    for value in range(CALLS):
        begin = time.perf_counter()
        log(name, value)
        taken.append((time.perf_counter() - begin) * 1000)
    return sorted(taken)


def _part(taken: list[float], part: float) -> float:
    return taken[int(len(taken) * part)]


if __name__ == "__main__":
    raise SystemExit(not main())
