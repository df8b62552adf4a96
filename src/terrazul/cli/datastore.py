"""``terrazul datastore``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

from terrazul.cli.command import Subparsers, UsageError, add_group, add_verb, pair, workspace_options
from terrazul.cli.confirmation import confirm
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, note, show
from terrazul.cli.secret_file import decoded, read_secret
from terrazul.cli.wording import moment, size
from terrazul.cli.workspace_choice import choose
from terrazul.core.errors import InvalidInput, NotFound
from terrazul.sdk.client import connect
from terrazul.sdk.datastore.abstract import AbstractDatastore
from terrazul.sdk.datastore.datastore import Datastore
from terrazul.sdk.datastore.files import FileDatastore
from terrazul.sdk.datastore.link import address_of
from terrazul.wire import datastore as wire
from terrazul.wire.codec import to_plain

_COLUMNS = (
    Column("name", "name"),
    Column("kind", "kind"),
    Column("default", "is_default"),
    Column("credential", "credential_type"),
    Column("settings", "settings"),
    Column("changed", "modified_at", moment),
)
_KINDS = (
    Column("kind", "name"),
    Column("settings", "settings", ", ".join),
    Column("credential", "credential", ", ".join),
    Column("what it is", "description"),
)
_FIELDS = (Column("field", "name"), Column("of the", "part"), Column("meaning", "meaning"))
_STEPS = (Column("step", "name"), Column("done", "is_done"), Column("why not", "message"))
_ENTRIES = (
    Column("name", "name"),
    Column("size", "size", lambda value: "-" if value is None else size(value)),
    Column("changed", "modified_at", moment),
)


def add_parser(subparsers: Subparsers) -> None:
    """The parsers of all verbs."""
    verbs = add_group(subparsers, "datastore", "Datastores: where data lies and how it is reached.")
    workspace_options(add_verb(verbs, "list", _list, "List the datastores of a workspace."))
    _named(add_verb(verbs, "show", _show, "Show a datastore, without its credential."))
    kinds = add_verb(verbs, "kinds", _kinds, "Show what can be registered; with a name, the fields of that kind.")
    kinds.add_argument("kind", metavar="KIND", nargs="?", help="A kind, such as AmazonS3.")
    _add_registering(verbs)
    _named(add_verb(verbs, "test", _test, "Go towards a datastore now, step by step, and show how far one gets."))
    _named(add_verb(verbs, "set-default", _set_default, "Make a datastore the default of its workspace."))
    unregister = add_verb(verbs, "unregister", _unregister, "Forget a datastore. Its data stays.", output=False)
    unregister.add_argument("-y", "--yes", action="store_true", help="Do not ask.")
    _named(unregister)
    _add_data(verbs)


def _add_registering(verbs: Subparsers) -> None:
    register = add_verb(
        verbs,
        "register",
        _register,
        "Register a datastore, once it was reached. Its credential is read from files or from standard input.",
        example="terrazul datastore register lake AmazonS3 --set bucket=lake --set region=eu-west-1 \\\n"
        "    --set-credential access_key_id=id.txt --set-credential secret_access_key=- < secret.txt",
    )
    register.add_argument("name", metavar="NAME", help="Its name: letters, digits, '_' and '-'.")
    register.add_argument("kind", metavar="KIND", help="What it is; `terrazul datastore kinds` lists the kinds.")
    register.add_argument(
        "--set", metavar="FIELD=VALUE", type=pair, action="append", default=[], help="A setting of the kind."
    )
    register.add_argument(
        "--set-credential",
        metavar="FIELD=FILE",
        type=pair,
        action="append",
        default=[],
        help="A part of the credential, from a file; - is standard input. It never stands on the command line.",
    )
    register.add_argument("--overwrite", action="store_true", help="Replace the datastore of that name.")
    register.add_argument(
        "--create-if-not-exists", action="store_true", help="Make the container, where it is missing."
    )
    register.add_argument("--skip-validation", action="store_true", help="Register it without having reached it.")
    workspace_options(register)


def _add_data(verbs: Subparsers) -> None:
    browse = add_verb(verbs, "browse", _browse, "List what lies in a folder of a datastore.")
    _named(browse)
    browse.add_argument("folder", metavar="FOLDER", nargs="?", default="", help="The folder. Default: the top.")
    upload = add_verb(verbs, "upload", _upload, "Upload a file or a folder. What is there stays.", output=False)
    _named(upload)
    upload.add_argument("source", metavar="PATH", help="The file or folder on this machine.")
    upload.add_argument("--target-path", metavar="FOLDER", default="", help="Where to. Default: the top.")
    upload.add_argument("--overwrite", action="store_true", help="Replace files that are there.")
    download = add_verb(verbs, "download", _download, "Download files. What is on the disk stays.", output=False)
    _named(download)
    download.add_argument("target", metavar="FOLDER", help="Where to, on this machine.")
    download.add_argument("--prefix", metavar="TEXT", default="", help="Only files whose paths begin so.")
    download.add_argument("--overwrite", action="store_true", help="Replace files that differ.")


def _named(parser: argparse.ArgumentParser) -> None:
    """The name of a datastore, and the options of its workspace."""
    parser.add_argument("name", metavar="NAME", help="The datastore.")
    workspace_options(parser)


def _list(arguments: argparse.Namespace) -> int:
    show(arguments, choose(arguments).client.get(List[wire.Datastore], "/datastores"), _COLUMNS)
    return ExitCode.GOOD


def _show(arguments: argparse.Namespace) -> int:
    known = choose(arguments).client.get(wire.Datastore, address_of(arguments.name))
    show(arguments, known, _COLUMNS)
    return ExitCode.GOOD


def _kinds(arguments: argparse.Namespace) -> int:
    known = connect().get(List[wire.DatastoreKind], "/datastore-kinds")
    if not arguments.kind:
        show(arguments, known, _KINDS)
        return ExitCode.GOOD
    found = next((each for each in known if each.name.lower() == arguments.kind.lower()), None)
    if found is None:
        message = f"There is no kind {arguments.kind!r} of datastores."
        raise NotFound(message, target=arguments.kind, hint="`terrazul datastore kinds` lists them.")
    parts = (("settings", found.settings), ("credential", found.credential))
    fields = [
        {"name": name, "part": part, "meaning": meaning} for part, known in parts for name, meaning in known.items()
    ]
    show(arguments, fields, _FIELDS)
    return ExitCode.GOOD


def _register(arguments: argparse.Namespace) -> int:
    credential = _credential(arguments.set_credential)
    kind, settings = arguments.kind, dict(arguments.set)
    workspace = choose(arguments)
    made = Datastore.register(
        workspace,
        arguments.name,
        kind,
        {name: _typed(name, value) for name, value in settings.items()},
        dict(credential),
        arguments.overwrite,
        arguments.create_if_not_exists,
        arguments.skip_validation,
    )
    show(arguments, workspace.client.get(wire.Datastore, address_of(made.name)), _COLUMNS)
    return ExitCode.GOOD


def _typed(name: str, value: str) -> Any:
    """A setting of the command line: ports are numbers, and what is true or false is that."""
    if name in {"port", "port_number"} and value.isdecimal():
        return int(value)
    return value == "true" if name == "enforce_ssl" and value in {"true", "false"} else value


def _credential(given: List[Tuple[str, str]]) -> Dict[str, str]:
    from_input = [name for name, file in given if file == "-"]
    if len(from_input) > 1:
        message = f"Standard input can be one field, and {' and '.join(from_input)} are to come from it."
        raise UsageError(message, hint="Put the others into files.")
    values = {}
    for name, file in given:
        text = decoded(sys.stdin.buffer.read(), "standard input") if file == "-" else read_secret(file)
        if not text.strip():
            message = f"There is nothing in {'standard input' if file == '-' else file} for {name}."
            raise UsageError(message, hint="Put the value there, and nothing else.")
        values[name] = text[:-1] if text.endswith("\n") else text
    return values


def _test(arguments: argparse.Namespace) -> int:
    client = choose(arguments).client
    test = client.post(wire.ConnectionTest, f"{address_of(arguments.name)}/test", repeatable=False)
    show(arguments, test.steps, _STEPS)
    return ExitCode.GOOD if test.is_reached else ExitCode.FAILED


def _set_default(arguments: argparse.Namespace) -> int:
    known = choose(arguments).client.post(wire.Datastore, f"{address_of(arguments.name)}/default")
    show(arguments, known, _COLUMNS)
    return ExitCode.GOOD


def _unregister(arguments: argparse.Namespace) -> int:
    datastore = _find(arguments)
    confirm(f"Unregister the datastore {datastore.name}? Its data stays.", yes=arguments.yes)
    datastore.unregister()
    note(f"The datastore {datastore.name} is unregistered.")
    return ExitCode.GOOD


def _browse(arguments: argparse.Namespace) -> int:
    page = _files(arguments).browse(arguments.folder)
    entries: List[Dict[str, Any]] = [{"name": f"{name}/", "size": None, "modified_at": ""} for name in page.folders]
    entries += [{**to_plain(file), "name": file.path.rpartition("/")[2]} for file in page.files]
    where = arguments.folder or arguments.name
    show(arguments, entries, _ENTRIES, nothing=f"There is nothing in {where}.")
    return ExitCode.GOOD


def _upload(arguments: argparse.Namespace) -> int:
    datastore, source = _files(arguments), Path(arguments.source)
    if source.is_dir():
        datastore.upload(str(source), arguments.target_path, arguments.overwrite)
    else:
        datastore.upload_files([str(source)], None, arguments.target_path, arguments.overwrite)
    return ExitCode.GOOD


def _download(arguments: argparse.Namespace) -> int:
    _files(arguments).download(arguments.target, arguments.prefix or None, arguments.overwrite)
    return ExitCode.GOOD


def _find(arguments: argparse.Namespace) -> AbstractDatastore:
    return Datastore.get(choose(arguments), arguments.name)


def _files(arguments: argparse.Namespace) -> FileDatastore:
    datastore = _find(arguments)
    if not isinstance(datastore, FileDatastore):
        message = f"The datastore {datastore.name} is of the kind {datastore.datastore_type}, which holds no files."
        raise InvalidInput(message, target=datastore.name)
    return datastore
