"""``terrazul experiment``."""

from __future__ import annotations

import argparse
from typing import List

from terrazul.cli import deletion
from terrazul.cli.command import Subparsers, UsageError, add_group, add_verb, pair, suggestion, workspace_options
from terrazul.cli.confirmation import confirm
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, show
from terrazul.cli.wording import moment, plural
from terrazul.cli.workspace_choice import choose
from terrazul.core.errors import Conflict, NotFound
from terrazul.sdk.client import Client
from terrazul.wire.deletion import Selection
from terrazul.wire.experiment import Experiment, ExperimentChange, ExperimentFolder

_LIST = (
    Column("name", "name"),
    Column("runs", "run_count"),
    Column("created", "created_at", moment),
    Column("archived", "archived_at", moment),
    Column("description", "description"),
)
_FOLDERS = (Column("folder", "path"), Column("experiments", "experiment_count"), Column("runs", "run_count"))
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
        "--view",
        choices=["active", "archived", "all", "deleted"],
        default="active",
        help="Which ones; deleted are those that `restore` brings back. Default: active.",
    )
    listing.add_argument("--folder", metavar="FOLDER", help="Only those in and below this folder.")
    workspace_options(listing)
    folders = add_verb(verbs, "folders", _folders, "List the folders that the names of experiments make.")
    folders.add_argument("--folder", metavar="FOLDER", default="", help="Those in this folder. Default: the top.")
    workspace_options(folders)
    for word, run, description in (
        ("show", _show, "Show an experiment."),
        ("archive", _archive, "Take an experiment, or a folder of them, out of lists. The runs stay."),
        ("reactivate", _reactivate, "Put an archived experiment, or a folder of them, back into lists."),
        ("update", _update, "Change the name, the description or the tags of an experiment."),
        ("restore", _restore, "Bring an experiment back that was deleted in MLflow's way, with its runs."),
        ("delete", _delete, "Delete an experiment for good. Its name is free at once."),
    ):
        parser = add_verb(verbs, word, run, description)
        of_folder = run in {_archive, _reactivate}
        parser.add_argument(
            "-n", "-e", "--name", "--experiment-name", dest="name", metavar="NAME", required=not of_folder,
            help="Its name.",
        )  # fmt: skip
        if of_folder:
            parser.add_argument("--folder", metavar="FOLDER", help="Instead: all in and below this folder.")
            parser.add_argument("-y", "--yes", action="store_true", help="Do not ask.")
        if run is _update:
            _add_changes(parser)
        if run is _delete:
            parser.add_argument("--with-runs", action="store_true", help="Also one that has runs, with all of them.")
            deletion.add_options(parser)
        workspace_options(parser)


def _add_changes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--new-name", metavar="NAME", help="Another name; / makes folders.")
    parser.add_argument("--description", metavar="TEXT", help="A note about it.")
    parser.add_argument(
        "--add-tag", metavar="KEY[=VALUE]", action="append", type=pair, help="Set a tag. May stand several times."
    )
    parser.add_argument("--remove-tag", metavar="KEY", action="append", help="Remove a tag. May stand several times.")


def find(client: Client, name: str) -> Experiment:
    """The experiment of that name. Raises ``NotFound``, with the nearest name there is."""
    found = client.get(List[Experiment], "/experiments", {"name": name, "view": "all"})
    if found:
        return found[0]
    known = [each.name for each in client.get(List[Experiment], "/experiments", {"view": "all"})]
    hint = suggestion(name, known) or "`terrazul experiment list` shows what there is."
    raise NotFound(f"There is no experiment {name!r} in this workspace.", target=name, hint=hint)


def _list(arguments: argparse.Namespace) -> int:
    query = {"view": arguments.view, "folder": arguments.folder}
    known = choose(arguments).client.get(List[Experiment], "/experiments", query)
    show(arguments, known, _LIST, nothing="There are no experiments here. Submitting a run makes one.")
    return ExitCode.GOOD


def _show(arguments: argparse.Namespace) -> int:
    show(arguments, find(choose(arguments).client, arguments.name), _SHOW)
    return ExitCode.GOOD


def _folders(arguments: argparse.Namespace) -> int:
    query = {"folder": arguments.folder}
    known = choose(arguments).client.get(List[ExperimentFolder], "/experiment-folders", query)
    show(arguments, known, _FOLDERS, nothing="There are no folders here: no experiment has a / in its name.")
    return ExitCode.GOOD


def _archive(arguments: argparse.Namespace) -> int:
    return _change_all(arguments, ExperimentChange(archived=True), "active", "Archive")


def _reactivate(arguments: argparse.Namespace) -> int:
    return _change_all(arguments, ExperimentChange(archived=False), "archived", "Reactivate")


def _update(arguments: argparse.Namespace) -> int:
    change = ExperimentChange(
        name=arguments.new_name,
        description=arguments.description,
        set_tags=dict(arguments.add_tag or []),
        remove_tags=arguments.remove_tag or [],
    )
    return _change(arguments, change)


def _change_all(arguments: argparse.Namespace, change: ExperimentChange, view: str, verb: str) -> int:
    """Change one experiment, or all of a folder once that is confirmed."""
    if bool(arguments.name) == bool(arguments.folder):
        message = "An experiment is named, or a folder of them."
        raise UsageError(message, hint="Pass --name or --folder.")
    if arguments.name:
        return _change(arguments, change)
    client = choose(arguments).client
    known = client.get(List[Experiment], "/experiments", {"view": view, "folder": arguments.folder})
    if known:
        confirm(f"{verb} {plural(len(known), 'experiment')} in {arguments.folder!r}?", yes=arguments.yes)
    changed = [client.patch(Experiment, f"/experiments/{each.experiment_id}", change) for each in known]
    show(arguments, changed, _LIST, nothing="There are no such experiments in this folder.")
    return ExitCode.GOOD


def _change(arguments: argparse.Namespace, change: ExperimentChange) -> int:
    client = choose(arguments).client
    experiment = find(client, arguments.name)
    show(arguments, client.patch(Experiment, f"/experiments/{experiment.experiment_id}", change), _SHOW)
    return ExitCode.GOOD


def _restore(arguments: argparse.Namespace) -> int:
    client = choose(arguments).client
    deleted = client.get(List[Experiment], "/experiments", {"view": "deleted", "name": arguments.name})
    experiment = deleted[0] if deleted else find(client, arguments.name)
    show(arguments, client.post(Experiment, f"/experiments/{experiment.experiment_id}/restore"), _SHOW)
    return ExitCode.GOOD


def _delete(arguments: argparse.Namespace) -> int:
    client = choose(arguments).client
    deleted = client.get(List[Experiment], "/experiments", {"view": "deleted", "name": arguments.name})
    experiment = deleted[0] if deleted else find(client, arguments.name)
    if experiment.run_count and not (arguments.with_runs or arguments.dry_run):
        message = f"The experiment {experiment.name!r} has {plural(experiment.run_count, 'run')}."
        raise Conflict(message, target=experiment.name, hint="Add --with-runs to delete it with them, or archive it.")
    selection = Selection(experiment_ids=[experiment.experiment_id])
    return deletion.carry_out(arguments, client, selection, f"the experiment {experiment.name!r}")
