"""``terrazul run shell`` and ``release``: looking inside a run that has failed and is held, and letting it go."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Dict, List, NoReturn, Optional

from terrazul.cli.command import Subparsers
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import note
from terrazul.cli.run_choice import add_verb_on_run, address_of, run_id_of
from terrazul.cli.wording import duration
from terrazul.cli.workspace_choice import choose
from terrazul.core import clock
from terrazul.core.errors import RunFolderElsewhere
from terrazul.wire import codec
from terrazul.wire.hold import INSIDE_FILE, Hold, Inside

_SECOND = 1_000_000


def add_verbs(verbs: Subparsers) -> None:
    """The parsers of both verbs."""
    shell = add_verb_on_run(
        verbs,
        "shell",
        _shell,
        "Look inside a run that has failed and is held: a shell in its working folder, with the interpreter and the "
        "variables of its script. On the machine that has the folder. The exit code is the shell's.",
    )
    shell.add_argument("-c", "--command", metavar="LINE", help="Execute this line there, instead of asking for lines.")
    add_verb_on_run(
        verbs, "release", _release, "Hold a run that has failed no longer: free its node and remove its folder."
    )


def _shell(arguments: argparse.Namespace) -> NoReturn:
    run_id = run_id_of(arguments)
    hold = choose(arguments).client.get(Hold, address_of(run_id, "hold"))
    inside = _inside(hold)
    left = duration(max(0, clock.from_text(hold.until) - clock.now()) / _SECOND)
    note(f"In the working folder of {run_id}, on {inside.python}. It is held for {left} more.")
    sys.stdout.flush()
    program = _program(arguments.command)
    os.execve(program[0], program, {**_of_terminal(), **inside.variables, "PS1": f"({run_id}) \\w $ "})  # noqa: S606  # a shell is what was asked for


def _inside(hold: Hold) -> Inside:
    """What stands in the folder. Raises ``RunFolderElsewhere`` where that is not here, or not ours to read."""
    try:
        inside = codec.decode(Inside, (Path(hold.folder) / INSIDE_FILE).read_bytes())
        os.chdir(inside.directory)
    except OSError as problem:
        reason = "is not to be read by this user" if isinstance(problem, PermissionError) else "is not on this machine"
        raise RunFolderElsewhere(
            f"The folder of the run {hold.run_id} {reason}.",
            target=hold.run_id,
            hint=f"It lies in {hold.folder} on {hold.machine}, where the user of the server's process can read it: use "
            "`terrazul run shell` there.",
        ) from None
    return inside


def _program(line: Optional[str]) -> List[str]:
    """A shell that reads nobody's settings, which would change what the script found."""
    bash = shutil.which("bash")
    shell = [bash, "--noprofile", "--norc"] if bash else ["/bin/sh"]
    return [*shell, "-c", line] if line else [*shell, "-i"]


def _of_terminal() -> Dict[str, str]:
    return {name: os.environ[name] for name in ("TERM", "COLORTERM", "LANG", "LC_ALL", "DISPLAY") if name in os.environ}


def _release(arguments: argparse.Namespace) -> int:
    run_id = run_id_of(arguments)
    choose(arguments).client.delete(address_of(run_id, "hold"))
    note(f"The run {run_id} is held no longer.")
    return ExitCode.GOOD
