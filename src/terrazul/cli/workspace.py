"""``terrazul workspace``."""

from __future__ import annotations

import argparse
from typing import List

from terrazul.cli import quota
from terrazul.cli.command import Subparsers, add_group, add_verb, pair, workspace_options
from terrazul.cli.confirmation import confirm
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, note, show
from terrazul.cli.wording import moment
from terrazul.cli.workspace_choice import choose
from terrazul.sdk.client import connect
from terrazul.sdk.workspace import DEFAULT_RESOURCE_GROUP, DEFAULT_SUBSCRIPTION
from terrazul.wire.workspace import Member, NewWorkspace, Workspace, WorkspaceChange

_LIST = (
    Column("name", "name"),
    Column("resource group", "resource_group"),
    Column("subscription", "subscription_id"),
    Column("created", "created_at", moment),
    Column("description", "description"),
)
_SHOW = (
    Column("name", "name"),
    Column("friendly name", "friendly_name"),
    Column("description", "description"),
    Column("resource group", "resource_group"),
    Column("subscription", "subscription_id"),
    Column("location", "location"),
    Column("tags", "tags"),
    Column("created", "created_at", moment),
    Column("created by", "created_by"),
    Column("id", "workspace_id"),
)
_MEMBERS = (
    Column("user", "user"),
    Column("group", "group"),
    Column("role", "role"),
    Column("folder", "folder"),
    Column("since", "created_at", moment),
    Column("given by", "created_by"),
)
_ALONE = "It is shared with nobody."


def add_parser(subparsers: Subparsers) -> None:
    """The parsers of all verbs."""
    verbs = add_group(
        subparsers, "workspace", "Workspaces: the top of everything, each with its own experiments and runs."
    )
    create = add_verb(verbs, "create", _create, "Make a workspace.", example="terrazul workspace create -w research")
    _scope_options(create)
    create.add_argument("-l", "--location", default="local", help="Where it is said to be. Default: local.")
    create.add_argument(
        "--exist-ok", action="store_true", help="Take the one that exists, if there is one of this name."
    )
    _describing_options(create)

    listing = add_verb(verbs, "list", _list, "List the workspaces.")
    listing.add_argument("-g", "--resource-group", metavar="NAME", help="Only those of this resource group.")
    listing.add_argument("--subscription-id", metavar="ID", help="Only those of this subscription.")

    workspace_options(add_verb(verbs, "show", _show, "Show a workspace."))

    update = add_verb(verbs, "update", _update, "Change what describes a workspace.")
    workspace_options(update)
    _describing_options(update)

    delete = add_verb(verbs, "delete", _delete, "Delete a workspace with everything in it.", output=False)
    _scope_options(delete)
    delete.add_argument("-y", "--yes", action="store_true", help="Do not ask.")

    share = add_verb(
        verbs,
        "share",
        _share,
        "Share a workspace, or a folder of its experiments, with a user or a group. What they may do depends on the "
        "role.",
        example="terrazul workspace share --user ana --role Reader",
    )
    _member_options(share)
    members = add_verb(verbs, "members", _members, "Show with whom a workspace is shared.")
    workspace_options(members)
    quota.add_verbs(verbs)
    _member_options(add_verb(verbs, "unshare", _unshare, "Take a role in a workspace, or on a folder, away."))


def _member_options(parser: argparse.ArgumentParser) -> None:
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--user", metavar="NAME", help="The user.")
    whose.add_argument("--group", metavar="NAME", help="The group, with all its members.")
    parser.add_argument("--role", metavar="ROLE", required=True, help="`terrazul role list` shows them.")
    parser.add_argument(
        "--folder",
        metavar="FOLDER",
        default="",
        help="Only for the experiments in and below this folder (team/a), and their runs.",
    )
    workspace_options(parser)


def _scope_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-w", "--workspace-name", metavar="NAME", required=True, help="Name of the workspace.")
    parser.add_argument(
        "-g", "--resource-group", metavar="NAME", help=f"Resource group. Default: {DEFAULT_RESOURCE_GROUP}."
    )
    parser.add_argument("--subscription-id", metavar="ID", help=f"Subscription. Default: {DEFAULT_SUBSCRIPTION}.")


def _describing_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--friendly-name", metavar="TEXT", help="Name as people read it.")
    parser.add_argument("--description", metavar="TEXT", help="What it is for.")
    parser.add_argument("--tags", metavar="KEY=VALUE", nargs="+", type=pair, help="Its tags.")


def _create(arguments: argparse.Namespace) -> int:
    new = NewWorkspace(
        subscription_id=arguments.subscription_id or DEFAULT_SUBSCRIPTION,
        resource_group=arguments.resource_group or DEFAULT_RESOURCE_GROUP,
        name=arguments.workspace_name,
        location=arguments.location,
        friendly_name=arguments.friendly_name or "",
        description=arguments.description or "",
        tags=dict(arguments.tags or []),
        exist_ok=arguments.exist_ok,
    )
    show(arguments, connect().post(Workspace, "/workspaces", new), _SHOW)
    return ExitCode.GOOD


def _list(arguments: argparse.Namespace) -> int:
    query = {"subscription_id": arguments.subscription_id, "resource_group": arguments.resource_group}
    known = connect().get(List[Workspace], "/workspaces", query)
    show(arguments, known, _LIST, nothing="There are no workspaces. Make one: terrazul workspace create -w NAME.")
    return ExitCode.GOOD


def _show(arguments: argparse.Namespace) -> int:
    show(arguments, choose(arguments).client.get(Workspace, ""), _SHOW)
    return ExitCode.GOOD


def _update(arguments: argparse.Namespace) -> int:
    change = WorkspaceChange(
        arguments.friendly_name, arguments.description, dict(arguments.tags) if arguments.tags else None
    )
    show(arguments, choose(arguments).client.patch(Workspace, "", change), _SHOW)
    return ExitCode.GOOD


def _delete(arguments: argparse.Namespace) -> int:
    workspace = choose(arguments)
    confirm(f"Delete the workspace {workspace.name!r} with all its experiments, runs and files?", yes=arguments.yes)
    workspace.delete()
    note(f"The workspace {workspace.name!r} is deleted.")
    return ExitCode.GOOD


def _member(arguments: argparse.Namespace) -> Member:
    return Member(arguments.role, arguments.user, arguments.group, folder=arguments.folder.strip("/"))


def _share(arguments: argparse.Namespace) -> int:
    member = _member(arguments)
    show(arguments, choose(arguments).client.post(List[Member], "/members", member), _MEMBERS)
    return ExitCode.GOOD


def _members(arguments: argparse.Namespace) -> int:
    show(arguments, choose(arguments).client.get(List[Member], "/members"), _MEMBERS, nothing=_ALONE)
    return ExitCode.GOOD


def _unshare(arguments: argparse.Namespace) -> int:
    member = _member(arguments)
    show(arguments, choose(arguments).client.post(List[Member], "/members/remove", member), _MEMBERS, nothing=_ALONE)
    return ExitCode.GOOD
