"""``terrazul status``."""

from __future__ import annotations

import argparse
from typing import Any, Dict

from terrazul.cli import local_server
from terrazul.cli.command import Subparsers, add_verb
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, note, show
from terrazul.cli.server_status import ask, client_of, other_server
from terrazul.cli.up import home_option
from terrazul.cli.wording import moment, printable, size
from terrazul.core.home import Home
from terrazul.sdk.client import API, Client, connect
from terrazul.wire import codec


def _counts(value: Any) -> str:
    return ", ".join(f"{count} {printable(state)}" for state, count in sorted(value.items())) or "none"


_COLUMNS = (
    Column("address", "url"),
    Column("version", "version"),
    Column("started", "started_at", moment),
    Column("process", "pid"),
    Column("processes", "processes"),
    Column("home", "home"),
    Column("workspaces", "workspaces"),
    Column("runs", "runs", _counts),
    Column("in the queue", "queued"),
    Column("being executed", "executing"),
    Column("services", "services", _counts),
    Column("files", "content_bytes", size),
    Column("database", "database"),
    Column("its size", "database_bytes", size),
    Column("disk free", "free_bytes", size),
    Column("key vault", "vault_problem"),
)


def add_parser(subparsers: Subparsers) -> None:
    """The verb's parser."""
    parser = add_verb(
        subparsers,
        "status",
        run,
        "Show whether a server runs, where, and what it does. The exit code is 3 where none runs.",
        example="terrazul status -o json --query running",
    )
    home_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show what the server does: that of ``--home``, else that of the variables, else that of the default home."""
    if other_server() and not arguments.home:
        return _show(arguments, connect().within(API, patience=0))
    home = Home(arguments.home)
    running = local_server.find(home)
    if running is None:
        if arguments.output != "table":
            show(arguments, {"running": False, "home": str(home.path)})
        note(f"No Terrazul server is running in {home.path}. Start one with `terrazul up`.")
        return ExitCode.NOT_FOUND
    return _show(arguments, client_of(home, local_server.wait_until_answers(home, running)))


def _show(arguments: argparse.Namespace, client: Client) -> int:
    facts: Dict[str, Any] = {"running": True, "url": client.address.url, **codec.to_plain(ask(client))}
    show(arguments, facts, _COLUMNS)
    return ExitCode.GOOD
