"""``terrazul dataset``."""

from __future__ import annotations

import argparse
from typing import Any, Dict, List
from urllib.parse import quote

from terrazul.cli import dataset_profile, lineage
from terrazul.cli.command import Subparsers, UsageError, add_group, add_verb, pair, workspace_options
from terrazul.cli.confirmation import confirm
from terrazul.cli.dataset_choice import add_verb_on_version, find, known
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, note, show
from terrazul.cli.wording import moment, plural, size, text
from terrazul.cli.workspace_choice import choose
from terrazul.data.execution.libraries import need
from terrazul.sdk.dataset.abstract_dataset import AbstractDataset, address_of_name
from terrazul.sdk.dataset.dataset import Dataset as SdkDataset
from terrazul.sdk.dataset.dataset import list_all
from terrazul.sdk.dataset.enumerations import PromoteHeadersBehavior
from terrazul.sdk.datastore.datastore import Datastore
from terrazul.sdk.workspace import Workspace
from terrazul.wire.dataset import FILE, Dataset

_ROWS = 10
_TYPES = ("csv", "parquet", "jsonlines", "files")


def _places(row: Dict[str, Any]) -> str:
    places = row["definition"]["locations"]
    return text([f"{each['datastore']}:{each['path']}" if each["datastore"] else each["path"] for each in places])


def _steps(row: Dict[str, Any]) -> str:
    return text([each["operation"] for each in row["definition"]["steps"]])


_LIST = (
    Column("name", "name"),
    Column("version", "version"),
    Column("type", "definition.type"),
    Column("where", "", _places),
    Column("files", "content.file_count"),
    Column("size", "content.size", size),
    Column("state", "state"),
    Column("made", "created_at", moment),
)
_SHOW = (
    Column("name", "name"),
    Column("version", "version"),
    Column("newest version", "latest_version"),
    Column("id", "id"),
    Column("type", "definition.type"),
    Column("where", "", _places),
    Column("steps", "", _steps),
    Column("description", "description"),
    Column("tags", "tags"),
    Column("state", "state"),
    Column("replaced by", "deprecated_by"),
    Column("files", "content.file_count"),
    Column("size", "content.size", size),
    Column("data changed", "content.data_changed_at", moment),
    Column("made", "created_at", moment),
    Column("made by", "created_by"),
)
_CHANGES = (
    Column("unchanged", "is_unchanged"),
    Column("added", "added"),
    Column("removed", "removed"),
    Column("changed", "changed"),
    Column("such as", "examples"),
    Column("files now", "now.file_count"),
    Column("size now", "now.size", size),
)


def add_parser(subparsers: Subparsers) -> None:
    """The parsers of all verbs."""
    verbs = add_group(subparsers, "dataset", "Datasets: versioned references to tables and files.")
    listing = add_verb(verbs, "list", _list, "List the datasets of a workspace, each in its newest version.")
    listing.add_argument("--archived", action="store_true", help="Those that are archived too.")
    workspace_options(listing)
    add_verb_on_version(verbs, "show", _show, "Show a dataset.")
    add_verb_on_version(verbs, "versions", _versions, "List the versions of a dataset.", version=False)
    _add_register(verbs)
    head = add_verb_on_version(verbs, "head", _head, "Show the first rows, or the first files.")
    head.add_argument("--count", metavar="NUMBER", type=int, default=_ROWS, help=f"How many. Default: {_ROWS}.")
    dataset_profile.add_verbs(verbs)
    download = add_verb_on_version(verbs, "download", _download, "Download the files into a folder.")
    download.add_argument("-t", "--target-dir", metavar="FOLDER", default=".", help="Where to. Default: here.")
    download.add_argument("--overwrite", action="store_true", help="Replace what lies there.")
    add_verb_on_version(
        verbs, "changes", _changes, "Show what has become of the files behind a version since it was registered."
    )
    add_verb_on_version(
        verbs, "lineage", _lineage, "Show what a dataset was made with, which runs read it, and what came of them."
    )
    deprecate = add_verb_on_version(verbs, "deprecate", _deprecate, "Say that a version should be used no more.")
    deprecate.add_argument("--by", metavar="ID", help="The id of the dataset that takes its place.")
    add_verb_on_version(verbs, "archive", _archive, "Leave a version out of lists.")
    add_verb_on_version(verbs, "reactivate", _reactivate, "Take back that a version is deprecated or archived.")
    unregister = add_verb_on_version(
        verbs, "unregister", _unregister, "Take the name from all versions, or from one. The data stays.", output=False
    )
    unregister.add_argument("-y", "--yes", action="store_true", help="Do not ask.")


def _add_register(verbs: Subparsers) -> None:
    parser = add_verb(
        verbs,
        "register",
        _register,
        "Register what lies on a datastore, or at a web address, as a dataset.",
        example="terrazul dataset register -n titanic --from workspaceblobstore:titanic/*.csv --type csv",
    )
    parser.add_argument("-n", "--name", metavar="NAME", required=True, help="Its name.")
    parser.add_argument(
        "--from",
        dest="places",
        metavar="PLACE",
        action="append",
        required=True,
        help="DATASTORE:PATH, where '*' stands within a folder and '**' over folders; or an address. Repeatable.",
    )
    parser.add_argument("--type", choices=_TYPES, required=True, help="How it is read.")
    parser.add_argument("--separator", metavar="SIGN", default=",", help="Between the fields of csv. Default: ','.")
    parser.add_argument("--encoding", metavar="NAME", default="utf8", help="Of csv and jsonlines. Default: utf8.")
    parser.add_argument("--no-header", action="store_true", help="The csv files have no headers.")
    parser.add_argument("--partition-format", metavar="FORMAT", help="Such as '/{day:yyyy/MM/dd}/*.csv'.")
    parser.add_argument("-d", "--description", metavar="TEXT", help="What it is about.")
    parser.add_argument(
        "--tag",
        metavar="KEY[=VALUE]",
        action="append",
        type=pair,
        default=[],
        help="Set a tag. May stand several times.",
    )
    parser.add_argument("--new-version", action="store_true", help="Where the name is another dataset's, as its next.")
    parser.add_argument("--skip-validation", action="store_true", help="Do not look at its beginning.")
    workspace_options(parser)


