"""Environments that are there already."""

from __future__ import annotations

import json
from pathlib import Path

from terrazul.node.environment.plan import Recipe

_MARK = "ready.json"


def find(recipe: Recipe, folder: Path) -> Path | None:
    """The interpreter of a recipe's environment; costs two looks at the disk and no process."""
    home = folder / recipe.key
    python = home / "bin" / "python"
    return python if (home / _MARK).exists() and python.exists() else None


def mark(recipe: Recipe, home: Path) -> None:
    """Note that the environment in a folder is whole, and what is in it."""
    content = {"name": recipe.name, "python": recipe.python.path, "packages": recipe.packages}
    (home / _MARK).write_text(json.dumps(content), "utf-8")
