"""``terrazul open``."""

from __future__ import annotations

import argparse
import os
import sys
from html import escape

from terrazul.cli.command import Subparsers, add_verb
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, is_for_people, note, show
from terrazul.core.home import Home
from terrazul.sdk.client import Client, connect
from terrazul.wire.session import SignInCode

_COLUMNS = (Column("address", "url"), Column("until", "expires_at"))


def add_parser(subparsers: Subparsers) -> None:
    """The parser of the one command."""
    parser = add_verb(
        subparsers,
        "open",
        _open,
        "Sign in to the server's page. Prints an address that does so once, within a minute, and opens it in a browser "
        "where there is a display.",
    )
    parser.add_argument("--no-browser", action="store_true", help="Only print it.")


def address_with_code(client: Client) -> SignInCode:
    """A code of the caller's, as the address that a browser opens; what follows the # is sent to no server."""
    made = client.post(SignInCode, "/sessions/codes", repeatable=False)
    return SignInCode(f"{client.address.url.rstrip('/')}/#code={made.code}", made.expires_at)


def _open(arguments: argparse.Namespace) -> int:
    made = address_with_code(connect())
    show(arguments, {"url": made.code, "expires_at": made.expires_at}, _COLUMNS)
    if is_for_people(arguments) and not arguments.no_browser and _has_display():
        _show_in_browser(Home(), made.code)
    return ExitCode.GOOD


def _show_in_browser(home: Home, url: str) -> None:
    """Open an address by a file that leads there: a browser's command line can be read by others."""
    import webbrowser  # noqa: PLC0415  # costly, and for this alone

    home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(str(home.open_file), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f'<!doctype html><meta http-equiv="refresh" content="0;url={escape(url)}">\n')
    if not webbrowser.open(home.open_file.as_uri()):
        note("No browser could be opened: open the address in one.")


def _has_display() -> bool:
    return sys.platform in {"darwin", "win32"} or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