def _list(arguments: argparse.Namespace) -> int:
    found = list(list_all(choose(arguments), archived=arguments.archived))
    show(arguments, found, _LIST, nothing="No dataset is registered here.")
    return ExitCode.GOOD


def _show(arguments: argparse.Namespace) -> int:
    show(arguments, known(choose(arguments), arguments), _SHOW)
    return ExitCode.GOOD


def _versions(arguments: argparse.Namespace) -> int:
    found = choose(arguments).client.get(List[Dataset], f"{address_of_name(arguments.name)}/versions")
    show(arguments, found, _LIST)
    return ExitCode.GOOD


def _register(arguments: argparse.Namespace) -> int:
    workspace = choose(arguments)
    places = [_place(workspace, each) for each in arguments.places]
    validate, form = not arguments.skip_validation, arguments.partition_format
    if arguments.type == "files":
        made: AbstractDataset = SdkDataset.File.from_files(places, validate, form)
    elif arguments.type == "parquet":
        made = SdkDataset.Tabular.from_parquet_files(places, validate, partition_format=form)
    elif arguments.type == "jsonlines":
        made = SdkDataset.Tabular.from_json_lines_files(
            places, validate, partition_format=form, encoding=arguments.encoding
        )
    else:
        header = PromoteHeadersBehavior.NO_HEADERS if arguments.no_header else True
        made = SdkDataset.Tabular.from_delimited_files(
            places,
            validate,
            separator=arguments.separator,
            header=header,
            partition_format=form,
            encoding=arguments.encoding,
        )
    registered = made.register(
        workspace, arguments.name, arguments.description, dict(arguments.tag), arguments.new_version
    )
    show(arguments, workspace.client.get(Dataset, f"/datasets/{registered.id}"), _SHOW)
    return ExitCode.GOOD


def _head(arguments: argparse.Namespace) -> int:
    dataset = find(arguments).take(arguments.count)
    if dataset.definition.type == FILE:
        show(arguments, [{"path": path} for path in dataset.to_path()], nothing="It has no files.")
        return ExitCode.GOOD
    need("polars")
    rows = dataset.to_polars_dataframe()
    told = [{name: _cell(value) for name, value in row.items()} for row in rows.iter_rows(named=True)]
    show(arguments, told, nothing="It has no rows.")
    return ExitCode.GOOD


def _download(arguments: argparse.Namespace) -> int:
    dataset = find(arguments)
    if dataset.definition.type != FILE:
        message = f"{arguments.name!r} is a table, which is no set of files."
        raise UsageError(message, hint="`terrazul dataset head` shows its rows; to_csv_files() of the SDK writes some.")
    files = dataset.download(arguments.target_dir, arguments.overwrite)
    note(f"{plural(len(files), 'file')} downloaded.")
    show(arguments, files)
    return ExitCode.GOOD


def _lineage(arguments: argparse.Namespace) -> int:
    edges = find(arguments).get_lineage()
    show(arguments, lineage.rows(edges), lineage.TABLE, nothing=lineage.NOTHING)
    return ExitCode.GOOD


def _changes(arguments: argparse.Namespace) -> int:
    show(arguments, find(arguments).changes(), _CHANGES)
    return ExitCode.GOOD


def _deprecate(arguments: argparse.Namespace) -> int:
    return _after(arguments, find(arguments).deprecate(arguments.by))


def _archive(arguments: argparse.Namespace) -> int:
    return _after(arguments, find(arguments).archive())


def _reactivate(arguments: argparse.Namespace) -> int:
    return _after(arguments, find(arguments).reactivate())


def _unregister(arguments: argparse.Namespace) -> int:
    workspace = choose(arguments)
    unwanted = known(workspace, arguments)
    which = "all versions" if arguments.version is None else f"version {arguments.version}"
    confirm(f"Take the name {unwanted.name!r} from {which}?", yes=arguments.yes)
    query = "" if arguments.version is None else f"?version={arguments.version}"
    workspace.client.delete(f"/datasets/by-name/{quote(arguments.name, safe='')}{query}")
    note(f"{unwanted.name!r} is unregistered. Its data was not touched.")
    return ExitCode.GOOD


def _after(arguments: argparse.Namespace, dataset: AbstractDataset) -> int:
    show(arguments, choose(arguments).client.get(Dataset, f"/datasets/{dataset.id}"), _SHOW)
    return ExitCode.GOOD


def _place(workspace: Workspace, given: str) -> Any:
    """What a place says. Raises ``UsageError`` for one that names no datastore."""
    if given.lower().startswith(("http://", "https://")):
        return given
    name, separator, path = given.partition(":")
    if not separator:
        message = f"{given!r} names no datastore."
        raise UsageError(message, hint="Write it as workspaceblobstore:a/path, after `terrazul datastore upload`.")
    return Datastore.get(workspace, name), path


def _cell(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
