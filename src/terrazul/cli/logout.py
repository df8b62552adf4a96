"""``terrazul logout``."""

from __future__ import annotations

import argparse

from terrazul.cli.command import Subparsers, add_verb
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import note
from terrazul.core.errors import TerrazulError
from terrazul.core.home import Home
from terrazul.sdk.client import read_login
from terrazul.sdk.login import revoke


def add_parser(subparsers: Subparsers) -> None:
    """The parser of the one command."""
    add_verb(
        subparsers,
        "logout",
        _logout,
        "Sign out of the server that `terrazul login` signed in to. The token that it made opens nothing any more.",
        output=False,
    )


def _logout(_arguments: argparse.Namespace) -> int:
    home = Home()
    login = read_login(home)
    if login is None:
        note("You are not signed in to a server elsewhere.")
        return ExitCode.GOOD
    try:
        if login.token_id:
            revoke(login)
    except TerrazulError as error:
        note(f"The token could not be made worthless, and lives until it expires: {error.message}")
    home.login_file.unlink()
    kept = "" if login.token_id else " The token is as it was: `terrazul token delete` makes one worthless."
    note(f"You are signed out of {login.url}.{kept}")
    return ExitCode.GOOD
