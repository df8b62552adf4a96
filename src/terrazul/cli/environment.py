"""``terrazul environment``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Dict, List

from terrazul.cli import submission
from terrazul.cli.command import Subparsers, UsageError, add_group, add_verb, suggestion, workspace_options
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, note, show
from terrazul.cli.wording import moment, text
from terrazul.cli.workspace_choice import choose
from terrazul.core.errors import MissingFile, NotFound
from terrazul.sdk import curated_environment, environment_build
from terrazul.sdk.client import Client
from terrazul.sdk.environment import Environment as SdkEnvironment
from terrazul.wire.environment import Environment


def _packages(row: Dict[str, Any]) -> str:
    definition = row["definition"]
    if definition["user_managed"]:
        return f"as they are, of {definition['interpreter_path']}"
    dependencies = (definition["conda_dependencies"] or {}).get("dependencies") or []
    names = [each for each in dependencies if isinstance(each, str)]
    pip = [name for each in dependencies if isinstance(each, dict) for name in each.get("pip") or []]
    return text([*names, *pip])


_LIST = (
    Column("name", "name"),
    Column("version", "version"),
    Column("packages", "", _packages),
    Column("made", "created_at", moment),
)
_SHOW = (
    Column("name", "name"),
    Column("version", "version"),
    Column("packages", "", _packages),
    Column("variables", "definition.environment_variables"),
    Column("made", "created_at", moment),
    Column("made by", "created_by"),
)


def add_parser(subparsers: Subparsers) -> None:
    """The parsers of all verbs."""
    verbs = add_group(subparsers, "environment", "Environments: packages and variables under a name and a version.")
    listing = add_verb(verbs, "list", _list, "List the environments of a workspace, each in its newest version.")
    listing.add_argument("-n", "--name", metavar="NAME", help="All versions of this one.")
    workspace_options(listing)

    _name_options(add_verb(verbs, "show", _show, "Show an environment."))

    register = add_verb(
        verbs, "register", _register, "Register the environment of a folder. The same definition keeps its version."
    )
    register.add_argument("-d", "--directory", metavar="FOLDER", required=True, help="Where its definition lies.")
    workspace_options(register)

    build = add_verb(
        verbs,
        "build",
        _build,
        "Build an environment ahead of the runs that need it, and follow it. The exit code is 1 where it failed.",
        example="terrazul environment build -n sklearn --again",
    )
    _name_options(build)
    build.add_argument("--ct", "--target", dest="target", metavar="NAME", help="Compute target. Default: local.")
    build.add_argument(
        "--again", action="store_true", help="Try now, although it failed a short while ago and is not to be tried yet."
    )
    build.add_argument("--async", dest="leave", action="store_true", help="Return at once instead of following.")

    download = add_verb(
        verbs, "download", _download, "Write the definition of an environment into a folder.", output=False
    )
    _name_options(download)
    download.add_argument("-d", "--directory", metavar="FOLDER", required=True, help="Where to.")
    download.add_argument("--overwrite", action="store_true", help="Replace a definition that lies there.")

    scaffold = add_verb(
        verbs,
        "scaffold",
        _scaffold,
        "Write the files of a new environment into a folder. Edit them, then register the folder.",
        example="terrazul environment scaffold -n sklearn -d my-environment",
        output=False,
    )
    scaffold.add_argument("-n", "--name", metavar="NAME", required=True, help="Its name.")
    scaffold.add_argument("-d", "--directory", metavar="FOLDER", required=True, help="Where to.")


def _name_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-n", "--name", metavar="NAME", required=True, help="Its name.")
    parser.add_argument("-v", "--version", metavar="VERSION", help="Its version. Default: the newest.")
    workspace_options(parser)


def _list(arguments: argparse.Namespace) -> int:
    client = choose(arguments).client
    known = client.get(List[Environment], "/environments", {"name": arguments.name})
    if arguments.name and not known:
        raise _unknown(client, arguments.name)
    if not arguments.name:
        newest: Dict[str, Environment] = {}
        for each in known:
            newest.setdefault(each.name, each)
        known = list(newest.values())
    show(arguments, known, _LIST, nothing="No environment is registered here.")
    return ExitCode.GOOD


def _show(arguments: argparse.Namespace) -> int:
    show(arguments, _find(choose(arguments).client, arguments), _SHOW)
    return ExitCode.GOOD


def _find(client: Client, arguments: argparse.Namespace) -> Environment:
    known = client.get(List[Environment], "/environments", {"name": arguments.name})
    if not known:
        raise _unknown(client, arguments.name)
    if not arguments.version:
        return known[0]
    for each in known:
        if each.version == arguments.version:
            return each
    message = f"The environment {arguments.name!r} has no version {arguments.version!r}."
    versions = ", ".join(each.version for each in known)
    raise NotFound(message, target=arguments.name, hint=f"It has: {versions}.")


def _unknown(client: Client, name: str) -> NotFound:
    known = [each.name for each in client.get(List[Environment], "/environments")]
    hint = suggestion(name, known) or "`terrazul environment list` shows what there is."
    return NotFound(f"There is no environment {name!r} in this workspace.", target=name, hint=hint)


def _register(arguments: argparse.Namespace) -> int:
    folder = _existing(arguments.directory)
    try:
        definition = SdkEnvironment.load_from_directory(str(folder)).definition()
    except MissingFile as error:
        message = f"{folder} holds no environment: {Path(error.target or '').name} is missing."
        raise UsageError(message, hint="`terrazul environment scaffold` writes such a folder.") from None
    except ValueError as error:
        message = f"The definition in {folder} cannot be read: {error}."
        raise UsageError(message, hint="It must be JSON.") from None
    show(arguments, choose(arguments).client.post(Environment, "/environments", definition), _SHOW)
    return ExitCode.GOOD


def _build(arguments: argparse.Namespace) -> int:
    workspace = choose(arguments)
    if curated_environment.is_curated(arguments.name):
        definition = SdkEnvironment.get(workspace, arguments.name, arguments.version).definition()
    else:
        definition = _find(workspace.client, arguments).definition
    run = environment_build.submit(workspace, definition, arguments.target, again=arguments.again)
    if arguments.leave:
        note(f"Submitted. To follow it: terrazul run monitor-logs {run.run_id}")
        show(arguments, run, submission.SUBMITTED)
        return ExitCode.GOOD
    return submission.follow(arguments, workspace, workspace.get_run(run.run_id))


def _download(arguments: argparse.Namespace) -> int:
    found = _find(choose(arguments).client, arguments)
    environment = SdkEnvironment.of_definition(found.definition, found.version)
    _write(environment, arguments.directory, overwrite=arguments.overwrite)
    note(f"{found.name}, version {found.version}, lies in {arguments.directory}.")
    return ExitCode.GOOD


def _scaffold(arguments: argparse.Namespace) -> int:
    _write(SdkEnvironment(arguments.name), arguments.directory, overwrite=False)
    note(f"Edit the files in {arguments.directory}, then: terrazul environment register -d {arguments.directory}")
    return ExitCode.GOOD


def _write(environment: SdkEnvironment, directory: str, *, overwrite: bool) -> None:
    try:
        environment.save_to_directory(directory, overwrite=overwrite)
    except FileExistsError:
        message = f"{directory} is there already."
        raise UsageError(message, target=directory, hint="Name a new folder.") from None


def _existing(directory: str) -> Path:
    folder = Path(directory)
    if not folder.is_dir():
        message = f"{folder} is not a folder."
        raise UsageError(message, target=directory, hint="Name the one in which the definition lies.")
    return folder
