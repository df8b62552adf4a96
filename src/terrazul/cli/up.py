"""``terrazul up``."""

from __future__ import annotations

import argparse
import contextlib
import os
from typing import Any, Dict, List, Mapping, NoReturn

from terrazul.cli import local_server
from terrazul.cli.command import Subparsers, add_verb
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.local_server import RunningProcess, StartFailed
from terrazul.cli.open_page import address_with_code
from terrazul.cli.output import Column, note, show
from terrazul.core import settings
from terrazul.core.errors import TerrazulError
from terrazul.core.home import HOME_VARIABLE, Home
from terrazul.sdk.client import Address, Client, read_login

_COLUMNS = (
    Column("address", "url"),
    Column("to sign in", "sign_in"),
    Column("home", "home"),
    Column("to stop it", "stop"),
)


def add_parser(subparsers: Subparsers) -> None:
    """The verb's parser."""
    parser = add_verb(
        subparsers,
        "up",
        run,
        "Start the platform on this machine. Returns as soon as it answers; one that runs already is left as it is.",
        example="terrazul up --port 9000",
    )
    home_option(parser)
    parser.add_argument("--foreground", action="store_true", help="Stay in this terminal; Ctrl-C stops the server.")
    settings.add_options(parser)


def home_option(parser: argparse.ArgumentParser) -> None:
    """The option that names an installation."""
    parser.add_argument(
        "--home", metavar="FOLDER", help=f"Home directory. Default: the variable {HOME_VARIABLE}, or ~/.terrazul."
    )


def run(arguments: argparse.Namespace) -> int:
    """Start the server, unless it runs."""
    home = Home(arguments.home)
    given = settings.to_arguments(vars(arguments))
    secret = settings.to_variables(vars(arguments))
    settings.from_environment(os.environ, **_given_values(arguments))
    running = local_server.find(home)
    if running:
        running = local_server.wait_until_answers(home, running)
        note("Terrazul runs already." + (" Options count when it starts: stop it first." if given or secret else ""))
    else:
        running = (_become_server if arguments.foreground else _start)(home, given, {**os.environ, **secret})
        note("Terrazul is running.")
    show(arguments, _facts(arguments, home, running), _COLUMNS)
    _warn_of_other_server()
    return ExitCode.GOOD


def _given_values(arguments: argparse.Namespace) -> Dict[str, Any]:
    return {name: value for name, value in vars(arguments).items() if name in settings.Settings.__dataclass_fields__}


def _become_server(home: Home, given: List[str], environment: Mapping[str, str]) -> NoReturn:
    local_server.check_startable(home)
    note(f"Terrazul runs in this terminal, with its home in {home.path}. Ctrl-C stops it.")
    command = local_server.command_of(home, given)
    os.chdir(home.path)
    os.execve(command[0], command, environment)  # noqa: S606  # no shell, our own interpreter


def _start(home: Home, given: List[str], environment: Mapping[str, str]) -> RunningProcess:
    try:
        return local_server.start(home, given, environment)
    except StartFailed as error:
        note(f"The last lines of {home.log_file}:" + "".join(f"\n    {line}" for line in error.log or ["(none)"]))
        raise


def _facts(arguments: argparse.Namespace, home: Home, running: RunningProcess) -> Dict[str, Any]:
    stop = f"terrazul down --home {arguments.home}" if arguments.home else "terrazul down"
    facts = {"url": running.url, "home": str(home.path), "pid": running.pid, "stop": stop}
    with contextlib.suppress(TerrazulError, OSError):  # a server of before, which makes none
        token = home.token_file.read_text(encoding="utf-8").strip()
        ca_file = running.about.ca_file if running.about else ""
        facts["sign_in"] = address_with_code(Client(Address(running.url, token, ca_file), patience=0)).code
    return facts


def _warn_of_other_server() -> None:
    login = read_login(Home())
    if login is not None:
        note(f"You are signed in to {login.url}: SDK and CLI speak to that server until `terrazul logout`.")
    other = os.environ.get("TERRAZUL_SERVER")
    if other:
        note(f"TERRAZUL_SERVER is {other}: SDK and CLI speak to that server until you unset the variable.")
