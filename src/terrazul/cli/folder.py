"""``terrazul folder``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import List

from terrazul.cli.command import Subparsers, UsageError, add_group, add_verb
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, show
from terrazul.core.ids import check_workspace_name
from terrazul.sdk.run_configuration import RunConfiguration
from terrazul.sdk.workspace import DEFAULT_RESOURCE_GROUP, DEFAULT_SUBSCRIPTION, Workspace

_IGNORED = (".ipynb_checkpoints", "azureml-logs", ".azureml", ".git", "outputs", "azureml-setup", "docs")
_COLUMNS = (
    Column("folder", "folder"),
    Column("workspace", "workspace_name"),
    Column("resource group", "resource_group"),
    Column("subscription", "subscription_id"),
    Column("written", "written"),
)


def add_parser(subparsers: Subparsers) -> None:
    """The parsers of all verbs."""
    verbs = add_group(subparsers, "folder", "Folders: the source of runs, attached to a workspace.")
    parser = add_verb(
        verbs,
        "attach",
        _attach,
        "Attach a folder to a workspace. Writes config.json, two sample run configurations and an .amlignore; "
        "files that are there already stay as they are, but for config.json.",
        example="terrazul folder attach -w research",
    )
    parser.add_argument("-w", "--workspace-name", metavar="NAME", required=True, help="Name of the workspace.")
    parser.add_argument(
        "-g", "--resource-group", metavar="NAME", help=f"Resource group. Default: {DEFAULT_RESOURCE_GROUP}."
    )
    parser.add_argument("--subscription-id", metavar="ID", help=f"Subscription. Default: {DEFAULT_SUBSCRIPTION}.")
    parser.add_argument("--path", metavar="FOLDER", default=".", help="The folder. Default: here.")


def _attach(arguments: argparse.Namespace) -> int:
    folder = Path(arguments.path)
    if not folder.is_dir():
        message = f"{folder} is not a folder."
        raise UsageError(message, target=str(folder), hint="Make it first, or name another one with --path.")
    workspace = Workspace(
        arguments.subscription_id or DEFAULT_SUBSCRIPTION,
        arguments.resource_group or DEFAULT_RESOURCE_GROUP,
        check_workspace_name(arguments.workspace_name),
    )
    told = {
        "folder": str(folder.resolve()),
        "workspace_name": workspace.name,
        "resource_group": workspace.resource_group,
        "subscription_id": workspace.subscription_id,
        "written": _write(folder, workspace),
    }
    show(arguments, told, _COLUMNS)
    return ExitCode.GOOD


def _write(folder: Path, workspace: Workspace) -> List[str]:
    """Write what an attached folder has; the names of what was written."""
    azureml = folder / ".azureml"
    workspace.write_config(str(folder))
    written = [".azureml/config.json"]
    for name, user_managed in (("local", True), ("docker", False)):
        if not (azureml / f"{name}.runconfig").exists():
            sample = RunConfiguration()
            sample.environment.python.user_managed_dependencies = user_managed
            sample.docker.use_docker = name == "docker"
            sample.save(str(folder), name)
            written.append(f".azureml/{name}.runconfig")
    ignore_file = folder / ".amlignore"
    if not ignore_file.exists():
        ignore_file.write_text("\n".join(_IGNORED) + "\n", encoding="utf-8")
        written.append(ignore_file.name)
    return written
