"""``terrazul down``."""

from __future__ import annotations

import argparse
import contextlib

from terrazul.cli import local_server
from terrazul.cli.command import Subparsers, add_verb
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.local_server import RunningProcess
from terrazul.cli.output import note
from terrazul.cli.server_status import ask, client_of
from terrazul.cli.up import home_option
from terrazul.cli.wording import plural
from terrazul.core.errors import TerrazulError
from terrazul.core.home import Home


def add_parser(subparsers: Subparsers) -> None:
    """The verb's parser."""
    parser = add_verb(
        subparsers,
        "down",
        run,
        "Stop the platform on this machine. Runs that are being executed go on, and report when it is up again.",
        output=False,
    )
    home_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Stop the server and say what goes on without it."""
    home = Home(arguments.home)
    running = local_server.find(home)
    if running is None:
        note(f"No Terrazul server is running in {home.path}.")
        return ExitCode.NOT_FOUND
    remaining = _what_remains(home, running)
    local_server.stop(home, running)
    print(f"Terrazul has stopped.{remaining}")
    return ExitCode.GOOD


def _what_remains(home: Home, running: RunningProcess) -> str:
    with contextlib.suppress(TerrazulError):  # a server that does not answer is stopped all the same
        status = ask(client_of(home, running))
        sentences = ""
        if status.executing:
            goes_on = "goes on and reports" if status.executing == 1 else "go on and report"
            sentences += f" {plural(status.executing, 'run')} {goes_on} when it is up again."
        if status.queued:
            waits = "waits" if status.queued == 1 else "wait"
            sentences += f" {plural(status.queued, 'run')} {waits} in the queue until then."
        return sentences
    return ""
