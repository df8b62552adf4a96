"""v1's ``config.json``: which workspace a folder belongs to."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Iterator, Optional, Tuple

from terrazul.core.errors import UserErrorException
from terrazul.wire.workspace import WorkspaceScope

_FOLDERS = (".azureml", "aml_config", "")
_FILES = ("config.json", "project.json")
_SCOPE = re.compile(r"/subscriptions/([^/]+)/resourceGroups/([^/]+)(?:/.*)?/workspaces/([^/]+)", re.IGNORECASE)


def write(folder: Path, file_name: Optional[str], scope: WorkspaceScope) -> None:
    """Write ``.azureml/config.json`` below a folder."""
    file = folder / _FOLDERS[0] / (file_name or _FILES[0])
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "subscription_id": scope.subscription_id,
        "resource_group": scope.resource_group,
        "workspace_name": scope.name,
    }
    file.write_text(json.dumps(content, indent=4), encoding="utf-8")


def find(start: Path, file_name: Optional[str]) -> Path:
    """The file itself, or the nearest one from a folder upwards. Raises ``UserErrorException`` where there is none."""
    if start.is_file():
        return start
    names = (file_name,) if file_name else _FILES
    start = start.resolve()
    for candidate in _candidates(start, names):
        if candidate.is_file():
            return candidate
    message = f"There is no workspace configuration file ({names[0]}) in {start} or above."
    hint = "`terrazul folder attach` writes one, as does Workspace.create('name').write_config()."
    raise UserErrorException(message, target=str(start), hint=hint)


def _candidates(start: Path, names: Tuple[str, ...]) -> Iterator[Path]:
    """By kind of folder first, then upwards, then by name: v1's order."""
    for folder in _FOLDERS:
        for parent in (start, *start.parents):
            yield from (parent / folder / name for name in names)


def read(file: Path) -> Tuple[str, str, str]:
    """Subscription, resource group and name. Raises ``UserErrorException`` for a file that says them not."""
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
        scope = _SCOPE.search(str(content.get("Scope") or content.get("Id") or ""))
        if scope:
            return scope[1], scope[2], scope[3]
        return str(content["subscription_id"]), str(content["resource_group"]), str(content["workspace_name"])
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        problem = f"it has no {error.args[0]}" if isinstance(error, KeyError) else f"it is not of that form ({error})"
        message = f"The workspace configuration file {file} cannot be used: {problem}."
        hint = "It is JSON with subscription_id, resource_group and workspace_name."
        raise UserErrorException(message, target=str(file), hint=hint) from error
