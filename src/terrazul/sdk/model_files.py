"""The files of models on this side: sent from the disk, fetched to it, and found where scripts look for them."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence

from terrazul.core.errors import (
    InvalidInput,
    ModelNotFound,
    ModelNotFoundException,
    ModelPathNotFound,
    WebserviceException,
)
from terrazul.core.paths import check_relative_path
from terrazul.sdk.client import Client, Request
from terrazul.sdk.content import fetch_file, send_files, source_file
from terrazul.sdk.run_files import files_below
from terrazul.wire.model import Model, ModelFile

MODELS_FOLDER = "azureml-models"
_APP_ROOT_VARIABLE = "AML_APP_ROOT"


def send(client: Client, locations: Dict[str, str]) -> List[ModelFile]:
    """Make sure that the server has the bytes of files: path in the model to path on the disk.

    Raises ``InvalidInput`` for a file that cannot be read or does not keep still.
    """
    files = [source_file(check_relative_path(path), location) for path, location in locations.items()]
    sent = send_files(client, files)
    for path, problem in sent.problems.items():
        message = f"'{locations[path]}' {problem}."
        raise InvalidInput(message, target=locations[path], hint="Nothing was registered.")
    return [ModelFile(path, sent.digests[path], sent.files[path].size) for path in sorted(locations)]


def locations_of(model_path: str, child_paths: Optional[Sequence[str]] = None) -> Dict[str, str]:
    """The files of a file or folder of the disk, under the names that they have in a model.

    ``child_paths`` leave out what is not one of them (or below). Raises ``ModelPathNotFound`` for what is not there.
    """
    root = Path(os.path.abspath(model_path))  # noqa: PTH100  # `resolve` would give a link the name of its target
    if not root.exists():
        message = f"The model path '{model_path}' does not exist."
        raise ModelPathNotFound(message, target=str(model_path), hint="Name a file or folder; it is looked for here.")
    if root.is_file():
        return {root.name: str(root)}
    chosen = list(files_below(root)) if child_paths is None else list(_chosen(root, child_paths))
    if not chosen:
        message = f"The folder '{model_path}' holds no files."
        raise InvalidInput(message, target=str(model_path))
    return {f"{root.name}/{path.relative_to(root).as_posix()}": str(path) for path in chosen}


def _chosen(root: Path, child_paths: Sequence[str]) -> Iterator[Path]:
    for child in child_paths:
        path = Path(os.path.abspath(root / child))  # noqa: PTH100  # as above
        if root not in (path, *path.parents) or not path.exists():
            message = f"The child path '{child}' does not exist in '{root}'."
            raise ModelPathNotFound(message, target=str(child), hint="Child paths are relative to the model path.")
        yield from [path] if path.is_file() else files_below(path)


def entry_of(files: Sequence[ModelFile]) -> str:
    """The name of the one file or folder that a model is."""
    return files[0].path.partition("/")[0]


def download(client: Client, model: Model, target: Path, *, exist_ok: bool) -> str:
    """Write a model into a folder; the path of its file or folder there.

    It appears when all of it has arrived and been checked. Raises ``WebserviceException`` where something of that name
    is there, unless ``exist_ok``; then the model's files take the place of those that are there, and others stay.
    """
    entry = check_relative_path(entry_of(model.files))
    destination = target / entry
    if destination.exists() and not exist_ok:
        message = f"'{destination}' exists already."
        raise WebserviceException(message, target=str(destination), hint="Pass exist_ok=True to have it replaced.")
    target.mkdir(parents=True, exist_ok=True)
    staging = target / f".{entry[:50]}.{os.urandom(6).hex()}.part"
    try:
        for file in model.files:
            request = Request("GET", f"/models/{model.id}/file", {"path": file.path})
            fetch_file(client, request, staging / check_relative_path(file.path), file.digest, file.size)
        _put(staging / entry, destination)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return str(destination)


def _put(arrived: Path, destination: Path) -> None:
    if arrived.is_file() and destination.is_dir():
        message = f"'{destination}' is a folder, and the model is a file of that name."
        raise WebserviceException(message, target=str(destination), hint="Choose another target_dir.")
    try:
        arrived.replace(destination)
    except OSError:  # a folder is there, which another process may have put there at this moment
        if not destination.is_dir():
            raise
        _merge(arrived, destination)


def _merge(arrived: Path, destination: Path) -> None:
    for path in files_below(arrived):
        place = destination / path.relative_to(arrived)
        place.parent.mkdir(parents=True, exist_ok=True)
        path.replace(place)


def cached(name: str, version: int) -> Optional[str]:
    """The one entry of the folder to which ``get_model_path`` has downloaded this version, if it is there."""
    folder = cache_folder(name, version)
    entries = visible(folder) if folder.is_dir() else []
    return str(entries[0]) if len(entries) == 1 else None


def cache_folder(name: str, version: int) -> Path:
    """Where ``get_model_path`` downloads a version to."""
    return Path(MODELS_FOLDER, name, str(version))


def local_path(name: str, version: Optional[int]) -> str:
    """Where a model lies beside a deployed script, as v1 looks for it: ``azureml-models/<name>/<version>/<entry>``.

    ``AML_APP_ROOT`` names the folder of ``azureml-models``; without a version the highest one is taken. Where there is
    no such folder, a file or folder of that name here. Raises ``ModelNotFoundException``, ``WebserviceException``.
    """
    versions = Path(os.environ.get(_APP_ROOT_VARIABLE, ""), MODELS_FOLDER, name)
    if versions.is_dir():
        folder = versions / str(_highest(versions) if version is None else version)
        if folder.is_dir():
            return str(_only_entry(folder))
    if Path(name).exists():
        return name
    message = f"The model '{name}' is neither in '{versions}' nor in this folder."
    raise ModelNotFound(message, target=name, hint="Pass _workspace=ws to have it downloaded.")


def _highest(versions: Path) -> int:
    numbers = [int(each.name) for each in versions.iterdir() if each.name.isdecimal()]
    if not numbers:
        message = f"'{versions}' holds no version of the model."
        raise ModelNotFoundException(message, target=str(versions))
    return max(numbers)


def _only_entry(folder: Path) -> Path:
    entries = visible(folder)
    if len(entries) != 1:
        message = f"'{folder}' must hold one file or folder, the model; it holds {len(entries)}."
        raise WebserviceException(message, target=str(folder))
    return entries[0]


def visible(folder: Path) -> List[Path]:
    """What lies in a folder, but for downloads that were broken off."""
    broken_off = re.compile(r"\..*\.part\Z")
    return [each for each in sorted(folder.iterdir()) if not broken_off.match(each.name)]
