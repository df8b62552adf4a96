"""What must hold of models. Pure functions."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from terrazul.core.clock import check_time
from terrazul.core.errors import InvalidInput, ModelInUse, ModelNotFound, ModelPathNotFound
from terrazul.core.ids import check_digest, check_model_name, check_run_id
from terrazul.core.paths import check_relative_path, check_tree
from terrazul.server.lineage.rules import DATASET, MODEL, RUN, SNAPSHOT
from terrazul.wire.artifact import Artifact
from terrazul.wire.lineage import Edge
from terrazul.wire.model import DatasetReference, ModelFile, NewModel, ResourceConfiguration

PRODUCED_BY, CODE, DERIVED_FROM = "produced by", "code", "derived from"
"""The roles of the run, of its snapshot and of the parent model."""

_REGISTRATION_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,63}\Z", re.ASCII)
_VERSION = re.compile(r"[1-9][0-9]{0,8}\Z")
_FEW = 20


class ModelId(NamedTuple):
    """What ``name:version`` names; without a version the newest one is meant."""

    name: str
    version: int | None

    def __str__(self) -> str:
        """As it is written."""
        return self.name if self.version is None else f"{self.name}:{self.version}"


class Kept(NamedTuple):
    """The number and the times that a version brings along from elsewhere."""

    version: int
    created_at: int
    modified_at: int


def read_model_id(text: str) -> ModelId:
    """The id of a model. Raises ``InvalidInput`` for a name that none can have, ``ModelNotFound`` for a version."""
    name, separator, version = text.partition(":")
    check_model_name(name)
    if not separator:
        return ModelId(name, None)
    if not _VERSION.match(version):
        raise ModelNotFound(
            f"{version[:40]!r} is not a version of a model.", target=text[:80], hint="Versions are 1, 2, 3 and so on."
        )
    return ModelId(name, int(version))


def check_one_version(model_id: ModelId) -> None:
    """Raise ``InvalidInput`` where a change does not say which version it means."""
    if model_id.version is None:
        raise InvalidInput(
            f"{model_id.name!r} does not say which version is meant.",
            target=model_id.name,
            hint=f"Name it as {model_id.name}:<version>.",
        )


def check_new(new: NewModel) -> None:
    """Raise ``InvalidInput`` for a registration that cannot be carried out as it is described."""
    check_model_name(new.name)
    if not _REGISTRATION_ID.match(new.registration_id):
        raise InvalidInput(
            f"The registration id {new.registration_id[:80]!r} is not valid.",
            target="registration_id",
            hint="Use up to 64 letters, digits, '_', '-', '.', the first a letter or digit.",
        )
    if new.run_id:
        check_run_id(new.run_id)
    if new.artifact_path:
        check_relative_path(new.artifact_path)
    if new.files and new.artifact_path:
        raise InvalidInput(
            "The model is given both as files and as a file of a run.",
            target="artifact_path",
            hint="Pass files, or run_id with artifact_path.",
        )
    check_datasets(new.datasets)
    check_resources(new.resource_configuration)
    if new.files:
        _check_files(new.files)


def check_kept(kept: Kept) -> None:
    """Raise ``InvalidInput`` for a number or a time that no version can have."""
    if not _VERSION.match(str(kept.version)):
        raise InvalidInput(
            f"{str(kept.version)[:40]} is not a version of a model.", target="version", hint="Versions count from 1."
        )
    check_time(kept.created_at)
    check_time(kept.modified_at)


def check_datasets(datasets: Iterable[DatasetReference]) -> None:
    """Raise ``InvalidInput`` for a reference without a role or an id."""
    for reference in datasets:
        if not reference.role or not reference.dataset_id:
            raise InvalidInput(
                "A dataset of a model needs a role and an id.",
                target="datasets",
                hint="Pass pairs such as ('training', dataset).",
            )


def check_resources(wanted: ResourceConfiguration | None) -> None:
    """Raise ``InvalidInput`` for amounts that no machine has."""
    if wanted is None:
        return
    for name, amount in (("cpu", wanted.cpu), ("memory_in_gb", wanted.memory_in_gb)):
        if amount is not None and amount <= 0:
            raise InvalidInput(f"A resource configuration cannot ask for {name} = {amount}.", target=name)
    if wanted.gpu is not None and wanted.gpu < 0:
        raise InvalidInput(f"A resource configuration cannot ask for gpu = {wanted.gpu}.", target="gpu")


def _check_files(files: Sequence[ModelFile]) -> None:
    for file in files:
        check_relative_path(file.path)
        check_digest(file.digest)
        if file.size < 0:
            raise InvalidInput(f"The file {file.path!r} has a size that is not valid.", target=file.path)
    check_tree([file.path for file in files], "model")
    entries = sorted({file.path.partition("/")[0] for file in files})
    if len(entries) > 1:
        raise InvalidInput(
            f"A model is one file or one folder, and these files lie in {', '.join(entries[:_FEW])}.",
            target="files",
            hint="Put them into one folder.",
        )


def files_of_run(run_id: str, path: str, artifacts: Sequence[Artifact]) -> list[ModelFile]:
    """The file of a run that has this path, or all files below the folder; their paths begin with its last part.

    Raises ``ModelPathNotFound`` with the names that come near.
    """
    wanted = path.rstrip("/")
    above = len(wanted) - len(wanted.rpartition("/")[2])
    found = [
        ModelFile(each.path[above:], each.digest, each.size)
        for each in artifacts
        if each.path == wanted or each.path.startswith(wanted + "/")
    ]
    if not found:
        raise ModelPathNotFound(
            f"Could not locate the model path {path!r} in the files of run {run_id}.",
            target=path,
            hint=_nearest(wanted, [each.path for each in artifacts]),
        )
    return found


def _nearest(path: str, names: list[str]) -> str:
    if not names:
        return "The run has no files yet; upload them first with run.upload_file or run.upload_folder."
    folders = {
        "/".join(parts[:count]) for parts in (name.split("/") for name in names) for count in range(1, len(parts))
    }
    candidates = [*names, *sorted(folders)]
    last = path.rpartition("/")[2]
    near = [each for each in candidates if each.rpartition("/")[2] == last]
    near += [each for each in difflib.get_close_matches(path, candidates, n=3) if each not in near]
    if near:
        return f"Did you mean {' or '.join(repr(each) for each in near[:3])}?"
    rest = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return f"Its files are {', '.join(repr(each) for each in names[:_FEW])}{rest}."


def edges_of(
    model_id: str, run_id: str | None, snapshot_id: str | None, parent_id: str, datasets: Iterable[DatasetReference]
) -> list[Edge]:
    """What a new model was made with."""
    edges = [] if run_id is None else [Edge(MODEL, model_id, RUN, run_id, PRODUCED_BY)]
    edges += [] if snapshot_id is None else [Edge(MODEL, model_id, SNAPSHOT, snapshot_id, CODE)]
    edges += [Edge(MODEL, model_id, MODEL, parent_id, DERIVED_FROM)] if parent_id else []
    return edges + edges_to_datasets(model_id, datasets)


def edges_to_datasets(model_id: str, datasets: Iterable[DatasetReference]) -> list[Edge]:
    """The uses of datasets by a model."""
    return [Edge(MODEL, model_id, DATASET, each.dataset_id, each.role) for each in datasets]


def check_unused(model_id: str, users: Sequence[Edge]) -> None:
    """Raise ``ModelInUse`` where a model that is to be deleted is in use; the message lists the users."""
    if users:
        names = ", ".join(f"{each.user_type} {each.user_id}" for each in users[:_FEW])
        more = f" and {len(users) - _FEW} more" if len(users) > _FEW else ""
        raise ModelInUse(
            f"The model {model_id} is in use by {names}{more}.",
            target=model_id,
            hint="Delete what uses it first, or have it use another version.",
        )
