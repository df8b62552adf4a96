"""Failures of a node, remembered for a short while for each recipe, so that the same is not tried in vain again."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

from terrazul.core import clock
from terrazul.core.dataclass import dataclass
from terrazul.core.errors import TerrazulError, UserErrorException

_SECONDS = 300.0
_SECONDS_WHERE_IT_MAY_PASS = 30.0
_PASSING = re.compile(
    r"failed to fetch|error sending request|timed? ?out|dns error|connection|No space left", re.IGNORECASE
)
_MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class Failure:
    """What went wrong with a recipe, and until when it is not tried again."""

    message: str
    hint: str
    at: float
    until: float


class Failures:
    """The last failure of one recipe."""

    def __init__(self, home: Path) -> None:
        self._file = home.with_name(home.name + ".failed")

    def remember(self, problem: TerrazulError) -> None:
        """Keep a failure: what the network or the disk is to blame for is tried again sooner."""
        now = time.time()
        lasting = _SECONDS_WHERE_IT_MAY_PASS if _PASSING.search(problem.message) else _SECONDS
        content = {"message": problem.message, "hint": problem.hint or "", "at": now, "until": now + lasting}
        temporary = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        temporary.write_text(json.dumps(content), "utf-8")
        temporary.replace(self._file)

    def forget(self) -> None:
        """Try again whatever happened before."""
        self._file.unlink(missing_ok=True)

    def check(self, name: str) -> None:
        """Raise ``UserErrorException`` where the recipe failed lately: the same sentence, and until when."""
        failure = self._read()
        now = time.time()
        if failure is None or not failure.at <= now < failure.until:
            return
        moment = clock.to_text(int(failure.until * _MICROSECONDS))
        raise UserErrorException(
            f"{failure.message} (tried {now - failure.at:.0f} s ago)",
            target=name,
            hint=f"{failure.hint} The same definition is tried again on this node in {failure.until - now:.0f} s "
            f"({moment}), a changed one at once; `terrazul environment build --again` does not wait.".strip(),
        )

    def _read(self) -> Failure | None:
        try:
            content = json.loads(self._file.read_text("utf-8"))
            return Failure(str(content["message"]), str(content["hint"]), float(content["at"]), float(content["until"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
