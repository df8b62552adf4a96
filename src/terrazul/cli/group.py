"""``terrazul group``."""

from __future__ import annotations

import argparse
from typing import List
from urllib.parse import quote

from terrazul.cli.command import Subparsers, UsageError, add_group, add_verb
from terrazul.cli.confirmation import confirm
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, note, show
from terrazul.cli.wording import moment
from terrazul.sdk.client import connect
from terrazul.wire.identity import Group, GroupChange, NewGroup

_COLUMNS = (
    Column("name", "name"),
    Column("members", "members"),
    Column("follows the sign-in", "follows_sign_in"),
    Column("made", "created_at", moment),
    Column("made by", "created_by"),
)


def add_parser(subparsers: Subparsers) -> None:
    """The parsers of all verbs."""
    verbs = add_group(subparsers, "group", "Groups: users under one name, with whom a workspace can be shared at once.")
    create = add_verb(verbs, "create", _create, "Make a group.", example="terrazul group create vision ana ben")
    _name(create)
    create.add_argument("members", metavar="USER", nargs="*", help="Who belongs to it.")
    create.add_argument(
        "--follows-sign-in",
        action="store_true",
        help="Who belongs to it is what the provider of single sign-on says, each time that somebody signs in by it.",
    )
    add_verb(verbs, "list", _list, "List the groups.")
    _name(add_verb(verbs, "show", _show, "Show a group."))
    update = add_verb(verbs, "update", _update, "Let users come to a group and go.")
    _name(update)
    update.add_argument("--add", metavar="USER", nargs="+", default=[], help="Who comes.")
    update.add_argument("--remove", metavar="USER", nargs="+", default=[], help="Who goes.")
    delete = add_verb(verbs, "delete", _delete, "Delete a group with its roles. Its members stay users.", output=False)
    _name(delete)
    delete.add_argument("-y", "--yes", action="store_true", help="Do not ask.")


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="The group's name.")


def _address(name: str) -> str:
    return f"/groups/{quote(name, safe='')}"


def _create(arguments: argparse.Namespace) -> int:
    new = NewGroup(arguments.name, arguments.members, arguments.follows_sign_in)
    show(arguments, connect().post(Group, "/groups", new, repeatable=False), _COLUMNS)
    return ExitCode.GOOD


def _list(arguments: argparse.Namespace) -> int:
    nothing = "There are no groups. Make one: terrazul group create NAME USER ..."
    show(arguments, connect().get(List[Group], "/groups"), _COLUMNS, nothing=nothing)
    return ExitCode.GOOD


def _show(arguments: argparse.Namespace) -> int:
    show(arguments, connect().get(Group, _address(arguments.name)), _COLUMNS)
    return ExitCode.GOOD


def _update(arguments: argparse.Namespace) -> int:
    change = GroupChange(arguments.add, arguments.remove)
    if change == GroupChange():
        message = "Nobody is named who should come or go."
        raise UsageError(message, hint="See `terrazul group update --help`.")
    show(arguments, connect().patch(Group, _address(arguments.name), change), _COLUMNS)
    return ExitCode.GOOD


def _delete(arguments: argparse.Namespace) -> int:
    client = connect()
    found = client.get(Group, _address(arguments.name))
    confirm(f"Delete the group {found.name} with its roles?", yes=arguments.yes)
    client.delete(_address(found.name))
    note(f"The group {found.name} is deleted.")
    return ExitCode.GOOD
