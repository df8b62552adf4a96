"""Building an environment with uv: once per content, by one builder at a time, visible only when it is whole."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Sequence

from terrazul.core.errors import TerrazulError, UserErrorException
from terrazul.node import process
from terrazul.node.environment import index, program, ready
from terrazul.node.environment.plan import Recipe
from terrazul.node.log import TimedLog
from terrazul.node.stop import Stop

TIME_LIMIT = 3600.0
_COMPILED = "Failed to build"
_REMEMBERED = 60.0
_GLANCE = 0.1
_TOLD_BYTES = 1 << 16
_STARTING_WITH_OURS = re.compile(r"(TERRAZUL_|PYTHON|VIRTUAL_ENV|CONDA_)")


class Builder:
    """Builds the environment of one recipe below a folder, for one run."""

    def __init__(self, recipe: Recipe, folder: Path, log: TimedLog, stop: Stop, time_limit: float = TIME_LIMIT) -> None:
        self._recipe = recipe
        self._folder = folder
        self._home = folder / recipe.key
        self._failure = folder / f"{recipe.key}.failed"
        self._log = log
        self._stop = stop
        self._time_limit = time_limit

    def build(self) -> Path:
        """The environment's interpreter, built by this or by another builder.

        Raises ``UserErrorException`` naming the package and the reason, ``TerrazulError`` beyond the time limit, or
        ``Stopped``.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._only_builder():
            python = ready.find(self._recipe, self._folder)
            if python:
                self._log.line("somebody else has built the environment meanwhile")
                return python
            self._raise_remembered_failure()
            self._build_in(self._clean_folder())
        return self._home / "bin" / "python"

    @contextmanager
    def _only_builder(self) -> Iterator[None]:
        descriptor = os.open(self._folder / f"{self._recipe.key}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            waiting = False
            while not _lock(descriptor):
                if not waiting:
                    self._log.line("waits for somebody else who builds this environment")
                waiting = True
                self._stop.wait(_GLANCE)
                self._stop.check()
            yield
        finally:
            os.close(descriptor)

    def _clean_folder(self) -> Path:
        """A new folder to build in, after removing what a killed builder left."""
        for leftover in self._folder.glob(f"{self._recipe.key}.building-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=f"{self._recipe.key}.building-", dir=self._folder))

    def _build_in(self, folder: Path) -> None:
        recipe = self._recipe
        try:
            self._log.line(f"builds {recipe.name} with Python {recipe.python.version_text} ({recipe.python.path})")
            deadline = time.monotonic() + self._time_limit
            self._make(folder, deadline)
            if recipe.packages:
                self._install(folder, deadline)
            ready.mark(recipe, folder)
            shutil.rmtree(self._home, ignore_errors=True)
            folder.rename(self._home)
        except TerrazulError as problem:
            self._remember(problem)
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _make(self, folder: Path, deadline: float) -> None:
        """An empty environment, with pip for scripts that install on their own, where an index offers it."""
        arguments = ["venv", "--relocatable", "--clear", "--python", self._recipe.python.path, str(folder)]
        try:
            self._uv([*arguments, "--seed"], deadline)
        except UserErrorException as problem:
            self._log.line(f"goes on without pip in the environment: {problem.message}")
            self._uv(arguments, deadline)

    def _install(self, folder: Path, deadline: float) -> None:
        file = folder / "requirements.txt"
        file.write_text("\n".join(self._recipe.packages) + "\n", "utf-8")
        self._log.line("installs " + ", ".join(self._recipe.packages))
        python = str(folder / "bin" / "python")
        arguments = ["pip", "install", "--index-strategy", "unsafe-best-match", "--python", python]
        self._uv([*arguments, *self._recipe.options, "--requirement", str(file)], deadline)

    def _uv(self, arguments: Sequence[str], deadline: float) -> None:
        begin = self._log.file.stat().st_size
        with self._log.file.open("ab") as output:
            uv = subprocess.Popen(
                [program.uv(), *arguments],
                cwd=self._folder,
                env=uv_variables(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            self._wait(uv, deadline)
        finally:
            if uv.poll() is None:
                process.end_tree(uv.pid)
                uv.wait()
        if uv.returncode:
            raise self._failed(_reason(_tail(self._log.file, begin)))

    def _wait(self, uv: subprocess.Popen[bytes], deadline: float) -> None:
        while uv.poll() is None:
            self._stop.wait(_GLANCE)
            self._stop.check()
            if time.monotonic() > deadline:
                raise self._failed(f"it took longer than {self._time_limit:.0f} s")

    def _failed(self, reason: str) -> UserErrorException:
        return UserErrorException(
            f"The environment {self._recipe.name!r} could not be built: {reason}",
            target=self._recipe.name,
            hint=_hint(reason, self._recipe.python.version_text),
        )

    def _remember(self, problem: TerrazulError) -> None:
        self._failure.write_text(json.dumps({"time": time.time(), "message": problem.message}), "utf-8")

    def _raise_remembered_failure(self) -> None:
        try:
            failure = json.loads(self._failure.read_text("utf-8"))
            age = time.time() - failure["time"]
        except (OSError, ValueError, KeyError):
            return
        if 0 <= age < _REMEMBERED:
            raise UserErrorException(
                f"{failure['message']} (tried {age:.0f} s ago)",
                target=self._recipe.name,
                hint=f"Change the definition, or try again in {_REMEMBERED - age:.0f} s.",
            )


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def uv_variables() -> dict[str, str]:
    """The environment of uv: it asks nothing, downloads no Python, and finds packages where the user's pip does."""
    kept = {name: value for name, value in os.environ.items() if not _STARTING_WITH_OURS.match(name)}
    return {**kept, **index.variables(kept), "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}


def _tail(file: Path, begin: int) -> str:
    with file.open("rb") as stream:
        stream.seek(max(begin, file.stat().st_size - _TOLD_BYTES))
        return stream.read().decode("utf-8", "replace")


def _hint(reason: str, python: str) -> str:
    if _COMPILED in reason:
        return (
            f"No wheel of it fits Python {python}, so it had to be compiled: ask for a Python of its time, "
            "such as python=3.8, or for another version of it."
        )
    return "Change the packages or versions named there; the whole output is in the image build log."


def _reason(output: str) -> str:
    """What uv's output says went wrong: its error, the first cause, and what a package's own build said last."""
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    errors = [line.partition("error:")[2].strip() for line in lines if line.startswith("error:")]
    causes = [line.partition("cause:")[2].strip() for line in lines if line.lstrip().startswith("cause:")]
    begin = next((index for index, line in enumerate(lines) if line.strip() == "[stderr]"), len(lines))
    said = [line.strip() for line in lines if re.match(r"\s+[\w.]*(Error|Exception)\b", line)] or [
        line.strip() for line in lines[begin + 1 : begin + 2]
    ]
    parts = errors[-1:] + causes[:1] + said[-1:]
    return ": ".join(part.rstrip(".:") for part in parts or lines[-1:] or ["uv gave no reason"]) + "."
