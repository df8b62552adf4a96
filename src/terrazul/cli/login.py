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
from terrazul.wire.session import NewSession


def add_parser(subparsers: Subparsers) -> None:
    """The parser of the one command."""
    parser = add_verb(
        subparsers,
        "login",
        _login,
        "Sign in to a server elsewhere, by name and password, with a code that its page shows who is signed in there, "
        "or with a token. SDK and command line use it from then on; `terrazul logout` ends that.",
        example="terrazul login --server https://ml.example.com",
        output=False,
    )
    parser.add_argument("--server", metavar="URL", required=True, help="Its address.")
    parser.add_argument("--name", metavar="NAME", help="The name to sign in with. Default: it is asked for.")
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--with-code",
        action="store_true",
        help="Read a code from standard input: sign in at the server's page, in any browser, and have it show one.",
    )
    way.add_argument("--with-token", action="store_true", help="Read a token from standard input.")
    parser.add_argument(
        "--days", type=int, metavar="N", default=90, help="How long the token lives that is made. Default: 90."
    )


def _login(arguments: argparse.Namespace) -> int:
    home = Home()
    before = None
    with contextlib.suppress(TerrazulError):  # a damaged file is replaced
        before = read_login(home)
    login = _sign_in(arguments)
    keep(home, login)
    if before is not None and before.token_id and before.token != login.token:
        with contextlib.suppress(TerrazulError):  # what cannot be reached expires by itself
            revoke(before)
    note(f"You are {login.user} at {login.url}. The token is in {home.login_file}.")
    for variable in (SERVER_VARIABLE, TOKEN_VARIABLE):
        if os.environ.get(variable):
            note(f"{variable} is set, and counts before this login.")
    return ExitCode.GOOD


def _sign_in(arguments: argparse.Namespace) -> LoginFile:
    server = arguments.server
    if arguments.with_token:
        return with_token(server, _secret("Token: ").strip())
    if arguments.with_code:
        if sys.stdin.isatty():
            note(f"Sign in at {server} in a browser, and press `Show a code for a terminal` there.")
        return log_in(server, NewSession(code=_secret("Code: ").strip()), arguments.days)
    name = arguments.name
    if not name and not sys.stdin.isatty():
        message = "No name is given."
        raise UsageError(message, hint="Give --name, and the password on standard input.")
    if not name:
        note("Who signs in by a provider, without a password, uses --with-code.")
        name = input("Name: ")
    return log_in(server, NewSession(name, _secret("Password: ").rstrip("\n")), arguments.days)


def _secret(prompt: str) -> str:
    """What a person types unseen, or else a line of standard input."""
    return getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()
