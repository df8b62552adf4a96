"""``terrazul role``."""

from __future__ import annotations

import argparse
from typing import List
from urllib.parse import quote

from terrazul.cli.command import Subparsers, add_group, add_verb, suggestion
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, note, show
from terrazul.core.errors import NotFound
from terrazul.sdk.client import connect
from terrazul.wire.identity import NewRole, Role

_LIST = (
    Column("name", "name"),
    Column("description", "description"),
    Column("always there", "built_in"),
)
_SHOW = (*_LIST, Column("actions", "actions"))


def add_parser(subparsers: Subparsers) -> None:
    """The parsers of all verbs."""
    verbs = add_group(subparsers, "role", "Roles: what somebody may do in a workspace.")
    add_verb(verbs, "list", _list, "List the roles, the mightiest first.")
    shown = add_verb(verbs, "show", _show, "Show a role with its actions.")
    shown.add_argument("name", metavar="NAME", help="Its name.")
    create = add_verb(
        verbs,
        "create",
        _create,
        "Make a role of your own, or give it other actions.",
        example="terrazul role create Scorer --actions 'endpoint/read' workspace/read --description 'Calls services.'",
    )
    create.add_argument("name", metavar="NAME", help="Its name.")
    create.add_argument(
        "--actions", metavar="ACTION", nargs="+", required=True, help="What it allows; run/* is all that begins so."
    )
    create.add_argument("--description", metavar="TEXT", default="", help="What it is for.")
    delete = add_verb(verbs, "delete", _delete, "Delete a role of your own that nobody has.", output=False)
    delete.add_argument("name", metavar="NAME", help="Its name.")


def _list(arguments: argparse.Namespace) -> int:
    show(arguments, connect().get(List[Role], "/roles"), _LIST)
    return ExitCode.GOOD


def _show(arguments: argparse.Namespace) -> int:
    known = connect().get(List[Role], "/roles")
    for each in known:
        if each.name.lower() == arguments.name.lower():
            show(arguments, each, _SHOW)
            return ExitCode.GOOD
    hint = suggestion(arguments.name, [each.name for each in known]) or "`terrazul role list` shows what there is."
    message = f"There is no role {arguments.name!r}."
    raise NotFound(message, target=arguments.name, hint=hint)


def _create(arguments: argparse.Namespace) -> int:
    new = NewRole(arguments.name, arguments.actions, arguments.description)
    show(arguments, connect().post(Role, "/roles", new), _SHOW)
    return ExitCode.GOOD


def _delete(arguments: argparse.Namespace) -> int:
    connect().delete(f"/roles/{quote(arguments.name, safe='')}")
    note(f"The role {arguments.name} is deleted.")
    return ExitCode.GOOD
