"""Where the files of a version come from: a run or a logged model, as MLflow's client names it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import Connection

from terrazul.server.identity.rules import Principal
from terrazul.server.mlflow.service.files import place_of
from terrazul.server.mlflow.service.models import find_model
from terrazul.server.mlflow.service.runs import find_run
from terrazul.server.run.store import artifact as artifacts
from terrazul.server.run.store import logged_model
from terrazul.wire.mlflow import rules
from terrazul.wire.mlflow.message import VersionChoice
from terrazul.wire.model import ModelFile

_LOGGED = re.compile(r"models:/(m-[0-9a-zA-Z]+)/?\Z")
_OF_RUN = re.compile(r"runs:/([^/]+)/(.+)\Z")


def files_of_source(
    connection: Connection, workspace: int, new: VersionChoice, principal: Principal
) -> list[ModelFile]:
    """The files that a source names, in one folder. Raises ``InvalidParameter`` for one that is not here."""
    logged = _LOGGED.match(new.source)
    if logged:
        return _of_logged(connection, workspace, logged.group(1), "", principal)
    of_run = _OF_RUN.match(new.source)
    if of_run:
        return _of_run(connection, workspace, of_run.group(1), of_run.group(2), principal)
    scheme, _, address = new.source.partition(":")
    if scheme != "mlflow-artifacts":
        raise rules.invalid("source", new.source, "Register files of a run or a logged model of this workspace.")
    place = place_of(address)
    if place.model_id:
        return _of_logged(connection, workspace, place.model_id, place.path, principal)
    return _of_run(connection, workspace, place.run_id, place.path, principal)


def _of_run(connection: Connection, workspace: int, run_id: str, path: str, principal: Principal) -> list[ModelFile]:
    row = find_run(connection, workspace, rules.run_id_of(run_id), principal)
    path = path.strip("/")
    found = [ModelFile(each.path, each.digest, each.size) for each in artifacts.list_all(connection, row.key, path)]
    files = _below(found, path)
    if files:
        return files
    for made in reversed(logged_model.of_run(connection, row.key)):
        if path.partition("/")[0] == made.name:
            return _of_logged(connection, workspace, made.model_id, path.partition("/")[2], principal)
    raise rules.invalid("source", path, f"The run {run_id} has no files there.")


def _of_logged(
    connection: Connection, workspace: int, model_id: str, path: str, principal: Principal
) -> list[ModelFile]:
    row = find_model(connection, workspace, model_id, principal)
    found = [
        ModelFile(f"model/{each.path}", each.digest, each.size)
        for each in logged_model.files_of(connection, row.key, path)
    ]
    files = _below(found, f"model/{path}".rstrip("/"))
    if not files:
        raise rules.invalid("source", model_id, "That logged model has no files there.")
    return files


def _below(files: Sequence[ModelFile], path: str) -> list[ModelFile]:
    """The files at and below a path, under the last part of that path (``model`` for a whole run)."""
    begin = f"{path}/" if path else ""
    top = path.rpartition("/")[2] or "model"
    found = []
    for each in files:
        if each.path == path:
            found.append(ModelFile(top, each.digest, each.size))
        elif each.path.startswith(begin):
            found.append(ModelFile(f"{top}/{each.path[len(begin) :]}", each.digest, each.size))
    return found
