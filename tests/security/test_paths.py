"""No name of a file leads out of where it belongs, on any route, in an address or in a body."""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from terrazul.testing.routes import Route
from terrazul.testing.server import RunningServer

from .conftest import BESIDE, Victim

HOSTILE = {
    "dot-dot": "../canary",
    "dot-dot below": "outputs/../../../canary",
    "dot-dot at the end": "outputs/..",
    "dot": "./canary",
    "encoded once": "..%2fcanary",
    "encoded twice": "%252e%252e%252fcanary",
    "back-slash": "..\\canary",
    "back-slash inside": "outputs\\..\\..\\canary",
    "absolute": "/etc/passwd",
    "absolute twice": "//etc/passwd",
    "drive": "C:/canary",
    "file": "file:///etc/passwd",
    "file without slashes": "file:canary",
    "address": "http://127.0.0.1/canary",
    "NUL": "canary\0.txt",
    "new line": "canary\n",
    "long": "a" * 5000,
    "long part": "a/" + "b" * 300,
    "full-width dots": "．．/canary",
    "leader": "‥/canary",
    "one-dot leaders": "․․/canary",
    "empty": "",
    "empty part": "outputs//canary",
    "slash at the end": "canary/",
}
SAFE_BECAUSE_IT_IS_A_NAME = {"encoded once", "encoded twice"}
"""Decoded once, these are odd names and no more: they may be kept, and must not be decoded again."""

NAMED_LIKE_PATHS = ("path", "script", "entry_script", "removed", "prefix")
PATHS_OF_COMPUTES = ("interpreter_path", "log_path")
"""An interpreter is a path on the compute by design; the path of a log in an error is a text for people."""

Body = Callable[[str], dict[str, object]]
_FILE = {"digest": "0" * 64, "size": 1}
_DELTA = {"base_snapshot_id": "x", "snapshot_id": "y", "removed": [], "changed": []}
_DATASET = {"type": "File", "steps": [{"operation": "files", "arguments": {}}]}


def _deployment(path: str) -> dict[str, object]:
    return {"entry_script": path, "snapshot_id": "0" * 8 + "-0000-0000-0000-" + "0" * 12}


