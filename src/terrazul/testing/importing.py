"""Imports as a person calls them, and what they tell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from terrazul.testing.server import RunningServer

_TERRAZUL = str(Path(sys.executable).with_name("terrazul"))
_SECONDS = 60


def call_import(server: RunningServer, *line: str) -> tuple[int, Any, str]:
    """Carry out ``terrazul import`` in the server's home: its exit code, its answer, and what it said beside it."""
    done = subprocess.run(
        [_TERRAZUL, "import", *line, "-o", "json"],
        env={**os.environ, **server.environment},
        cwd=server.home.path,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def bring(server: RunningServer, kind: str, source: Path | str, *options: str) -> Any:
    """Import into the workspace of tests, which need not be there yet; the answer."""
    server.workspace()
    code, told, error = call_import(server, kind, str(source), "-w", "testing", *options)
    assert told is not None, error
    assert code == (1 if told["problems"] else 0)
    return told


def problems(told: Any) -> dict[str, list[str]]:
    """The reasons in an answer, by the things that they are of."""
    found: dict[str, list[str]] = {}
    for each in told["problems"]:
        found.setdefault(each["thing"], []).append(each["reason"])
    return found
