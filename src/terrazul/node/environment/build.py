"""Building an environment with uv: once per content, by one builder at a time, visible only when it is whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import TerrazulError, UserErrorException
from terrazul.core.requirement import known
from terrazul.node.environment import eviction, lock, progress, ready, use
from terrazul.node.environment.failures import Failures
from terrazul.node.environment.plan import Recipe
from terrazul.node.environment.progress import Progress, Report, Tell
from terrazul.node.environment.uv import BeyondLimit, Uv, UvFailed
from terrazul.node.log import TimedLog
from terrazul.node.stop import Stop
from terrazul.wire.node import EnvironmentLimits

_COMPILED = "Failed to build"
_GLANCE = 0.1
_GLANCES_PER_LOOK = 5


@dataclass(frozen=True)
class Watcher:
    """For whom an environment is built: who reads of it, who may stop it."""

    log: TimedLog
    stop: Stop
    tell: Tell = lambda _: None
    report: Report = lambda *_: None


class Builder:
    """Builds the environment of one recipe below a folder, for one run."""

    def __init__(self, recipe: Recipe, folder: Path, watcher: Watcher, limits: EnvironmentLimits) -> None:
        self._recipe = recipe
        self._folder = folder
        self._home = folder / recipe.key
        self._failures = Failures(self._home)
        self._log = watcher.log
        self._watcher = watcher
        self._limits = limits

    def build(self, *, again: bool = False) -> Path:
        """The environment's interpreter, built by this or by another builder; ``again`` forgets that it failed lately.

        Raises ``UserErrorException`` naming the package and the reason, ``TerrazulError`` beyond the limits, or
        ``Stopped``.
        """
        use.hold(self._home)
        with self._only_builder():
            python = ready.find(self._recipe, self._folder)
            if python:
                self._log.line("somebody else has built the environment meanwhile")
                return python
            if again:
                self._failures.forget()
            self._failures.check(self._recipe.name)
            self._build_in(self._clean_folder())
        try:
            eviction.make_room(self._folder, self._limits.kept_bytes, self._log)
        except OSError as problem:  # the environment is there all the same
            self._log.line(f"could not make room for environments: {problem}")
        return self._home / "bin" / "python"

    @contextmanager
    def _only_builder(self) -> Iterator[None]:
        descriptor = lock.opened(self._home.with_name(f"{self._home.name}.lock"))
        try:
            if not lock.taken(descriptor):
                self._wait_for(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _wait_for(self, descriptor: int) -> None:
        """Wait for the builder, and tell what it does."""
        shown = Progress(self._home, self._watcher.tell, self._watcher.report, public=False)
        shown.enter(progress.WAIT, "waits for somebody else who builds this environment")
        self._log.line("waits for somebody else who builds this environment")
        glances, doing = 0, ""
        while not lock.taken(descriptor):
            self._watcher.stop.wait(_GLANCE)
            self._watcher.stop.check()
            glances += 1
            if glances % _GLANCES_PER_LOOK == 0 and (now := progress.of_builder(self._home)) not in {"", doing}:
                doing = now
                self._log.line(f"who builds this environment {doing}")
                self._watcher.tell(f"waits for somebody else who {doing}")
        shown.leave()

    def _clean_folder(self) -> Path:
        """A new folder to build in, after removing what a killed builder left."""
        for leftover in self._folder.glob(f"{self._recipe.key}.building-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=f"{self._recipe.key}.building-", dir=self._folder))

    def _build_in(self, folder: Path) -> None:
        recipe = self._recipe
        shown = Progress(self._home, self._watcher.tell, self._watcher.report)
        uv = Uv(self._log, self._watcher.stop, self._limits, shown)
        try:
            self._log.line(f"builds {recipe.name} with Python {recipe.python.version_text} ({recipe.python.path})")
            shown.enter(progress.MAKE, f"makes an environment with Python {recipe.python.version_text}")
            self._make(folder, uv)
            if recipe.packages:
                self._install(folder, uv, shown)
            shown.leave()
            ready.mark(recipe, folder)
            shutil.rmtree(self._home, ignore_errors=True)
            folder.rename(self._home)
            self._failures.forget()
        except UvFailed as problem:
            failure = self._failed(problem)
            self._failures.remember(failure)
            raise failure from None
        except OSError as problem:
            raise self._failed(UvFailed(f"{problem}")) from problem
        finally:
            shown.end()
            shutil.rmtree(folder, ignore_errors=True)

    def _make(self, folder: Path, uv: Uv) -> None:
        """An empty environment, with pip for scripts that install on their own, where an index offers it."""
        arguments = ["venv", "--relocatable", "--clear", "--python", self._recipe.python.path, str(folder)]
        try:
            uv.run([*arguments, "--seed"], self._folder)
        except BeyondLimit:
            raise
        except UvFailed as problem:
            self._log.line(f"goes on without pip in the environment: {problem}")
            uv.run(arguments, self._folder)

    def _install(self, folder: Path, uv: Uv, shown: Progress) -> None:
        file = folder / "requirements.txt"
        file.write_text("\n".join(self._recipe.packages) + "\n", "utf-8")
        self._log.line("installs " + ", ".join(self._recipe.packages))
        shown.enter(progress.RESOLVE, f"resolves {len(self._recipe.packages)} requirements")
        python = str(folder / "bin" / "python")
        arguments = ["pip", "install", "--index-strategy", "unsafe-best-match", "--python", python]
        uv.run([*arguments, *self._recipe.options, "--requirement", str(file)], self._folder)

    def _failed(self, problem: UvFailed) -> TerrazulError:
        return UserErrorException(
            f"The environment {self._recipe.name!r} could not be built: {problem}",
            target=self._recipe.name,
            hint=_hint(problem, self._recipe.python.version_text),
        )


def _hint(problem: UvFailed, python: str) -> str:
    reason = str(problem)
    if isinstance(problem, BeyondLimit):
        return (
            "Ask for fewer or smaller packages; the server's settings environment_build_seconds and "
            "environment_build_bytes are the limits."
        )
    if _COMPILED in reason:
        return (
            f"No wheel of it fits Python {python}, so it had to be compiled: ask for a Python of its time, "
            "such as python=3.8, or for another version of it."
        )
    missing = known.missing_in(reason)
    if missing:
        names = " or ".join(known.similar(missing))
        meant = f"did you mean {names}?" if names else "check how it is called there."
        return f"The package index has no package {missing!r}: {meant}"
    return "Change the packages or versions named there; the whole output is in the image build log."