BODIES: dict[tuple[str, str], Body] = {
    ("POST /api/v1/workspaces/{workspace_id}/snapshots", "files[].path"): lambda path: {
        "files": [{**_FILE, "path": path}]
    },
    ("POST /api/v1/workspaces/{workspace_id}/snapshots/delta", "changed[].path"): lambda path: {
        **_DELTA,
        "changed": [{**_FILE, "path": path}],
    },
    ("POST /api/v1/workspaces/{workspace_id}/snapshots/delta", "removed"): lambda path: {**_DELTA, "removed": [path]},
    ("POST /api/v1/workspaces/{workspace_id}/models", "files[].path"): lambda path: {
        "name": "hostile",
        "registration_id": "hostile",
        "files": [{**_FILE, "path": path}],
    },
    ("POST /api/v1/workspaces/{workspace_id}/models", "artifact_path"): lambda path: {
        "name": "hostile",
        "registration_id": "hostile",
        "run_id": "neighbour",
        "artifact_path": path,
    },
    ("POST /api/v1/workspaces/{workspace_id}/webservices", "deployment.entry_script"): lambda path: {
        "name": "hostile",
        "deployment_id": "hostile",
        "compute_type": "ACI",
        "deployment": _deployment(path),
    },
    ("PATCH /api/v1/workspaces/{workspace_id}/webservices/{webservice_id}", "deployment.entry_script"): lambda path: {
        "deployment": _deployment(path)
    },
    ("POST /api/v1/workspaces/{workspace_id}/images", "deployment.entry_script"): lambda path: {
        "name": "hostile",
        "registration_id": "hostile",
        "deployment": _deployment(path),
    },
    ("POST /api/v1/workspaces/{workspace_id}/deletions/preview", "path"): lambda path: {
        "run_ids": ["neighbour"],
        "path": path,
    },
    ("POST /api/v1/workspaces/{workspace_id}/deletions", "selection.path"): lambda path: {
        "deletion_id": "hostile",
        "selection": {"run_ids": ["neighbour"], "path": path},
    },
    ("POST /api/v1/workspaces/{workspace_id}/runs", "definition.script"): lambda path: {
        "run_id": "hostile",
        "experiment_name": "e",
        "snapshot_id": "x",
        "definition": {"script": path},
    },
    ("POST /api/v1/workspaces/{workspace_id}/datasets", "definition.locations[].path"): lambda path: {
        "definition": {**_DATASET, "locations": [{"datastore": "workspacefilestore", "path": path}]},
        "name": "hostile",
    },
    ("POST /api/v1/workspaces/{workspace_id}/datasets", "files[].path"): lambda path: {
        "definition": {**_DATASET, "locations": [{"datastore": "workspacefilestore", "path": "none"}]},
        "files": [{"path": path, "size": 1}],  # an address would be right, and is not called
        "name": "hostile",
    },
}
SUBMITTING = "POST /api/v1/workspaces/{workspace_id}/runs"
_ON_STORE = {"name": "data", "mode": "mount", "datastore": "workspaceblobstore"}
DATA: dict[str, Body] = {
    "definition.inputs[].path": lambda path: {"inputs": [{**_ON_STORE, "path": path}]},
    "definition.outputs[].path": lambda path: {"outputs": [{**_ON_STORE, "path": path}]},
}
SAFE_ON_A_DATASTORE = {*SAFE_BECAUSE_IT_IS_A_NAME, "empty", "slash at the end"}
"""All of a datastore, and a folder."""
IMPORTING = "POST /api/v1/workspaces/{workspace_id}/imports"
_TIMES = {"created_at": 1, "updated_at": 1}
_MODEL = {"name": "hostile", "registration_id": "hostile"}
_VERSION = {"version": 1, "created_at": 1, "modified_at": 1}
IMPORTS: dict[str, Body] = {
    "logged_models[].files[].path": lambda path: {
        "logged_models": [
            {"model_id": "m-1", "experiment_name": "e", "name": "m", "files": [{**_FILE, "path": path}], **_TIMES}
        ]
    },
    "versions[].model.files[].path": lambda path: {
        "versions": [{"model": {**_MODEL, "files": [{**_FILE, "path": path}]}, **_VERSION}]
    },
    "versions[].model.artifact_path": lambda path: {
        "versions": [{"model": {**_MODEL, "run_id": "neighbour", "artifact_path": path}, **_VERSION}]
    },
}
ARTIFACTS = ("POST /api/v1/workspaces/{workspace_id}/writes", "artifacts[].path")


def files_beside_the_store(server: RunningServer) -> set[Path]:
    home = server.home
    stores = {home.blobs_folder, home.data_folder}  # what has an odd name, and no more, may be kept in either
    return {path for path in home.path.parent.rglob("*") if not stores & {path, *path.parents}}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kept", ["", "/%:"], ids=["all encoded", "as it is"])
def test_hostile_path_in_a_query_is_refused(
    platform: RunningServer, routes: list[Route], neighbour: Victim, name: str, kept: str
):
    before = files_beside_the_store(platform)
    tried = 0
    for route in routes:
        for parameter in {"path", "prefix"} & set(route.query):
            address = route.address(neighbour.ids, {parameter: quote(HOSTILE[name], safe=kept)})
            answer = platform.ask(route.method, address, b"planted" if route.method == "POST" else None)
            tried += 1
            is_name = parameter == "prefix" or name in SAFE_BECAUSE_IT_IS_A_NAME
            assert answer.status in ({200, 204, 400, 404, 409} if is_name else {400, 404}), (str(route), answer)
            assert BESIDE.encode() not in answer.body
            assert b"root:" not in answer.body
    assert tried >= 4
    assert files_beside_the_store(platform) == before


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_path_in_an_address_is_refused(
    platform: RunningServer, routes: list[Route], neighbour: Victim, name: str
):
    before = files_beside_the_store(platform)
    for route in routes:
        for parameter in route.names:
            for text in (quote(HOSTILE[name], safe=""), quote(HOSTILE[name], safe="/%:")):
                if text.rstrip("/"):
                    answer = platform.ask(route.method, route.address({**neighbour.ids, parameter: text}), b"{}")
                    assert answer.status in {400, 404, 405, 413}, (str(route), parameter, answer)
                    assert BESIDE.encode() not in answer.body
                    assert b"root:" not in answer.body
    assert files_beside_the_store(platform) == before


