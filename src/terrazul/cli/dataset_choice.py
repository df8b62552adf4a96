"""The dataset that a command line names."""

from __future__ import annotations

import argparse
from typing import Any

from terrazul.cli.command import Subparsers, add_verb, workspace_options
from terrazul.cli.workspace_choice import choose
from terrazul.sdk.dataset.abstract_dataset import AbstractDataset, address_of_name
from terrazul.sdk.workspace import Workspace
from terrazul.wire.dataset import Dataset


def add_verb_on_version(
    verbs: Subparsers, name: str, run: Any, description: str, *, version: bool = True, output: bool = True
) -> argparse.ArgumentParser:
    """Add a verb on one version of a dataset, or on its name."""
    parser = add_verb(verbs, name, run, description, output=output)
    parser.add_argument("name", metavar="DATASET", help="Its name.")
    if version:
        parser.add_argument("-v", "--version", metavar="NUMBER", type=int, help="Its version. Default: the newest.")
    workspace_options(parser)
    return parser


def known(workspace: Workspace, arguments: argparse.Namespace) -> Dataset:
    """What the workspace tells of the dataset. Raises ``NotFound``."""
    return workspace.client.get(Dataset, address_of_name(arguments.name), {"version": arguments.version})


def find(arguments: argparse.Namespace) -> Any:
    """The dataset. Raises ``NotFound``."""
    workspace = choose(arguments)
    return AbstractDataset.of_known(workspace, known(workspace, arguments))
