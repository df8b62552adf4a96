"""A fast JSON parser for services, beside the environments: best effort, once per version of Python."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from terrazul.node.environment import program
from terrazul.node.environment.interpreter import Interpreter

_PACKAGE = "orjson"
_TIME_LIMIT = 20.0
_REMEMBERED = 24 * 3600.0


def provide(python: Interpreter, folder: Path) -> Path | None:
    """The folder that holds it for this version of Python, below that of the environments; installed at first use.

    None where it cannot be had within a few seconds.
    """
    target = _target(python, folder)
    if target.is_dir():
        return target
    if _failed_lately(target):
        return None
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = tempfile.mkdtemp(prefix="accelerator.building-", dir=folder)
    try:
        _install(python, temporary)
        Path(temporary).rename(target)
    except (OSError, ImportError, subprocess.SubprocessError):
        if not target.is_dir():
            _mark_of_failure(target).touch()
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target if target.is_dir() else None


def _install(python: Interpreter, target: str) -> None:
    from terrazul.node.environment.uv import uv_variables  # noqa: PLC0415  # as above

    command = [program.uv(), "pip", "install", "--only-binary", ":all:", "--python", python.path, "--target", target]
    subprocess.run(
        [*command, _PACKAGE],
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=_TIME_LIMIT,
        env=uv_variables(),
        cwd=os.path.dirname(target),  # noqa: PTH120  # a text that mkdtemp made
    )


def _target(python: Interpreter, folder: Path) -> Path:
    return folder / f"accelerator-{python.version_text}"


def _mark_of_failure(target: Path) -> Path:
    return target.with_name(f"{target.name}.failed")


def _failed_lately(target: Path) -> bool:
    with contextlib.suppress(OSError):
        return 0 <= time.time() - _mark_of_failure(target).stat().st_mtime < _REMEMBERED
    return False
