"""Finding out what somebody names as the source of an import from MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import List, Sequence

from terrazul.core.errors import InvalidInput, NotFound
from terrazul.importing.mlflow.database import DatabaseSource
from terrazul.importing.mlflow.export_tree import ExportTreeSource
from terrazul.importing.mlflow.folder import FolderSource
from terrazul.importing.mlflow.places import Given, read_given
from terrazul.importing.mlflow.tables import driver_of, is_sqlite_file, open_postgresql, open_sqlite, path_of
from terrazul.importing.source import Source

_SERVERS = frozenset({"http", "https", "databricks"})
_POSTGRESQL = frozenset({"postgresql", "postgres"})


def open_source(named: str, artifacts: Sequence[str] = ()) -> Source:
    """The source that a folder, a file or an address names; ``artifacts`` is what the option was given.

    Raises ``NotFound`` where nothing is there, ``InvalidInput`` for what cannot be read.
    """
    given = [read_given(each) for each in artifacts]
    scheme, separator, _ = named.partition(":/")
    driver = driver_of(scheme) if separator else ""
    if driver == "sqlite":
        return DatabaseSource(open_sqlite(path_of(named)), path_of(named).parent, given)
    if driver in _POSTGRESQL:
        return DatabaseSource(open_postgresql(named), Path.cwd(), given)
    if driver in _SERVERS:
        message = f"{named} is a server, and an import reads what lies behind it."
        hint = "Name its database or its folder, or export it with mlflow-export-import, and name that folder."
        raise InvalidInput(message, target=named, hint=hint)
    if driver and driver != "file":
        message = f"{driver!r} is no kind of source that can be read."
        hint = "Name a folder, sqlite:///FILE or postgresql://USER@HOST/NAME."
        raise InvalidInput(message, target=named, hint=hint)
    path = Path(named[len("file://") :] if named.startswith("file://") else named)
    if is_sqlite_file(path):
        return DatabaseSource(open_sqlite(path), path.parent, given)
    if not path.is_dir():
        message = f"{named} is {'no folder and no database' if path.exists() else 'not there'}."
        hint = "Name an mlruns folder, a database of MLflow or a tree of mlflow-export-import."
        raise (InvalidInput if path.exists() else NotFound)(message, target=named, hint=hint)
    return _in_folder(path, given)


def _in_folder(path: Path, given: Sequence[Given]) -> Source:
    for folder in (path, path / "mlruns"):
        if folder.is_dir() and FolderSource.fits(folder):
            return FolderSource(folder, given)
    databases: List[Path] = [each for each in sorted(path.glob("*.db")) if is_sqlite_file(each)]
    if len(databases) == 1:
        return DatabaseSource(open_sqlite(databases[0]), path, given)
    if ExportTreeSource.fits(path):
        return ExportTreeSource(path, given)
    message = f"In the folder {path} is nothing that MLflow or mlflow-export-import has written."
    raise InvalidInput(message, target=str(path), hint="Name the folder mlruns itself, the database, or the tree.")
