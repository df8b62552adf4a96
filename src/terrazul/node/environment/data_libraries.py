"""What reading data takes (polars, pandas, pyarrow), beside the environments: for scripts whose own has it not."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Callable, Mapping

from terrazul.core.errors import UserErrorException
from terrazul.data.lock import FileLock
from terrazul.node.environment import program
from terrazul.node.environment.interpreter import Interpreter

WANTED = ("polars", "pandas", "pyarrow")
_TIME_LIMIT = 600.0
_GLANCE = 0.1
_TOLD = 600


def provide(python: Interpreter, folder: Path, installed: Mapping[str, str], check: Callable[[], None]) -> Path:
    """A folder with those of them that the interpreter's environment does not have, below the environments' folder.

    ``installed`` are the versions of what its environment has, which the folder fits; it stands after it on the path.
    ``check`` is called while this waits, and may raise. Raises ``UserErrorException`` where they cannot be installed.
    """
    missing = [name for name in WANTED if name not in installed]
    pins = sorted(f"{name}=={version}" for name, version in installed.items())
    target = folder / f"data-{python.version_text}-{_key(missing, pins)}"
    if target.is_dir() or not missing:
        return target
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = _wait(target.with_suffix(".lock"), check)
    try:
        if not target.is_dir():
            _make(python, missing, pins, target)
    finally:
        lock.release()
    return target


def _wait(file: Path, check: Callable[[], None]) -> FileLock:
    while True:
        lock = FileLock.take(file)
        if lock is not None:
            return lock
        time.sleep(_GLANCE)
        check()


def _make(python: Interpreter, missing: list[str], pins: list[str], target: Path) -> None:
    temporary = Path(tempfile.mkdtemp(prefix="data.building-", dir=target.parent))
    try:
        constraints = temporary / "constraints.txt"
        constraints.write_text("".join(f"{pin}\n" for pin in pins), "utf-8")
        made = temporary / "made"
        _install(python, missing, constraints, made)
        made.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _install(python: Interpreter, packages: list[str], constraints: Path, target: Path) -> None:
    from terrazul.node.environment.uv import uv_variables  # noqa: PLC0415  # what is there needs no builder

    command = [program.uv(), "pip", "install", "--only-binary", ":all:", "--python", python.path]
    try:
        subprocess.run(
            [*command, "--target", str(target), "--constraint", str(constraints), *packages],
            check=True,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=_TIME_LIMIT,
            env=uv_variables(),
            cwd=constraints.parent,
        )
    except subprocess.CalledProcessError as problem:
        raise _failure(packages, str(problem.stderr)[-_TOLD:].strip()) from None
    except (OSError, ImportError, subprocess.TimeoutExpired) as problem:
        raise _failure(packages, str(problem)) from None


def _failure(packages: list[str], reason: str) -> UserErrorException:
    return UserErrorException(
        f"Reading data takes {', '.join(packages)}, which could not be installed for this environment: {reason}",
        hint="Add them to the environment's packages, or azureml-dataprep, which brings them.",
    )


def _key(missing: list[str], pins: list[str]) -> str:
    return hashlib.sha256(os.fsencode("\0".join([*missing, "", *pins]))).hexdigest()[:12]
