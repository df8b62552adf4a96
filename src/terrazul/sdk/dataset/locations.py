"""Where the data of a dataset lies, as v1's users write it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, List, NamedTuple, Optional, Tuple

from terrazul.core.errors import DatasetValidationError, InvalidInput
from terrazul.data.pattern import normal
from terrazul.sdk.datapath import DataPath
from terrazul.sdk.datastore.abstract import AbstractDatastore
from terrazul.wire.dataset import DataLocation

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace

_PAIR = 2
_WEB = ("http://", "https://")


class Locations(NamedTuple):
    """Where data lies, and the workspace of the datastores among that."""

    places: List[DataLocation]
    workspace: Optional[Workspace]


def locations_of(path: Any) -> Locations:
    """What ``path`` says: an address, a path of this machine, a datastore with a path, or a list of these.

    Raises ``InvalidInput`` for what is none of them, ``DatasetValidationError`` for datastores of two workspaces.
    """
    places: List[DataLocation] = []
    workspace: Optional[Workspace] = None
    given = _each(path)
    if not given:
        message = "The list of paths is empty."
        raise InvalidInput(message, target="path", hint="Name at least one file or folder.")
    for each in given:
        place, of = _location_of(each)
        places.append(place)
        if of is None:
            continue
        if workspace is not None and workspace.workspace_id != of.workspace_id:
            message = f"The datastores lie in two workspaces: {workspace.name!r} and {of.name!r}."
            raise DatasetValidationError(message, hint="A dataset lies in one workspace.")
        workspace = of
    return Locations(places, workspace)


def target_of(target: Any, name: str = "target") -> Tuple[Any, str]:
    """The datastore, and the path on it, to which something is written. Raises ``InvalidInput``."""
    datastore, path = _on_datastore(target)
    if datastore is None:
        message = f"{name} is {str(target)[:200]!r}, and has to name a datastore."
        raise InvalidInput(message, target=name, hint="Pass (datastore, 'a/path'), a DataPath or a datastore.")
    return datastore, normal(path)


def _each(path: Any) -> List[Any]:
    if isinstance(path, list):
        return [part for each in path for part in _each(each)]
    if isinstance(path, tuple) and len(path) == _PAIR and isinstance(path[0], AbstractDatastore):
        return [(path[0], each) for each in path[1]] if isinstance(path[1], (list, tuple)) else [path]
    return [part for each in path for part in _each(each)] if isinstance(path, tuple) else [path]


def _location_of(given: Any) -> Tuple[DataLocation, Optional[Workspace]]:
    datastore, path = _on_datastore(given)
    if datastore is not None:
        return DataLocation(normal(path), datastore.name), datastore.workspace
    if isinstance(given, (str, os.PathLike)) and str(given):
        text = os.fspath(given)
        return DataLocation(text if text.lower().startswith(_WEB) else os.path.abspath(text)), None  # noqa: PTH100  # links stay
    message = f"{str(given)[:200]!r} says not where data lies."
    hint = "Pass a web address, a path, (datastore, 'a/path/*.csv'), a DataPath, or a list of these."
    raise InvalidInput(message, target="path", hint=hint)


def _on_datastore(given: Any) -> Tuple[Optional[AbstractDatastore], str]:
    if isinstance(given, AbstractDatastore):
        return given, ""
    if isinstance(given, tuple) and len(given) == _PAIR and isinstance(given[0], AbstractDatastore):
        return given[0], "" if given[1] is None else str(given[1])
    if isinstance(given, DataPath):
        return given.datastore, given.path_on_datastore or ""
    datastore = getattr(given, "datastore", None)
    if isinstance(datastore, AbstractDatastore):
        return datastore, getattr(given, "path_on_datastore", None) or ""
    return None, ""
