"""``terrazul login``."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import os
import sys

from terrazul.cli.command import Subparsers, UsageError, add_verb
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import note
from terrazul.core.errors import TerrazulError
from terrazul.core.home import Home
from terrazul.sdk.client import SERVER_VARIABLE, TOKEN_VARIABLE, read_login
from terrazul.sdk.login import keep, log_in, revoke, with_token
from terrazul.wire.server import LoginFile


def add_parser(subparsers: Subparsers) -> None:
    """The parser of the one command."""
    parser = add_verb(
        subparsers,
        "login",
        _login,
        "Sign in to a server elsewhere, by name and password or with a token. SDK and command line use it "
        "from then on; `terrazul logout` ends that.",
        example="terrazul login --server https://ml.example.com",
        output=False,
    )
    parser.add_argument("--server", metavar="URL", required=True, help="Its address.")
    parser.add_argument("--name", metavar="NAME", help="The name to sign in with. Default: it is asked for.")
    parser.add_argument(
        "--with-token", action="store_true", help="Read a token from standard input, instead of name and password."
    )
    parser.add_argument(
        "--days", type=int, metavar="N", default=90, help="How long the token lives that is made. Default: 90."
    )


def _login(arguments: argparse.Namespace) -> int:
    home = Home()
    before = None
    with contextlib.suppress(TerrazulError):  # a damaged file is replaced
        before = read_login(home)
    login = _with_token(arguments) if arguments.with_token else _with_password(arguments)
    keep(home, login)
    if before is not None and before.token_id and before.token != login.token:
        with contextlib.suppress(TerrazulError):  # what cannot be reached expires by itself
            revoke(before)
    note(f"You are {login.user} at {login.url}. The token is in {home.login_file}.")
    for variable in (SERVER_VARIABLE, TOKEN_VARIABLE):
        if os.environ.get(variable):
            note(f"{variable} is set, and counts before this login.")
    return ExitCode.GOOD


def _with_token(arguments: argparse.Namespace) -> LoginFile:
    is_person = sys.stdin.isatty()
    token = getpass.getpass("Token: ") if is_person else sys.stdin.readline()
    return with_token(arguments.server, token.strip())


def _with_password(arguments: argparse.Namespace) -> LoginFile:
    if sys.stdin.isatty():
        name = arguments.name or input("Name: ")
        return log_in(arguments.server, name, getpass.getpass("Password: "), arguments.days)
    if not arguments.name:
        message = "No name is given."
        raise UsageError(message, hint="Give --name, and the password on standard input.")
    return log_in(arguments.server, arguments.name, sys.stdin.readline().rstrip("\n"), arguments.days)
