"""The activity log: its lines, the chain that they form, and how one finds out whether it is whole."""

from __future__ import annotations

import hashlib
import json
from dataclasses import field
from typing import Iterable, List, Mapping, Optional

from terrazul.core.dataclass import dataclass

FIRST_PREVIOUS = "0" * 64
"""What stands for the hash before the first line."""
_HASH = "hash"
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


@dataclass(frozen=True)
class ActivityLine:
    """Who did what, to which object, when, from where, and with which result."""

    sequence: int
    """From 1, without gaps."""
    time: str
    workspace_id: Optional[str]
    """As the request named it; None outside of workspaces."""
    user: str
    """Whose act it is; empty for a request without a valid token."""
    kind: str
    """``user``, ``run`` or ``webservice`` by the token that was used, ``nobody`` without one, ``server`` for itself."""
    through: str
    """The id of the user's token, or the id of the run, or the name of the web service."""
    address: str
    """Where the request came from."""
    action: str
    """What had to be allowed, as in a role: ``model/register``."""
    change: str
    """``created``, ``changed``, ``deleted``, or ``shown`` for a secret; empty where the operation says it."""
    object_type: str
    object_id: str
    method: str
    operation: str
    """The operation's name in the OpenAPI document."""
    status: int
    """The HTTP status of the answer."""
    reason: str
    """Why it was refused."""
    count: int
    """So many equal refusals."""
    correlation_id: str
    previous_hash: str
    hash: str
    """SHA-256 over all other fields."""


@dataclass(frozen=True)
class ActivityPage:
    """Lines, newest first."""

    lines: List[ActivityLine]
    next_page: Optional[str] = None


@dataclass(frozen=True)
class ActivityCheck:
    """What a look at the chain found."""

    lines: int
    first: int
    """Sequence of the first line that was looked at; 0 where there is none."""
    last: int
    last_hash: str
    """Note it elsewhere with ``last``: who has it can show that nothing up to there was changed or cut off."""
    gaps: int = 0
    """How often lines are left out, as in the export of one workspace."""
    broken_at: Optional[int] = None
    """The sequence of the first line that is not as it was written; None where all are."""
    problem: str = ""


def canonical(line: Mapping[str, object]) -> bytes:
    """The bytes that are hashed: the JSON of all fields but the hash, keys sorted, without spaces, in ASCII."""
    told = {name: value for name, value in line.items() if name != _HASH}
    return _encode(told).encode("ascii")


def hash_of(line: Mapping[str, object]) -> str:
    """The hash that a line must have."""
    return hashlib.sha256(canonical(line)).hexdigest()


@dataclass
class Chain:
    """Follows lines from the oldest on, and finds the first that is not as it was written.

    Where lines may be left out, as in an export that was filtered, each is checked by itself, and with its neighbour
    where that is there.
    """

    complete: bool = True
    lines: int = 0
    first: int = 0
    last: int = 0
    last_hash: str = FIRST_PREVIOUS
    gaps: int = 0
    broken_at: Optional[int] = None
    problem: str = ""
    known: Mapping[int, str] = field(default_factory=dict)
    """Hashes that somebody noted, by sequence."""

    def follow(self, line: ActivityLine) -> bool:
        """Look at the next line; false once the chain is broken."""
        if self.broken_at is None:
            self._look(line)
        return self.broken_at is None

    def follow_all(self, lines: Iterable[ActivityLine]) -> bool:
        """As ``follow``, of several lines."""
        return all(self.follow(line) for line in lines)

    def check(self) -> ActivityCheck:
        """What was found, once all lines were followed."""
        missing = [sequence for sequence in self.known if sequence > self.last]
        if self.broken_at is None and missing:
            self._break(min(missing), "The line is missing at the end, and somebody noted its hash.")
        return ActivityCheck(self.lines, self.first, self.last, self.last_hash, self.gaps, self.broken_at, self.problem)

    def _look(self, line: ActivityLine) -> None:
        follows = line.sequence == self.last + 1 and (self.complete or self.lines > 0 or line.sequence == 1)
        if line.sequence <= self.last:
            self._break(line.sequence, f"It stands after the line {self.last}.")
        elif self.complete and not follows:
            self._break(self.last + 1, "The line is missing.")
        elif line.hash != hash_of(vars(line)):
            self._break(line.sequence, "The line is not what was written: its hash does not fit.")
        elif follows and line.previous_hash != self.last_hash:
            self._break(line.sequence, "The line does not follow from the one before it.")
        elif self.known.get(line.sequence, line.hash) != line.hash:
            self._break(line.sequence, "The line has another hash than somebody noted.")
        else:
            self.gaps += 0 if follows or not self.lines else 1
            self.first = self.first or line.sequence
            self.lines += 1
            self.last, self.last_hash = line.sequence, line.hash

    def _break(self, sequence: int, problem: str) -> None:
        self.broken_at, self.problem = sequence, problem
