"""Sending a source directory of 10,000 files and 300 MB: the first time, and again with one file changed.

The first time is measured beside reading and hashing the same files. Both begin with files that are on the disk and not
in memory, as a folder is that was not just written. What is acknowledged is on the disk, so the bytes are written once
too: what that takes by itself is told beside it.
"""

from __future__ import annotations

import hashlib
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measure import Figure, show

from terrazul.testing.server import RunningServer

FILES = 10_000
SIZE = 300_000_000
ROUNDS = 3


def main() -> bool:
    """Measure three rounds of each, in turn, and take the median."""
    readings, writings, firsts = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        _fill(source)
        for number in range(ROUNDS):
            server = RunningServer(Path(folder) / f"home{number}")
            server.start()
            os.environ.update(server.environment)
            _forget(source)
            readings.append(_seconds(lambda: _read_and_hash(source)))
            writings.append(_seconds(lambda: _write(Path(folder) / "written")))
            submit = _submitter(source)
            _forget(source)
            firsts.append(submit())
            (source / "train.py").write_text(f"print({number})")
            again = submit()
            server.stop()
    reading, writing, first = (statistics.median(each) for each in (readings, writings, firsts))
    return show(
        f"A source directory of {FILES} files, {SIZE // 1_000_000} MB",
        [
            Figure("first submit, times reading and hashing", first / reading, "", 1.5,
                   f"{first:.2f} s; reading and hashing {reading:.2f} s; writing as many bytes {writing:.2f} s"),
            Figure("resubmit with one file changed", again, "s", 0.5, "AML v1 refuses more than 300 MB or 2,000 files"),
        ],
    )  # fmt: skip


def _submitter(source: Path) -> Callable[[], float]:
    """A function that submits the folder and tells the seconds it took."""
    from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace  # noqa: PLC0415  # needs the variables

    environment = Environment("warm")
    environment.python.user_managed_dependencies = True
    workspace = Workspace.create("benchmark", subscription_id="b", resource_group="b", show_output=False)
    experiment = Experiment(workspace, "snapshot")

    def submit() -> float:
        begin = time.perf_counter()
        run = experiment.submit(ScriptRunConfig(str(source), script="train.py", environment=environment))
        taken = time.perf_counter() - begin
        run.cancel()
        run.wait_for_completion(raise_on_error=False)
        return taken

    return submit


def _seconds(action: Callable[[], None]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def _forget(source: Path) -> None:
    """Have the system write the files to the disk and drop them from memory."""
    for path, _folders, names in os.walk(source):
        for name in names:
            descriptor = os.open(Path(path, name), os.O_RDONLY)
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def _write(target: Path) -> None:
    with target.open("wb") as file:
        for _ in range(SIZE // 1_000_000):
            file.write(b"x" * 1_000_000)
        file.flush()
        os.fsync(file.fileno())


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
