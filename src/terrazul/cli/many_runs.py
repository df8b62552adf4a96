"""``terrazul run tag``, ``archive``, ``delete`` and others: one run, or all that a filter finds."""

from __future__ import annotations

import argparse
from typing import List

from terrazul.cli import deletion
from terrazul.cli.command import Run as Verb
from terrazul.cli.command import Subparsers, UsageError, add_verb, pair, workspace_options
from terrazul.cli.confirmation import confirm
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, show
from terrazul.cli.run_choice import add_verb_on_run, address_of, run_id_of
from terrazul.cli.wording import moment, plural, size
from terrazul.cli.workspace_choice import choose
from terrazul.core.errors import NotFound
from terrazul.core.ids import check_run_id
from terrazul.sdk.client import Client
from terrazul.sdk.deletion import change_runs
from terrazul.sdk.run_search import search_by_text
from terrazul.wire.artifact import Artifact
from terrazul.wire.deletion import Selection
from terrazul.wire.run import Run, RunSearch, RunSelection
from terrazul.wire.write import RunChange

_FILES = (Column("file", "path"), Column("size", "size", size), Column("made", "created_at", moment))
_CHANGED = (Column("changed", "changed"),)


def add_verbs(verbs: Subparsers) -> None:
    """The parsers."""
    tag = _add_verb(
        verbs,
        "tag",
        _tag,
        "Set or remove tags of a run, or of all runs that a filter finds.",
        example="terrazul run tag --filter 'metric.auc > 0.9' best=yes",
        operand=False,
    )
    tag.add_argument("tags", metavar="KEY[=VALUE]", nargs="*", type=pair, help="Tags to set.")
    tag.add_argument("--remove-tag", metavar="KEY", action="append", help="Remove a tag. May stand several times.")
    _add_verb(verbs, "archive", _archive, "Take runs out of lists. They stay.")
    _add_verb(verbs, "reactivate", _reactivate, "Put archived runs back into lists.")
    add_verb_on_run(verbs, "restore", _restore, "Bring a run back that was deleted in MLflow's way.")
    files = add_verb_on_run(verbs, "files", _files, "List the files of a run.")
    files.add_argument("--prefix", metavar="TEXT", default="", help="Only those whose path begins so.")
    delete = _add_verb(
        verbs,
        "delete",
        _delete,
        "Delete runs for good, with those below them. What goes is shown first.",
        example="terrazul run delete --filter \"status = 'Failed' AND created < '2026-01-01'\" --dry-run",
        yes=False,
    )
    delete.add_argument("--file", metavar="PATH", help="Only this file of the run, or what lies below this folder.")
    deletion.add_options(delete)


def _add_verb(
    verbs: Subparsers,
    name: str,
    run: Verb,
    description: str,
    *,
    example: str = "",
    operand: bool = True,
    yes: bool = True,
) -> argparse.ArgumentParser:
    parser = add_verb(verbs, name, run, description, example=example)
    if operand:
        parser.add_argument("operand", nargs="?", metavar="RUN", help="The run's id; the same as --run.")
    parser.add_argument("-r", "--run", dest="run_id", metavar="ID", help="The run's id.")
    parser.add_argument("--filter", metavar="TEXT", help="Instead: all runs that meet it, archived ones too.")
    parser.add_argument("-e", "--experiment-name", metavar="NAME", help="With --filter: only those of this experiment.")
    if yes:
        parser.add_argument("-y", "--yes", action="store_true", help="Do not ask.")
    workspace_options(parser)
    return parser


def _chosen(arguments: argparse.Namespace, client: Client) -> List[str]:
    """The ids of the runs that a line names. Raises ``UsageError`` where it names none, or in two ways."""
    named = getattr(arguments, "operand", None) or arguments.run_id
    if bool(named) == (arguments.filter is not None):
        message = "Runs are chosen by an id, or by --filter."
        raise UsageError(message, hint="Give one of the two; `terrazul run list --filter` tries a filter.")
    if named:
        run_id = check_run_id(named)
        client.get(Run, address_of(run_id))
        return [run_id]
    names = [arguments.experiment_name] if arguments.experiment_name else None
    wanted = RunSearch(arguments.filter, experiment_names=names, view=RunSelection.ALL)
    found = [run.run_id for run in search_by_text(client, wanted, None)]
    if not found:
        message = f"No run meets the filter {arguments.filter!r}."
        raise NotFound(message, target="filter", hint="`terrazul run list --filter` tries a filter.")
    return found


def _tag(arguments: argparse.Namespace) -> int:
    if not (arguments.tags or arguments.remove_tag):
        message = "No tag is given."
        raise UsageError(message, hint="Write KEY=VALUE for a tag to set, or pass --remove-tag KEY.")
    change = RunChange("", dict(arguments.tags), arguments.remove_tag or [])
    return _change(arguments, change, "Tag")


def _archive(arguments: argparse.Namespace) -> int:
    return _change(arguments, RunChange("", archived=True), "Archive")


def _reactivate(arguments: argparse.Namespace) -> int:
    return _change(arguments, RunChange("", archived=False), "Reactivate")


def _change(arguments: argparse.Namespace, change: RunChange, verb: str) -> int:
    client = choose(arguments).client
    run_ids = _chosen(arguments, client)
    if arguments.filter is not None:
        confirm(f"{verb} {plural(len(run_ids), 'run')}?", yes=arguments.yes)
    changed = max(change_runs(client, run_ids, change), default=0)
    show(arguments, {"changed": changed}, _CHANGED)
    return ExitCode.GOOD


def _restore(arguments: argparse.Namespace) -> int:
    restored = choose(arguments).client.post(Run, address_of(run_id_of(arguments), "restore"))
    show(arguments, restored, (Column("run", "run_id"), Column("state", "state")))
    return ExitCode.GOOD


def _files(arguments: argparse.Namespace) -> int:
    address = address_of(run_id_of(arguments), "artifacts")
    found = choose(arguments).client.get(List[Artifact], address, {"prefix": arguments.prefix})
    show(arguments, found, _FILES, nothing="It has no files.")
    return ExitCode.GOOD


def _delete(arguments: argparse.Namespace) -> int:
    client = choose(arguments).client
    run_ids = _chosen(arguments, client)
    if arguments.file is not None and arguments.filter is not None:
        message = "A file is one run's."
        raise UsageError(message, hint="Name the run instead of a filter.")
    what = f"the run {run_ids[0]}" if len(run_ids) == 1 else plural(len(run_ids), "run")
    if arguments.file is not None:
        what = f"{arguments.file!r} of {what}"
    return deletion.carry_out(
        arguments, client, Selection(run_ids=run_ids, path=arguments.file), what, several=len(run_ids) > 1
    )
