"""What a script asks its runner for: libraries that its environment does not have."""

from __future__ import annotations

from dataclasses import field
from typing import Dict

from terrazul.core.dataclass import dataclass

LIBRARIES = "data-libraries"
"""Where a runner answers, below the workspace; the server does not."""


@dataclass(frozen=True)
class LibraryRequest:
    """The interpreter of a script, and the versions of what its environment has of what reading data takes."""

    python: str
    installed: Dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LibraryFolder:
    """Where the libraries lie, to be put at the end of the path of imports."""

    path: str
