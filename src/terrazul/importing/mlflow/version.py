"""Versions of registered models, as all of MLflow's stores describe them."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Optional

from terrazul.importing.mlflow.places import Places
from terrazul.importing.mlflow.words import micro, text, top_of
from terrazul.importing.source import Folder, VersionRecord
from terrazul.wire.importing import ImportedVersion
from terrazul.wire.model import NewModel

_OF_RUN = re.compile(r"runs:/+([^/]+)/(.+)\Z")
_OF_MODEL = re.compile(r"models:/(m-[0-9a-zA-Z]+)(?:/(.*))?\Z")
_USUAL_RUN = re.compile(r"(?:.*/)?([^/]+/[^/]+/artifacts)(?:/(.*))?\Z", re.DOTALL)
_USUAL_MODEL = re.compile(r"(?:.*/)?([^/]+/models/m-[^/]+/artifacts)(?:/(.*))?\Z", re.DOTALL)


def version_record(
    places: Places, folders: Mapping[str, Folder], about: Dict[str, Any], tags: Dict[str, str]
) -> VersionRecord:
    """A version; ``about`` has MLflow's names. Its files are where they were put, or where it was registered from.

    ``folders`` are those of runs and logged models by their ids, for sources that name these.
    """
    source, run_id = text(about.get("source")), text(about.get("run_id"))
    created = micro(about.get("creation_timestamp", about.get("creation_time")))
    new = NewModel(
        text(about.get("name")), "import", run_id=run_id or None, description=text(about.get("description")), tags=tags
    )
    logged = _OF_MODEL.match(source)
    whole = ImportedVersion(
        new, int(about["version"]), created,
        micro(about.get("last_updated_timestamp", about.get("last_updated_time")), created),
        text(about.get("current_stage", about.get("stage"))), source, text(about.get("run_link")),
        text(about.get("model_id")) or (logged.group(1) if logged else ""),
    )  # fmt: skip
    folder = _folder(places, source, text(about.get("storage_location")))
    if folder.path is None:
        folder = _named(folders, source, run_id) or folder
    return VersionRecord(whole, folder, _top(source))


def _named(folders: Mapping[str, Folder], source: str, run_id: str) -> Optional[Folder]:
    """The folder that a source names by a run or a logged model; None where that is not known, or has none."""
    match = _OF_RUN.match(source) or _OF_MODEL.match(source)
    below = source.rpartition("/artifacts/")[2] if "/artifacts/" in source else ""
    named, path = (match.group(1), match.group(2) or "") if match else (run_id if below else "", below)
    root = folders.get(named, Folder())
    if root.path is None or ".." in path.split("/"):
        return None
    found = root.path / path
    return root._replace(path=found) if found.exists() else None


def _folder(places: Places, source: str, storage: str) -> Folder:
    found = Folder()
    for address in filter(None, (storage, source)):
        usual = _USUAL_MODEL.match(address) or _USUAL_RUN.match(address)
        path = "/".join(filter(None, usual.groups())) if usual else ""
        found = places.find(address, path)
        if found.path is not None:
            return found
    return found


def _top(source: str) -> str:
    of_run = _OF_RUN.match(source)
    if of_run:
        return top_of(of_run.group(2))
    return "model" if _OF_MODEL.match(source) else top_of(source)
