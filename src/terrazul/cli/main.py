"""``terrazul``: finds the verb, imports only what it needs, and tells errors in one place."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from typing import NamedTuple, Optional, Sequence

from terrazul.cli.command import Parser, UsageError, suggestion
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import tell_error
from terrazul.core.errors import InvalidInput, NotFound, TerrazulError, Unavailable
from terrazul.core.version import __version__


class Command(NamedTuple):
    """A word of the first level. Its module has ``add_parser`` and is imported when the word is used."""

    module: str
    summary: str


COMMANDS = {
    "up": Command("terrazul.cli.up", "Start the platform on this machine."),
    "down": Command("terrazul.cli.down", "Stop it; runs go on."),
    "open": Command("terrazul.cli.open_page", "Sign in to the server's page, in a browser."),
    "login": Command("terrazul.cli.login", "Sign in to a server elsewhere, for SDK and command line."),
    "logout": Command("terrazul.cli.logout", "Sign out of it."),
    "status": Command("terrazul.cli.status", "Show whether it runs, where, and what it does."),
    "doctor": Command("terrazul.cli.doctor", "Look for what could go wrong on this machine, and say what to do."),
    "folder": Command("terrazul.cli.folder", "Attach a folder to a workspace."),
    "workspace": Command("terrazul.cli.workspace", "Make, list, show, change and delete workspaces."),
    "experiment": Command("terrazul.cli.experiment", "List, show, change, archive, restore and delete experiments."),
    "run": Command("terrazul.cli.run", "Submit runs; follow, find, show, change, end and delete them."),
    "model": Command("terrazul.cli.model", "Register, list, show, change, download and delete models."),
    "dataset": Command("terrazul.cli.dataset", "Register, list, show, look into and download datasets."),
    "datastore": Command("terrazul.cli.datastore", "Register, test and browse datastores; upload and download."),
    "import": Command("terrazul.cli.importing", "Bring in what MLflow, or a v1 workspace, has recorded."),
    "export-script": Command("terrazul.cli.export_script", "Print the program that saves a v1 workspace."),
    "purge": Command("terrazul.cli.purge", "Delete for good what was deleted in MLflow's way."),
    "service": Command("terrazul.cli.service", "Web services: find, call, change and end them; serve an entry script."),
    "environment": Command("terrazul.cli.environment", "Make, register, list and download environments."),
    "computetarget": Command("terrazul.cli.computetarget", "Make, list, show, change and delete clusters."),
    "keyvault": Command("terrazul.cli.keyvault", "Keep, show and delete secrets; change the master key."),
    "webhook": Command("terrazul.cli.webhook", "Have addresses told of new models, versions, tags and aliases."),
    "user": Command("terrazul.cli.user", "Make, list, change and delete users."),
    "group": Command("terrazul.cli.group", "Make, list, change and delete groups of users."),
    "role": Command("terrazul.cli.role", "Show what roles allow; make your own."),
    "token": Command("terrazul.cli.user_token", "Make, list and delete tokens, which programs sign in with."),
    "whoami": Command("terrazul.cli.whoami", "Show who you are to the server, and what you may do."),
    "activity": Command("terrazul.cli.activity", "See who did what; export and verify the activity log."),
    "check": Command("terrazul.cli.check", "Read v1 code: what runs, what does not and why, which pins to set."),
    "completion": Command("terrazul.cli.completion", "Print a script that completes commands in your shell."),
}

_DESCRIPTION = "Terrazul: a machine-learning platform on your own machine that runs Azure ML v1 code."
_EPILOG = """\
first steps:
  terrazul up                                 start the platform
  terrazul folder attach -w research          make this folder a project of a workspace
  terrazul run submit-script train.py         run a script, and follow it
  terrazul COMMAND --help                     what a command takes
"""


def main(line: Optional[Sequence[str]] = None) -> int:
    """Carry out one command line; returns the exit code."""
    line = list(sys.argv[1:] if line is None else line)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _carry_out(line)
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has seen enough; nothing may be written to it any more, at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.GOOD
    except Exception as error:  # noqa: BLE001  # the edge of the process
        return _tell(error, debug="--debug" in line)


def build_parser(only: Optional[str] = None) -> Parser:
    """The parser of every command, or of one, with the names alone of the others."""
    parser = Parser(
        prog="terrazul",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"terrazul {__version__}")
    parser.add_argument("--debug", action="store_true", help="Show where errors come from.")
    subparsers = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        if only is None or name == only:
            importlib.import_module(command.module).add_parser(subparsers)
        else:
            subparsers.add_parser(name, help=command.summary, add_help=False)
    return parser


def _carry_out(line: Sequence[str]) -> int:
    word = next((each for each in line if not each.startswith("-")), "")
    if word and word not in COMMANDS:
        message = f"There is no command {word!r}."
        raise UsageError(message, hint=suggestion(word, COMMANDS) or "See `terrazul --help`.")
    parser = build_parser(word)
    if not line:
        parser.print_help()
        return ExitCode.USAGE
    arguments = parser.parse_args(line)
    code = int(arguments.run(arguments))
    sys.stdout.flush()
    return code


def _tell(error: Exception, *, debug: bool) -> int:
    if debug:
        traceback.print_exception(type(error), error, error.__traceback__)
    if not isinstance(error, TerrazulError):
        error = TerrazulError(
            f"This should not have happened: {type(error).__name__}: {error}",
            hint="Run it again with --debug, and report what that shows.",
        )
    tell_error(error)
    if isinstance(error, (NotFound, Unavailable)):
        return ExitCode.NOT_FOUND
    return ExitCode.USAGE if isinstance(error, InvalidInput) else ExitCode.FAILED


if __name__ == "__main__":
    sys.exit(main())
