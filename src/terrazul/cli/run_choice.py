"""Which run a line speaks about."""

from __future__ import annotations

import argparse
from urllib.parse import quote

from terrazul.cli.command import Run, Subparsers, add_verb, named_once, workspace_options
from terrazul.core.ids import check_run_id


def add_verb_on_run(verbs: Subparsers, name: str, run: Run, description: str) -> argparse.ArgumentParser:
    """A verb that takes a run's id, v1's way (``--run``) or as its operand."""
    parser = add_verb(verbs, name, run, description)
    parser.add_argument("operand", nargs="?", metavar="RUN", help="The run's id; the same as --run.")
    parser.add_argument("-r", "--run", dest="run_id", metavar="ID", help="The run's id.")
    workspace_options(parser)
    return parser


def run_id_of(arguments: argparse.Namespace) -> str:
    """The run that a line names. Raises ``InvalidInput`` where it names none, or two, or what cannot be an id."""
    hint = "Give its id; `terrazul run list` shows them."
    return check_run_id(named_once(arguments.operand, arguments.run_id, "run", hint))


def address_of(run_id: str, *rest: str) -> str:
    """The address of a run, or of something of it, within its workspace."""
    return "/".join(["/runs", quote(run_id, safe=""), *rest])
