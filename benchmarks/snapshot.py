"""Sending a source directory of 10,000 files and 300 MB: the first time, and again with one file changed."""

from __future__ import annotations

import hashlib
import os
import random
import tempfile
import time
from pathlib import Path

from measure import Figure, median_seconds, show

from terrazul.testing.server import RunningServer

FILES = 10_000
SIZE = 300_000_000


def main() -> bool:
    """Measure beside reading and hashing the same files, page cache warm for both."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        _fill(source)
        server = RunningServer(Path(folder) / "home")
        server.start()
        os.environ.update(server.environment)
        reading = median_seconds(lambda: _read_and_hash(source), 3)
        first, again = _submit(source)
        server.stop()
    return show(
        f"A source directory of {FILES} files, {SIZE // 1_000_000} MB",
        [
            Figure("first submit, times reading and hashing", first / reading, "", 1.5,
                   f"{first:.2f} s; reading and hashing {reading:.2f} s"),
            Figure("resubmit with one file changed", again, "s", 0.5, "AML v1 refuses more than 300 MB or 2,000 files"),
        ],
    )  # fmt: skip


def _submit(source: Path) -> tuple[float, float]:
    from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace  # noqa: PLC0415  # needs the variables

    environment = Environment("warm")
    environment.python.user_managed_dependencies = True
    experiment = Experiment(Workspace.create("benchmark", subscription_id="b", resource_group="b"), "snapshot")

    def submit() -> float:
        begin = time.perf_counter()
        run = experiment.submit(ScriptRunConfig(str(source), script="train.py", environment=environment))
        taken = time.perf_counter() - begin
        run.cancel()
        run.wait_for_completion(raise_on_error=False)
        return taken

    first = submit()
    (source / "train.py").write_text("print(2)")
    return first, submit()


def _fill(source: Path) -> None:
    chance = random.Random(1)  # noqa: S311  # chance, not a secret
    for number in range(FILES - 1):
        folder = source / f"part{number // 100:03}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.bin").write_bytes(chance.randbytes(SIZE // FILES))
    (source / "train.py").write_text("print(1)")


def _read_and_hash(source: Path) -> None:
    for path, _folders, names in os.walk(source):
        for name in names:
            hashlib.sha256(Path(path, name).read_bytes()).hexdigest()


if __name__ == "__main__":
    raise SystemExit(not main())
