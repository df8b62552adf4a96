"""Runs that are held: they have failed, and what they ran in is kept for a look inside."""

from __future__ import annotations

from typing import Dict

from terrazul.core.dataclass import dataclass

INSIDE_FILE = "inside.json"
"""In the folder of a run: an ``Inside``, readable by its owner only."""


@dataclass(frozen=True)
class Hold:
    """What is kept of a run, and until when."""

    run_id: str
    since: str
    until: str
    machine: str
    """The name of the machine that has the folder."""
    folder: str
    """The folder of the run there; ``work`` below it is the working directory of its script."""


@dataclass(frozen=True)
class Inside:
    """What the script of a run found around it."""

    directory: str
    python: str
    """The interpreter of its environment."""
    variables: Dict[str, str]
    """Without those that lead to the server: the run has ended."""