def test_every_field_that_names_a_file_is_tried(routes: list[Route]):
    found = {
        (str(route), field)
        for route in routes
        for field in route.fields()
        if (last := field.rpartition(".")[2]) in NAMED_LIKE_PATHS
        or (last.endswith("_path") and last not in PATHS_OF_COMPUTES)
    }
    imports, data = ((IMPORTING, field) for field in IMPORTS), ((SUBMITTING, field) for field in DATA)
    assert found == {*BODIES, ARTIFACTS, *imports, *data}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("place", BODIES, ids=lambda place: place[1])
def test_hostile_path_in_a_body_is_refused(
    platform: RunningServer, routes: list[Route], neighbour: Victim, place: tuple[str, str], name: str
):
    route = next(route for route in routes if str(route) == place[0])
    body = json.dumps(BODIES[place](HOSTILE[name])).encode()
    answer = platform.ask(route.method, route.address(neighbour.ids), body)
    assert answer.status in {400, 404}, answer


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("field", IMPORTS)
def test_hostile_path_of_an_import_is_refused(platform: RunningServer, neighbour: Victim, field: str, name: str):
    answer = platform.ask("POST", f"{neighbour.workspace}/imports", json.dumps(IMPORTS[field](HOSTILE[name])).encode())
    assert answer.status == 400 or [each["code"] for each in json.loads(answer.body)["refusals"]], answer


@pytest.mark.parametrize("name", [name for name in HOSTILE if name not in SAFE_ON_A_DATASTORE])
@pytest.mark.parametrize("field", DATA)
def test_hostile_path_of_a_runs_data_is_refused(platform: RunningServer, neighbour: Victim, field: str, name: str):
    definition = {"script": "train.py", **DATA[field](HOSTILE[name])}
    submission = {"run_id": "hostile", "experiment_name": "hostile", "definition": definition}
    answer = platform.ask("POST", f"{neighbour.workspace}/runs", json.dumps(submission).encode())
    assert answer.status == 400, answer
    assert "cannot be" in json.loads(answer.body)["message"]


@pytest.mark.parametrize("name", [name for name in HOSTILE if name not in SAFE_BECAUSE_IT_IS_A_NAME])
def test_hostile_path_of_an_artifact_is_refused(platform: RunningServer, neighbour: Victim, name: str):
    artifact = {"run_id": neighbour.run_id, "path": HOSTILE[name], "digest": "0" * 64, "size": 1, "time": 1}
    batch = {"writer": f"hostile {name}", "sequence": 1, "artifacts": [artifact]}
    refusals = platform.call("POST", f"{neighbour.workspace}/writes", batch)["refusals"]
    assert [each["code"] for each in refusals] == ["invalid_input"]


@pytest.mark.parametrize("run_id", ["..", "../x", "a/b", "a\0", "-x", "a" * 300, "", ".", "a b", "ü"])
def test_hostile_run_id_makes_no_folder(platform: RunningServer, neighbour: Victim, run_id: str):
    before = files_beside_the_store(platform)
    body = {"run_id": run_id, "experiment_name": "e", "definition": {"command": ["true"]}}
    assert platform.ask("POST", f"{neighbour.workspace}/runs", json.dumps(body).encode()).status == 400
    new = {"run_id": run_id, "experiment_name": "e", "time": 1}
    batch = {"writer": f"hostile {run_id!r}"[:90], "sequence": 1, "runs": [new]}
    refusals = platform.call("POST", f"{neighbour.workspace}/writes", batch)["refusals"]
    assert [each["code"] for each in refusals] == ["invalid_input"]
    assert files_beside_the_store(platform) == before
