"""Completion in the shells themselves."""

import contextlib
import os
import pty
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from terrazul.testing.needs import needs_program

from .conftest import Shell

pytestmark = pytest.mark.functional

_CASES = [("sta", "status"), ("run mon", "monitor-logs"), ("status -o js", "json"), ("run list --sta", "--status")]


@pytest.mark.parametrize(("typed", "offered"), _CASES)
def test_fish_completes(terrazul: Shell, typed: str, offered: str):
    fish = needs_program("fish")
    script = terrazul.folder / "terrazul.fish"
    script.write_text(terrazul("completion", "fish").stdout)
    line = f"source {script}; complete -C 'terrazul {typed}'"
    ended = subprocess.run(
        [fish, "--no-config", "-c", line], capture_output=True, text=True, check=True, env=_quiet(terrazul.folder)
    )
    assert [each.partition("\t")[0] for each in ended.stdout.splitlines()] == [offered]


def test_zsh_completes(terrazul: Shell):
    zsh = needs_program("zsh")
    script = terrazul.folder / "terrazul.zsh"
    script.write_text(terrazul("completion", "zsh").stdout)
    with terminal([zsh, "-f", "-i"], _quiet(terrazul.folder)) as type_until:
        type_until(f"autoload -U compinit && compinit -u -D; source {script}; echo re''ady\n", "ready")
        for typed, offered in _CASES:
            line = f"terrazul {typed.rpartition(' ')[0]}".strip()
            type_until(f"terrazul {typed}\t", f"{line} {offered}")
            type_until("\x15echo cle''ared\n", "cleared")


@contextlib.contextmanager
def terminal(command: list[str], environment: dict[str, str]) -> Iterator[Callable[[str, str], None]]:
    """A program that believes that a person types; call what this gives with a text, and with what it must lead to."""
    outside, inside = pty.openpty()
    process = subprocess.Popen(
        command, stdin=inside, stdout=inside, stderr=inside, env=environment, start_new_session=True
    )
    os.close(inside)

    def type_until(text: str, wanted: str) -> None:
        os.write(outside, text.encode())
        shown, deadline = "", time.monotonic() + 20
        while wanted not in shown:
            assert time.monotonic() < deadline, shown
            if select.select([outside], [], [], 0.1)[0]:
                shown += os.read(outside, 4096).decode(errors="replace")

    try:
        yield type_until
    finally:
        process.kill()
        process.wait()
        os.close(outside)


def _quiet(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb", "PS1": "> "}
