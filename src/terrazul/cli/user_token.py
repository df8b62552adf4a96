"""``terrazul token``."""

from __future__ import annotations

import argparse
from typing import Any, List

from terrazul.cli.command import Subparsers, add_group, add_verb, workspace_options
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, is_for_people, note, show
from terrazul.cli.wording import NOTHING, moment
from terrazul.cli.workspace_choice import choose
from terrazul.sdk.client import connect
from terrazul.wire.identity import MadeToken, NewToken, Token


def _until(value: Any) -> str:
    return moment(value) if value else "never"


def _actions(value: Any) -> str:
    return ", ".join(value) if value else "all of its user"


_LIST = (
    Column("token", "token_id"),
    Column("user", "user"),
    Column("for", "label"),
    Column("expires", "expires_at", _until),
    Column("workspace", "workspace_id", lambda value: value or NOTHING),
    Column("actions", "actions", _actions),
    Column("made", "created_at", moment),
)
_MADE = (*(each._replace(key=f"about.{each.key}") for each in _LIST), Column("secret", "token"))


def add_parser(subparsers: Subparsers) -> None:
    """The parsers of all verbs."""
    verbs = add_group(subparsers, "token", "Tokens: what programs sign in with.")
    create = add_verb(
        verbs,
        "create",
        _create,
        "Make a token. It is shown this once.",
        example="terrazul token create --label 'nightly training' --days 30",
    )
    create.add_argument("--label", metavar="TEXT", default="", help="What it is for.")
    create.add_argument("--user", metavar="NAME", default="", help="For whom, where not for you (administrators).")
    create.add_argument("--days", type=int, metavar="N", default=90, help="How long it lives. Default: 90.")
    create.add_argument("--never-expires", action="store_true", help="It lives until it is deleted.")
    create.add_argument(
        "--actions", metavar="ACTION", nargs="+", help="Restrict it to these; 'run/*' is all that begins so."
    )
    create.add_argument("--only-workspace", action="store_true", help="Restrict it to one workspace, the one below.")
    workspace_options(create)

    listing = add_verb(verbs, "list", _list, "List your tokens: what they are for, not themselves.")
    listing.add_argument("--user", metavar="NAME", default="", help="Those of somebody else (administrators).")

    delete = add_verb(verbs, "delete", _delete, "Make a token worthless.", output=False)
    delete.add_argument("token_id", metavar="TOKEN", help="Its id, as `terrazul token list` shows it.")


def _create(arguments: argparse.Namespace) -> int:
    new = NewToken(
        label=arguments.label,
        user=arguments.user,
        days=None if arguments.never_expires else arguments.days,
        workspace_id=choose(arguments).workspace_id if arguments.only_workspace else None,
        actions=arguments.actions,
    )
    made = connect().post(MadeToken, "/tokens", new, repeatable=False)
    show(arguments, made, _MADE)
    if is_for_people(arguments):
        note("Keep the secret now: it is not shown again.")
    return ExitCode.GOOD


def _list(arguments: argparse.Namespace) -> int:
    found = connect().get(List[Token], "/tokens", {"user": arguments.user or None})
    show(arguments, found, _LIST, nothing="There are no tokens. `terrazul token create` makes one.")
    return ExitCode.GOOD


def _delete(arguments: argparse.Namespace) -> int:
    connect().delete(f"/tokens/{arguments.token_id}")
    note("The token opens nothing any more.")
    return ExitCode.GOOD
