"""``terrazul whoami``."""

from __future__ import annotations

import argparse
from typing import Any, Dict, List

from terrazul.cli.command import Subparsers, add_verb
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, show
from terrazul.sdk.client import connect
from terrazul.wire.identity import Me
from terrazul.wire.workspace import Workspace


def add_parser(subparsers: Subparsers) -> None:
    """The parser of the one command."""
    add_verb(subparsers, "whoami", _whoami, "Show who you are to the server, and what you may do.")


def _whoami(arguments: argparse.Namespace) -> int:
    client = connect()
    me = client.get(Me, "/me")
    names = {each.workspace_id: each.name for each in client.get(List[Workspace], "/workspaces")}

    def roles(value: Dict[str, List[str]]) -> str:
        told = [f"{' and '.join(found)} of {names.get(key, key)}" for key, found in value.items()]
        return ", ".join(told) or "-"

    def folders(value: Dict[str, Dict[str, List[str]]]) -> str:
        told = [
            f"{' and '.join(found)} in {folder} of {names.get(key, key)}"
            for key, given in value.items()
            for folder, found in given.items()
        ]
        return ", ".join(told) or "-"

    def actions(value: Any) -> str:
        return ", ".join(value) if value else "all that the roles allow"

    show(
        arguments,
        me,
        (
            Column("name", "name"),
            Column("administrator", "is_admin"),
            Column("roles", "roles", roles),
            Column("roles on folders", "folders", folders),
            Column("token is for", "actions", actions),
            Column("server", "", lambda _: client.address.url),
        ),
    )
    return ExitCode.GOOD
