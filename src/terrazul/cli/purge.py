"""``terrazul purge``."""

from __future__ import annotations

import argparse

from terrazul.cli import deletion
from terrazul.cli.command import Subparsers, add_verb, workspace_options
from terrazul.cli.workspace_choice import choose
from terrazul.sdk.deletion import purge_selection


def add_parser(subparsers: Subparsers) -> None:
    """The parser of the command."""
    parser = add_verb(
        subparsers,
        "purge",
        _purge,
        "Delete for good what was deleted in MLflow's way, which keeps it to be restored. Its names are free then.",
        example="terrazul purge --older-than 30d --dry-run",
    )
    parser.add_argument(
        "--older-than",
        metavar="TIME",
        type=deletion.seconds_of,
        default=0,
        help="Only what was deleted so long ago: 90s, 15m, 12h, 30d, 4w. Default: all of it.",
    )
    deletion.add_options(parser)
    workspace_options(parser)


def _purge(arguments: argparse.Namespace) -> int:
    client = choose(arguments).client
    return deletion.carry_out(arguments, client, purge_selection(arguments.older_than), "all that was deleted softly")
