"""``terrazul keyvault``."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import List
from urllib.parse import quote

from terrazul.cli.command import Subparsers, UsageError, add_group, add_verb, workspace_options
from terrazul.cli.confirmation import confirm
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, note, show
from terrazul.cli.secret_file import decoded, read_secret
from terrazul.cli.wording import NOTHING, moment
from terrazul.cli.workspace_choice import choose
from terrazul.sdk.client import connect
from terrazul.sdk.keyvault import Keyvault
from terrazul.wire.vault import NOT_PROVIDED, Rotation, Secret, VaultStatus

_LIST = (
    Column("name", "name"),
    Column("content type", "content_type", lambda value: NOTHING if value == NOT_PROVIDED else str(value)),
    Column("changed", "updated_at", moment),
    Column("changed by", "updated_by"),
)
_STATUS = (
    Column("master key kept in", "kept_in"),
    Column("master key", "master_key"),
    Column("secrets", "sealed"),
    Column("not under it yet", "waiting"),
    Column("closed", "problem"),
)
_ROTATION = (
    Column("master key", "master_key"),
    Column("sealed anew", "sealed_anew"),
    Column("left under the old one", "remaining"),
)


def add_parser(subparsers: Subparsers) -> None:
    """The parsers of all verbs."""
    verbs = add_group(subparsers, "keyvault", "The key vault: secrets of a workspace, and the key that protects all.")
    put = add_verb(
        verbs,
        "set",
        _set,
        "Keep a secret. Its value is asked for, or read from a file or from standard input.",
        example="terrazul keyvault set database-password < password.txt",
        output=False,
    )
    _name(put)
    put.add_argument("--value-file", metavar="FILE", help="Take the value from this file, to its last byte.")
    put.add_argument("--content-type", metavar="TEXT", default=NOT_PROVIDED, help="What it is, for people.")
    workspace_options(put)

    shown = add_verb(verbs, "show", _show, "Print the value of a secret, and nothing else.", output=False)
    _name(shown)
    workspace_options(shown)

    workspace_options(add_verb(verbs, "list", _list, "List the secrets of a workspace, without their values."))

    delete = add_verb(verbs, "delete", _delete, "Delete a secret.", output=False)
    _name(delete)
    delete.add_argument("-y", "--yes", action="store_true", help="Do not ask.")
    workspace_options(delete)

    add_verb(verbs, "status", _status, "Show where the master key is kept, and whether the vault is open.")
    add_verb(
        verbs,
        "rotate",
        _rotate,
        "Make a new master key and bring everything under it (administrators). Nothing waits meanwhile.",
    )


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="Its name: letters, digits and '-'.")


def _set(arguments: argparse.Namespace) -> int:
    vault = Keyvault(choose(arguments))
    vault.set_secret(arguments.name, _value(arguments), arguments.content_type)
    note(f"The secret {arguments.name} is kept.")
    return ExitCode.GOOD


def _value(arguments: argparse.Namespace) -> str:
    """The value; it never stands on the command line, which others can see."""
    if arguments.value_file is not None:
        return read_secret(arguments.value_file)
    if sys.stdin.isatty():
        return getpass.getpass(f"Value of {arguments.name}: ")
    value = decoded(sys.stdin.buffer.read(), "standard input")
    if not value:
        message = "No value was given."
        raise UsageError(message, hint="Pipe it in, or name a file with --value-file.")
    return value[:-1] if value.endswith("\n") else value


def _show(arguments: argparse.Namespace) -> int:
    print(Keyvault(choose(arguments)).get_secret(arguments.name))
    return ExitCode.GOOD


def _list(arguments: argparse.Namespace) -> int:
    found = choose(arguments).client.get(List[Secret], "/secrets")
    show(arguments, found, _LIST, nothing="There are no secrets. Keep one: terrazul keyvault set NAME")
    return ExitCode.GOOD


def _delete(arguments: argparse.Namespace) -> int:
    workspace = choose(arguments)
    confirm(f"Delete the secret {arguments.name} of {workspace.name}?", yes=arguments.yes)
    workspace.client.delete(f"/secrets/{quote(arguments.name, safe='')}")
    note(f"The secret {arguments.name} is deleted.")
    return ExitCode.GOOD


def _status(arguments: argparse.Namespace) -> int:
    show(arguments, connect().get(VaultStatus, "/keyvault"), _STATUS)
    return ExitCode.GOOD


def _rotate(arguments: argparse.Namespace) -> int:
    show(arguments, connect().post(Rotation, "/keyvault/rotate", repeatable=False), _ROTATION)
    return ExitCode.GOOD
