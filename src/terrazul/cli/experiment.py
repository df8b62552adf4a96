"""``terrazul experiment``."""

from __future__ import annotations

import argparse
from typing import List

from terrazul.cli.command import Subparsers, add_group, add_verb, suggestion, workspace_options
from terrazul.cli.confirmation import confirm
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, note, show
from terrazul.cli.wording import moment
from terrazul.cli.workspace_choice import choose
from terrazul.core.errors import NotFound
from terrazul.sdk.client import Client
from terrazul.wire.experiment import Experiment, ExperimentChange

_LIST = (
    Column("name", "name"),
    Column("runs", "run_count"),
    Column("created", "created_at", moment),
    Column("archived", "archived_at", moment),
    Column("description", "description"),
)
_SHOW = (
    Column("name", "name"),
    Column("description", "description"),
    Column("runs", "run_count"),
    Column("tags", "tags"),
    Column("created", "created_at", moment),
    Column("created by", "created_by"),
    Column("archived", "archived_at", moment),
    Column("id", "experiment_id"),
)


def add_parser(subparsers: Subparsers) -> None:
    """The parsers of all verbs."""
    verbs = add_group(subparsers, "experiment", "Experiments: runs that belong together, under one name.")
    listing = add_verb(verbs, "list", _list, "List the experiments of a workspace.")
    listing.add_argument(
        "--view", choices=["active", "archived", "all"], default="active", help="Which ones. Default: active."
    )
    workspace_options(listing)
    for word, run, description in (
        ("show", _show, "Show an experiment."),
        ("archive", _archive, "Take an experiment out of lists. Its runs stay."),
        ("reactivate", _reactivate, "Put an archived experiment back into lists."),
        ("delete", _delete, "Delete an experiment that has no runs."),
    ):
        parser = add_verb(verbs, word, run, description, output=run is not _delete)
        parser.add_argument(
            "-n", "-e", "--name", "--experiment-name", dest="name", metavar="NAME", required=True, help="Its name."
        )
        if run is _delete:
            parser.add_argument("-y", "--yes", action="store_true", help="Do not ask.")
        workspace_options(parser)


def find(client: Client, name: str) -> Experiment:
    """The experiment of that name. Raises ``NotFound``, with the nearest name there is."""
    found = client.get(List[Experiment], "/experiments", {"name": name, "view": "all"})
    if found:
        return found[0]
    known = [each.name for each in client.get(List[Experiment], "/experiments", {"view": "all"})]
    hint = suggestion(name, known) or "`terrazul experiment list` shows what there is."
    raise NotFound(f"There is no experiment {name!r} in this workspace.", target=name, hint=hint)


def _list(arguments: argparse.Namespace) -> int:
    known = choose(arguments).client.get(List[Experiment], "/experiments", {"view": arguments.view})
    show(arguments, known, _LIST, nothing="There are no experiments here. Submitting a run makes one.")
    return ExitCode.GOOD


def _show(arguments: argparse.Namespace) -> int:
    show(arguments, find(choose(arguments).client, arguments.name), _SHOW)
    return ExitCode.GOOD


def _archive(arguments: argparse.Namespace) -> int:
    return _change(arguments, ExperimentChange(archived=True))


def _reactivate(arguments: argparse.Namespace) -> int:
    return _change(arguments, ExperimentChange(archived=False))


def _change(arguments: argparse.Namespace, change: ExperimentChange) -> int:
    client = choose(arguments).client
    experiment = find(client, arguments.name)
    show(arguments, client.patch(Experiment, f"/experiments/{experiment.experiment_id}", change), _SHOW)
    return ExitCode.GOOD


def _delete(arguments: argparse.Namespace) -> int:
    client = choose(arguments).client
    experiment = find(client, arguments.name)
    confirm(f"Delete the experiment {experiment.name!r}?", yes=arguments.yes)
    client.delete(f"/experiments/{experiment.experiment_id}")
    note(f"The experiment {experiment.name!r} is deleted.")
    return ExitCode.GOOD
