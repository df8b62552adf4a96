"""Which workspace a line speaks about."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import List, Optional

from terrazul.cli.command import UsageError, suggestion
from terrazul.core.errors import NotFound, UserErrorException, WorkspaceNotFound
from terrazul.sdk.client import connect
from terrazul.sdk.workspace import Workspace
from terrazul.wire import workspace as wire


def choose(arguments: argparse.Namespace) -> Workspace:
    """The workspace that the options name, else that of the nearest ``config.json``, else the only one there is.

    Raises ``WorkspaceNotFound`` for a name that no workspace has, ``UsageError`` where it is not clear which is meant.
    """
    if arguments.workspace_name:
        return _named(arguments)
    return _configured(arguments.path) or _only()


def _named(arguments: argparse.Namespace) -> Workspace:
    wanted: str = arguments.workspace_name
    known = _known(arguments.subscription_id, arguments.resource_group)
    found = [each for each in known if each.name.casefold() == wanted.casefold()]
    if len(found) > 1:
        groups = ", ".join(f"{each.subscription_id}/{each.resource_group}" for each in found)
        message = f"Several workspaces are called {wanted!r}: in {groups}."
        raise UsageError(message, target=wanted, hint="Say which with -g and --subscription-id.")
    if not found:
        hint = suggestion(wanted, [each.name for each in known]) or "`terrazul workspace list` shows what there is."
        message = f"There is no workspace {wanted!r}."
        raise WorkspaceNotFound(message, target=wanted, hint=hint)
    return _opened(found[0])


def _configured(path: str) -> Optional[Workspace]:
    if not Path(path).exists():
        message = f"{path} does not exist."
        raise UsageError(message, target=path, hint="Name a folder with --path.")
    try:
        return Workspace.from_config(path)
    except NotFound:
        raise
    except UserErrorException as error:
        if error.target and Path(error.target).is_file():  # there is a config.json, and it cannot be used
            raise
        return None


def _only() -> Workspace:
    known = _known()
    if len(known) == 1:
        return _opened(known[0])
    attach = "terrazul folder attach -w NAME"
    if not known:
        message = "There is no workspace yet, and no config.json names one."
        raise UsageError(message, hint=f"Make one for this folder: {attach}.")
    names = ", ".join(each.name for each in known)
    message = f"No config.json was found, and there are several workspaces: {names}."
    raise UsageError(message, hint=f"Name one with -w, or attach this folder: {attach}.")


def _known(subscription_id: Optional[str] = None, resource_group: Optional[str] = None) -> List[wire.Workspace]:
    query = {"subscription_id": subscription_id, "resource_group": resource_group}
    return connect().get(List[wire.Workspace], "/workspaces", query)


def _opened(known: wire.Workspace) -> Workspace:
    return Workspace(known.subscription_id, known.resource_group, known.name, _workspace_id=known.workspace_id)
