"""Conda and pip files: the Python version that they ask for, and v1's own packages in them."""

from __future__ import annotations

import re
from typing import Iterator, NamedTuple

_CONDA = re.compile(r"^dependencies\s*:", re.MULTILINE)
_PYTHON = re.compile(r"python\s*(?:==?|~=|<=?)\s*(\d+)(?:\.(\d+))?")
_V1_PACKAGE = re.compile(r"azureml[\w.-]*(?:\[[\w,. -]*\])?")
_ITEM = re.compile(r"""^\s*(?:-\s+)?["']?([^"'#]*)""")
_OLDEST_MINOR = 8


class RequirementNote(NamedTuple):
    """A line of a conda or pip file that is met otherwise than it says."""

    line: int
    text: str
    note: str


def is_requirement_file(name: str) -> bool:
    """Whether a file may list packages, by its name."""
    return name.endswith((".yml", ".yaml")) or (name.endswith(".txt") and "requirements" in name)


def notes_on(name: str, text: str) -> Iterator[RequirementNote]:
    """What is met otherwise in a conda or pip file; nothing for another YAML file."""
    if not name.endswith(".txt") and not _CONDA.search(text):
        return
    for number, line in enumerate(text.split("\n"), 1):
        item = _ITEM.match(line)
        requirement = item.group(1).strip() if item else ""
        note = note_on(requirement)
        if note:
            yield RequirementNote(number, requirement, note)


def note_on(requirement: str) -> str:
    """How one requirement is met otherwise than it says; empty for one that is met as it stands."""
    python = _PYTHON.match(requirement)
    if python and (int(python.group(1)), int(python.group(2) or _OLDEST_MINOR)) < (3, _OLDEST_MINOR):
        return f"scripts run on Python 3.{_OLDEST_MINOR} or newer; the nearest that can be had takes its place"
    if _V1_PACKAGE.match(requirement):
        return "Terrazul answers this package itself; a version has no effect"
    return ""
