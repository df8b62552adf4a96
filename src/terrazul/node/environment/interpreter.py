"""The Python interpreters of this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import UserErrorException

OLDEST = (3, 8)
_DEFAULT_NAMES = {"", "python", "python3"}
_NAME = re.compile(r"python(\d+)\.(\d+)\Z")
_ASK_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
_ANSWER_WITHIN = 20


@dataclass(frozen=True)
class Interpreter:
    """A Python and its version, as (major, minor)."""

    path: str
    version: tuple[int, int]

    @property
    def version_text(self) -> str:
        """The version as ``3.11``."""
        return f"{self.version[0]}.{self.version[1]}"


def own() -> Interpreter:
    """The Python that runs Terrazul: what a definition means that says just ``python``."""
    return Interpreter(sys.executable, sys.version_info[:2])


def named(name: str) -> Interpreter:
    """The interpreter of a path or a name such as ``python3.8``. Raises ``UserErrorException``."""
    if name in _DEFAULT_NAMES:
        return own()
    known = [each for each in installed() if Path(each.path).name == name]
    place = os.path.expanduser(name)  # noqa: PTH111  # Path's raises for a user who is not there
    path = shutil.which(place) if os.sep in name or not known else known[0].path
    if path is None:
        raise UserErrorException(f"There is no interpreter {name!r} on this compute.", target=name, hint=_found())
    version = _version_of(path)
    if version is None or version < OLDEST:
        problem = "is not a working Python" if version is None else "is older than Python 3.8"
        raise UserErrorException(f"The interpreter {name!r} {problem}.", target=name, hint=_found())
    return Interpreter(str(Path(path).absolute()), version)


def nearest(wanted: tuple[int, int]) -> Interpreter:
    """The interpreter of that version, else the one closest to it, the newer of two equally close ones."""
    return min(installed(), key=lambda each: (_distance(each.version, wanted), -each.version[1]))


def installed() -> list[Interpreter]:
    """One interpreter for each version that is here, ours first, then in the order of the search path."""
    base = Path(sys.executable).resolve()
    found = {sys.version_info[:2]: Interpreter(str(base), sys.version_info[:2])}
    for folder in _folders():
        for name in _listed(folder):
            match = _NAME.match(name)
            version = (int(match[1]), int(match[2])) if match else (0, 0)
            if version >= OLDEST and os.access(folder / name, os.X_OK):
                found.setdefault(version, Interpreter(str(folder / name), version))
    return list(found.values())


def _distance(version: tuple[int, int], wanted: tuple[int, int]) -> int:
    return 1000 * abs(version[0] - wanted[0]) + abs(version[1] - wanted[1])


def _found() -> str:
    return "Found here: " + ", ".join(f"{each.path} ({each.version_text})" for each in installed()) + "."


def _folders() -> Iterator[Path]:
    """Where interpreters lie: the search path, then what pyenv, uv and conda installed."""
    for entry in os.environ.get("PATH", "").split(os.pathsep):
        folder = Path(entry)
        if folder.is_absolute() and folder.name != "shims" and not (folder.parent / "pyvenv.cfg").exists():
            yield folder
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv")
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")
    conda = [home / name / "envs" for name in ("miniconda3", "anaconda3", "miniforge3")]
    for parent in (pyenv / "versions", uv, *conda):
        for name in sorted(_listed(parent), reverse=True):
            yield parent / name / "bin"
    yield from (Path("/usr/local/bin"), Path("/usr/bin"))


def _listed(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:
        return []


def _version_of(path: str) -> tuple[int, int] | None:
    try:
        answer = subprocess.run(
            [path, "-I", "-S", "-c", _ASK_VERSION], capture_output=True, check=True, timeout=_ANSWER_WITHIN, text=True
        )
        major, minor = answer.stdout.strip().split(".")
        return int(major), int(minor)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
