"""What an import found, what of it was new, and what cannot come."""

from __future__ import annotations

from dataclasses import field
from typing import Dict, List

from terrazul.core.dataclass import dataclass


@dataclass(frozen=True)
class Problem:
    """Something that does not come, or not whole."""

    thing: str
    reason: str


@dataclass
class Count:
    """How many things of a kind there are, and how many of them were (or would be) new here."""

    found: int = 0
    new: int = 0

    def add(self, *, new: bool, by: int = 1) -> None:
        """So many more."""
        self.found += by
        self.new += by if new else 0


@dataclass
class Findings:
    """Collected while an import goes on; printed at its end."""

    experiments: Count = field(default_factory=Count)
    runs: Count = field(default_factory=Count)
    nested_runs: Count = field(default_factory=Count)
    deleted_runs: Count = field(default_factory=Count)
    metric_values: Count = field(default_factory=Count)
    files: Count = field(default_factory=Count)
    snapshots: Count = field(default_factory=Count)
    bytes: Count = field(default_factory=Count)
    logged_models: Count = field(default_factory=Count)
    models: Count = field(default_factory=Count)
    model_versions: Count = field(default_factory=Count)
    environments: Count = field(default_factory=Count)
    renamed: Dict[str, str] = field(default_factory=dict)
    """Models whose names cannot be here, and the names under which they are written."""
    problems: List[Problem] = field(default_factory=list)
    left_out: Dict[str, int] = field(default_factory=dict)
    """What Terrazul has no place for, by its name in the plural, and how many there are."""
    waiting: Dict[str, int] = field(default_factory=dict)
    """What stays in the source until Terrazul can take it, by its name in the plural, and how many there are."""

    def problem(self, thing: str, reason: str) -> None:
        """Something does not come, or not whole; told once."""
        told = Problem(thing, reason)
        if told not in self.problems[-1:]:
            self.problems.append(told)

    def leave_out(self, what: str, count: int) -> None:
        """So many things of a kind have no place here."""
        if count:
            self.left_out[what] = self.left_out.get(what, 0) + count
