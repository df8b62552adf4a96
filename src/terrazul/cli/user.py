"""``terrazul user``."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import List, Optional
from urllib.parse import quote

from terrazul.cli.command import Subparsers, UsageError, add_group, add_verb
from terrazul.cli.confirmation import confirm
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, is_for_people, note, show
from terrazul.cli.wording import moment
from terrazul.sdk.client import Request, connect
from terrazul.wire.codec import encode
from terrazul.wire.identity import MadeToken, Me, NewToken, NewUser, User, UserChange, UserKind
from terrazul.wire.session import NewPassword

COLUMNS = (
    Column("name", "name"),
    Column("kind", "kind"),
    Column("shown as", "display_name"),
    Column("administrator", "is_admin"),
    Column("active", "is_active"),
    Column("groups", "groups"),
    Column("single sign-on", "is_linked"),
    Column("made", "created_at", moment),
    Column("made by", "created_by"),
)


def add_parser(subparsers: Subparsers) -> None:
    """The parsers of all verbs."""
    verbs = add_group(subparsers, "user", "Users: who can sign in, people and programs.")
    create = add_verb(
        verbs, "create", _create, "Make a user, with a token to sign in with.", example="terrazul user create ana"
    )
    create.add_argument("name", metavar="NAME", help="The name to sign in with.")
    create.add_argument("--display-name", metavar="TEXT", default="", help="The name as people read it.")
    create.add_argument("--service-principal", action="store_true", help="This is a program, not a person.")
    create.add_argument("--admin", action="store_true", help="An administrator: may do everything, and manages users.")
    create.add_argument("--days", type=int, default=90, metavar="N", help="How long the token lives. Default: 90.")
    create.add_argument("--no-token", action="store_true", help="Make no token yet.")

    add_verb(verbs, "list", _list, "List the users.")
    _name(add_verb(verbs, "show", _show, "Show a user."))

    update = add_verb(
        verbs,
        "update",
        _update,
        "Change a user. What this takes away is gone within a second.",
    )
    _name(update)
    update.add_argument("--display-name", metavar="TEXT", help="The name as people read it.")
    update.add_argument("--admin", choices=("true", "false"), help="Whether it is an administrator.")
    update.add_argument("--active", choices=("true", "false"), help="Whether it can sign in.")
    update.add_argument(
        "--subject",
        metavar="TEXT",
        help="What the provider of single sign-on calls the person who signs in as this user by it; '' for nobody.",
    )

    password = add_verb(
        verbs,
        "set-password",
        _set_password,
        "Give a user a password to sign in with in a browser. It is asked for, or read from standard input. "
        "Who changes their own tells the current one too: before it, on a line of its own.",
        example="terrazul user set-password ana",
        output=False,
    )
    _name(password)

    delete = add_verb(
        verbs, "delete", _delete, "Delete a user with its tokens and roles. What it made stays.", output=False
    )
    _name(delete)
    delete.add_argument("-y", "--yes", action="store_true", help="Do not ask.")


def address(name: str) -> str:
    """Where a user is."""
    return f"/users/{quote(name, safe='')}"


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="The user's name.")


def _create(arguments: argparse.Namespace) -> int:
    kind = UserKind.SERVICE_PRINCIPAL if arguments.service_principal else UserKind.USER
    client = connect()
    made = client.post(
        User, "/users", NewUser(arguments.name, kind, arguments.display_name, arguments.admin), repeatable=False
    )
    if arguments.no_token:
        show(arguments, made, COLUMNS)
        return ExitCode.GOOD
    token = client.post(MadeToken, "/tokens", NewToken("first", made.name, arguments.days), repeatable=False)
    show(arguments, {**vars(made), "token": token.token}, (*COLUMNS, Column("token", "token")))
    if is_for_people(arguments):
        note(f"The token is shown this once. {made.name} signs in with it:")
        note(f"  export TERRAZUL_SERVER={client.address.url} TERRAZUL_TOKEN=...")
        note(f"Nothing is shared with {made.name} yet: terrazul workspace share --user {made.name} --role Reader")
    return ExitCode.GOOD


def _list(arguments: argparse.Namespace) -> int:
    show(arguments, connect().get(List[User], "/users"), COLUMNS)
    return ExitCode.GOOD


def _show(arguments: argparse.Namespace) -> int:
    show(arguments, connect().get(User, address(arguments.name)), COLUMNS)
    return ExitCode.GOOD


def _update(arguments: argparse.Namespace) -> int:
    change = UserChange(arguments.display_name, _flag(arguments.admin), _flag(arguments.active), arguments.subject)
    if change == UserChange():
        message = "Nothing is said that should change."
        raise UsageError(message, hint="See `terrazul user update --help`.")
    show(arguments, connect().patch(User, address(arguments.name), change), COLUMNS)
    return ExitCode.GOOD


def _set_password(arguments: argparse.Namespace) -> int:
    client = connect()
    found = client.get(User, address(arguments.name))
    if sys.stdin.isatty():
        new = _asked_password(found.name, is_own=client.get(Me, "/me").name == found.name)
    else:
        new = _piped_password(sys.stdin.read())
    client.send(Request("PUT", f"{address(found.name)}/password", body=encode(new)))
    note(f"The password of {found.name} is set. Its sessions in browsers have ended.")
    return ExitCode.GOOD


def _asked_password(name: str, *, is_own: bool) -> NewPassword:
    """What a person types, twice, unseen."""
    current = getpass.getpass("Current password, if you have one: ") if is_own else ""
    password = getpass.getpass(f"New password of {name}: ")
    if getpass.getpass("Once more: ") != password:
        message = "The two are not the same."
        raise UsageError(message, hint="Nothing is changed. Try again.")
    return NewPassword(password, current or None)


def _piped_password(text: str) -> NewPassword:
    lines = text.splitlines()
    if len(lines) not in {1, 2} or not lines[-1]:
        message = "Standard input holds no password."
        raise UsageError(message, hint="Give it as one line, or as the second where the first is the current one.")
    return NewPassword(lines[-1], lines[0] if len(lines) > 1 else None)


def _delete(arguments: argparse.Namespace) -> int:
    client = connect()
    found = client.get(User, address(arguments.name))
    confirm(f"Delete the user {found.name} with all its tokens and roles?", yes=arguments.yes)
    client.delete(address(found.name))
    note(f"The user {found.name} is deleted.")
    return ExitCode.GOOD


def _flag(word: Optional[str]) -> Optional[bool]:
    return None if word is None else word == "true"
