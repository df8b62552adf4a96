"""How far a build has come: read from what uv says, and shown to all who wait for the same environment."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from pathlib import Path
from typing import Callable

Tell = Callable[[str], None]
"""Takes what is being done now."""
Report = Callable[[str, float, str], None]
"""Takes the name of a step that is over, its seconds, and what is to be said of it."""

MAKE, RESOLVE, FETCH, INSTALL, WAIT = (
    "environment: make",
    "environment: resolve",
    "environment: download and compile",
    "environment: install",
    "environment: wait",
)
_BEGINS = re.compile(r"\s*(Downloading|Building) (\S+)(?: \((\S+)\))?\Z")
_ENDS = re.compile(r"\s*(?:Downloaded|Built) (\S+)\Z")
_DONE = re.compile(r"(Resolved|Prepared|Installed) (\d+ packages?) in")
_WORDS = {"Downloading": "downloads", "Building": "compiles"}
_NAMED = 5


class Progress:
    """The steps of one build; each line that uv says takes it further."""

    def __init__(self, home: Path, tell: Tell, report: Report, *, public: bool = True) -> None:
        """``public``: the others who wait for this environment are told, too."""
        self._file = _file(home)
        self._public = public
        self._tell = tell
        self._report = report
        self._step = ""
        self._began = time.monotonic()
        self._doing = ""
        self._open: dict[str, str] = {}
        self._seen: list[str] = []

    def enter(self, step: str, doing: str) -> None:
        """A step begins; the one before is over."""
        self.leave()
        self._step, self._began = step, time.monotonic()
        self._open.clear()
        self._seen = []
        self._show(doing)

    def leave(self, message: str = "") -> None:
        """The step is over."""
        if self._step:
            self._report(self._step, time.monotonic() - self._began, message)
        self._step = ""

    def end(self) -> None:
        """Show nothing more."""
        self._file.unlink(missing_ok=True)

    def read(self, line: str) -> None:
        """A line of uv's output."""
        if begins := _BEGINS.match(line):
            size = f" ({begins[3]})" if begins[3] else ""
            self._open[begins[2]] = f"{_WORDS[begins[1]]} {begins[2]}{size}"
            self._show_open()
        elif (ends := _ENDS.match(line)) and self._open.pop(ends[1], None):
            self._show_open()
        elif done := _DONE.match(line):
            self._over(done[1], done[2])

    def see(self, compiled: list[str]) -> None:
        """The packages in whose sources somebody was seen to work."""
        if compiled != self._seen:
            self._seen = compiled
            self._show_open()

    def _over(self, what: str, packages: str) -> None:
        if what == "Installed":
            self._step = INSTALL  # also where nothing had to be fetched, which uv does not tell of
        self.leave(packages)
        if what == "Resolved":
            self.enter(FETCH, f"fetches {packages}")
        elif what == "Prepared":
            self.enter(INSTALL, f"installs {packages}")

    def _show_open(self) -> None:
        named = [*self._open.values(), *(f"compiles {each}" for each in self._seen if each not in self._open)]
        if named:
            more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
            self._show(", ".join(named[:_NAMED]) + more)

    def _show(self, doing: str) -> None:
        if doing != self._doing:
            self._doing = doing
            self._tell(doing)
            self._publish(doing)

    def _publish(self, doing: str) -> None:
        if self._public:
            temporary = self._file.with_name(f"{self._file.name}.{os.getpid()}")
            with contextlib.suppress(OSError):  # a full disk: whoever waits is told less
                temporary.write_text(json.dumps({"doing": doing}), "utf-8")
                temporary.replace(self._file)


def of_builder(home: Path) -> str:
    """What the builder of an environment does now, in words; empty where it has not said."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        content = json.loads(_file(home).read_text("utf-8"))
        return str(content["doing"])
    return ""


def _file(home: Path) -> Path:
    return home.with_name(home.name + ".progress")
