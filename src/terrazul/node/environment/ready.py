"""Environments that are there already."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from terrazul.core.dataclass import dataclass
from terrazul.node.environment.plan import Recipe

_MARK = "ready.json"


@dataclass(frozen=True)
class Kept:
    """An environment that is there."""

    home: Path
    name: str
    size: int
    """In bytes."""


def find(recipe: Recipe, folder: Path) -> Path | None:
    """The interpreter of a recipe's environment; costs two looks at the disk and no process."""
    home = folder / recipe.key
    python = home / "bin" / "python"
    return python if (home / _MARK).exists() and python.exists() else None


def mark(recipe: Recipe, home: Path) -> None:
    """Note that the environment in a folder is whole, and what is in it."""
    content = {"name": recipe.name, "python": recipe.python.path, "packages": recipe.packages, "bytes": _recorded(home)}
    (home / _MARK).write_text(json.dumps(content), "utf-8")


def kept(folder: Path) -> list[Kept]:
    """All that are below a folder."""
    found = []
    for file in folder.glob(f"*/{_MARK}"):
        with contextlib.suppress(OSError, ValueError):
            content = json.loads(file.read_text("utf-8"))
            size = content.get("bytes")
            found.append(
                Kept(file.parent, content.get("name", ""), size if isinstance(size, int) else size_of(file.parent))
            )
    return found


def _recorded(home: Path) -> int:
    """The bytes of all files that packages say they installed, which is read sooner than the files are looked at."""
    total = 0
    for record in home.glob("lib/python*/site-packages/*.dist-info/RECORD"):
        with contextlib.suppress(OSError, ValueError):
            for line in record.read_bytes().splitlines():
                total += int(line.rpartition(b",")[2] or 0)
    return total


def size_of(folder: Path) -> int:
    """The bytes of all files below a folder; those that go meanwhile do not count."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118  # many files: texts are faster
    return total
