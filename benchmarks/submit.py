"""From submit to the script's first line with a warm environment, beside bare `python script.py`."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import Figure, show

from terrazul.testing.server import RunningServer

ROUNDS = 15
SCRIPT = "import time; print(repr(time.time()), flush=True)"


def main() -> bool:
    """Submit the same script again and again."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        source.mkdir()
        (source / "script.py").write_text(SCRIPT)
        server = RunningServer(Path(folder) / "home")
        server.start()
        os.environ.update(server.environment)
        bare = statistics.median(_bare(source / "script.py") for _ in range(ROUNDS))
        first, end = _submitted(source)
        server.stop()
    return show(
        f"Submitting a run, median of {ROUNDS}",
        [
            Figure("submit to the script's first line, above bare Python", first - bare, "s", 0.3,
                   f"bare `python script.py`: {bare:.3f} s; AML v1: minutes; Ray job: 4.4-5.1 s; sbatch: 2.5 s"),
            Figure("submit to *Completed*", end, "s", 1.0, "`mlflow run`: 7.8-10.6 CPU-seconds"),
        ],
    )  # fmt: skip


def _bare(script: Path) -> float:
    begin = time.time()
    shown = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stdout
    return float(shown) - begin


def _submitted(source: Path) -> tuple[float, float]:
    from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace  # noqa: PLC0415  # needs the variables

    environment = Environment("warm")
    environment.python.user_managed_dependencies = True
    experiment = Experiment(Workspace.create("benchmark", subscription_id="b", resource_group="b"), "submit")
    firsts, ends = [], []
    for _ in range(ROUNDS + 1):
        begin = time.time()
        run = experiment.submit(ScriptRunConfig(str(source), script="script.py", environment=environment))
        run.wait_for_completion()
        ends.append(time.time() - begin)
        run.download_file("azureml-logs/70_driver_log.txt", str(source.parent / "log.txt"))
        firsts.append(float((source.parent / "log.txt").read_text()) - begin)
    return statistics.median(firsts[1:]), statistics.median(ends[1:])


if __name__ == "__main__":
    raise SystemExit(not main())
