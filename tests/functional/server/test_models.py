"""The registry over HTTP: versions, lists, bytes that are checked, and what holds a model back from deletion."""

import http.client
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from terrazul.testing.server import Refused, RunningServer
from terrazul.testing.submission import wait_for

from .conftest import digest_of, file_of, run_of, send

CLIENTS = 200
WEIGHTS = b"weights"
MLMODEL = b"""
artifact_path: model
flavors:
  python_function: {loader_module: mlflow.sklearn, python_version: 3.10.4}
  sklearn: {sklearn_version: 1.3.0, pickled_model: model.pkl}
signature:
  inputs: '[{"name": "age", "type": "double"}]'
  outputs: '[{"type": "double"}]'
"""


@pytest.fixture
def workspace(shared_server: RunningServer, request: pytest.FixtureRequest) -> str:
    found = shared_server.workspace(f"w{digest_of(request.node.name.encode())[:20]}")
    send(shared_server, found, WEIGHTS)
    return found


def model_file(path: str = "model.pkl", data: bytes = WEIGHTS) -> dict[str, object]:
    file = file_of(path, data)
    del file["mode"]
    return file


def register(server: RunningServer, workspace: str, name: str = "diabetes", **more: Any) -> Any:
    body = {"name": name, "registration_id": os.urandom(8).hex(), "files": [model_file()], **more}
    return server.call("POST", f"{workspace}/models", body)


def test_two_hundred_clients_get_two_hundred_versions(shared_server: RunningServer, workspace: str):
    start = threading.Barrier(CLIENTS)

    def one(number: int) -> int:
        start.wait()
        body = {"name": "crowd", "registration_id": f"crowd-{number}", "files": [model_file()]}
        return int(shared_server.call("POST", f"{workspace}/models", body)["version"])

    with ThreadPoolExecutor(CLIENTS) as pool:
        versions = sorted(pool.map(one, range(CLIENTS)))
    assert versions == list(range(1, CLIENTS + 1))
    page = shared_server.call("GET", f"{workspace}/models?name=crowd&limit=150")
    rest = shared_server.call("GET", f"{workspace}/models?name=crowd&limit=150&page={page['next_page']}")
    listed = [model["version"] for model in page["models"] + rest["models"]]
    assert len(page["models"]) == 150
    assert rest["next_page"] is None
    assert sorted(listed) == versions


def test_registration_that_is_sent_again_counts_once(shared_server: RunningServer, workspace: str):
    start = threading.Barrier(16)
    body = {"name": "once", "registration_id": "the-same", "files": [model_file()], "tags": {"a": "b"}}

    def one(_: int) -> Any:
        start.wait()
        return shared_server.call("POST", f"{workspace}/models", body)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(one, range(16)))
    assert answers == [answers[0]] * 16
    assert [each["id"] for each in shared_server.call("GET", f"{workspace}/models?name=once")["models"]] == ["once:1"]
    with pytest.raises(Refused, match="made the model once:1") as refused:
        shared_server.call("POST", f"{workspace}/models", {**body, "name": "other"})
    assert refused.value.status == 409


def test_version_that_was_deleted_is_not_given_again(server: RunningServer):
    workspace = server.workspace()
    send(server, workspace, WEIGHTS)
    for _ in range(2):
        register(server, workspace)
    server.call("DELETE", f"{workspace}/models/diabetes:2")
    server.kill()
    server.start()
    assert server.call("GET", f"{workspace}/models/diabetes")["version"] == 1
    assert register(server, workspace)["version"] == 3
    for version in (1, 3):
        server.call("DELETE", f"{workspace}/models/diabetes:{version}")
    with pytest.raises(Refused, match="There is no model 'diabetes'"):
        server.call("GET", f"{workspace}/models/diabetes")
    send(server, workspace, WEIGHTS)  # they went with the last model that named them
    assert register(server, workspace)["id"] == "diabetes:4"


def test_files_of_a_run_are_named_and_nothing_is_copied(shared_server: RunningServer, workspace: str):
    run = run_of(shared_server, workspace, "origin")
    names = ["outputs/model/a.bin", "outputs/model/deep/b.bin", "outputs/model.pkl", "outputs/modelling.txt"]
    artifacts = [
        {"run_id": "origin", "path": name, "digest": digest_of(WEIGHTS), "size": len(WEIGHTS), "time": 1}
        for name in names
    ]
    shared_server.call("POST", f"{workspace}/writes", {"writer": "origin", "sequence": 2, "artifacts": artifacts})
    objects = sorted(shared_server.home.blobs_folder.rglob("*"))
    whole = register(shared_server, workspace, files=[], run_id="origin", artifact_path="outputs/model")
    assert [file["path"] for file in whole["files"]] == ["model/a.bin", "model/deep/b.bin"]
    assert (whole["run_id"], whole["experiment_name"], whole["file_count"]) == ("origin", "e", 2)
    single = register(shared_server, workspace, files=[], run_id="origin", artifact_path="outputs/model.pkl")
    assert [file["path"] for file in single["files"]] == ["model.pkl"]
    assert sorted(shared_server.home.blobs_folder.rglob("*")) == objects
    with pytest.raises(Refused) as refused:
        register(shared_server, workspace, files=[], run_id="origin", artifact_path="outputs/mode.pkl")
    assert refused.value.body["code"] == "no_such_model_path"
    assert "'outputs/model.pkl'" in refused.value.body["hint"]
    assert run.endswith("origin")


def test_what_a_model_was_made_with_and_who_uses_it(shared_server: RunningServer, workspace: str):
    parent = register(shared_server, workspace, "parent")
    run_of(shared_server, workspace, "teacher")
    datasets = [{"role": "training", "dataset_id": "d1"}, {"role": "test", "dataset_id": "d2"}]
    child = register(shared_server, workspace, "child", run_id="teacher", parent_id=parent["id"], datasets=datasets)
    edges = shared_server.call("GET", f"{workspace}/models/child/lineage")
    assert {(edge["used_type"], edge["used_id"], edge["role"]) for edge in edges} == {
        ("run", "teacher", "produced by"),
        ("model", "parent:1", "derived from"),
        ("dataset", "d1", "training"),
        ("dataset", "d2", "test"),
    }
    used = shared_server.call("GET", f"{workspace}/models/parent:1/lineage")
    assert [(edge["user_type"], edge["user_id"]) for edge in used] == [("model", "child:1")]
    assert shared_server.call("GET", f"{workspace}/models/parent:1")["derived_ids"] == ["child:1"]
    found = shared_server.call("GET", f"{workspace}/models?dataset_id=d2")["models"]
    assert [each["id"] for each in found] == [child["id"]]
    with pytest.raises(Refused, match=r"parent:1 is in use by model child:1") as refused:
        shared_server.call("DELETE", f"{workspace}/models/parent:1")
    assert (refused.value.status, refused.value.body["code"]) == (409, "model_in_use")
    shared_server.call("DELETE", f"{workspace}/models/child:1")
    shared_server.call("DELETE", f"{workspace}/models/parent:1")
    assert not shared_server.call("GET", f"{workspace}/models?dataset_id=d2")["models"]


def test_list_filters(shared_server: RunningServer, workspace: str):
    run_of(shared_server, workspace, "filtered")
    register(shared_server, workspace, "f1", tags={"stage": "test", "x": "1"}, framework="Onnx")
    register(shared_server, workspace, "f1", tags={"stage": "production"}, run_id="filtered")
    register(shared_server, workspace, "f2", tags={"stage": "test"}, properties={"build": "7"})

    def ids(query: str) -> list[str]:
        return [each["id"] for each in shared_server.call("GET", f"{workspace}/models?{query}")["models"]]

    assert ids("") == ["f2:1", "f1:2", "f1:1"]
    assert ids("latest=true") == ["f2:1", "f1:2"]
    assert ids("latest=true&tag=stage%3Dtest") == ["f2:1", "f1:1"]
    assert ids("tag=stage&tag=x") == ids("framework=Onnx") == ["f1:1"]
    assert ids("property=build%3D7") == ["f2:1"]
    assert ids("run_id=filtered") == ["f1:2"]
    assert ids("name=f") == []
    for wrong in ("limit=0", "limit=1001", "page=nonsense"):
        with pytest.raises(Refused) as refused:
            ids(wrong)
        assert refused.value.status == 400


def test_change_is_whole_or_not_at_all(shared_server: RunningServer, workspace: str):
    register(shared_server, workspace, tags={"a": "1", "b": "2"}, properties={"p": "q"})
    address = f"{workspace}/models/diabetes:1"
    with pytest.raises(Refused) as refused:
        shared_server.call("PATCH", address, {"set_tags": {"c": "3"}, "add_properties": {"n": "1", "p": "other"}})
    assert refused.value.body["code"] == "already_exists"
    kept = shared_server.call("GET", address)
    assert (kept["tags"], kept["properties"]) == ({"a": "1", "b": "2"}, {"p": "q"})
    change = {
        "set_tags": {"a": "9"},
        "remove_tags": ["b", "not there"],
        "add_properties": {"n": "1", "p": "q"},
        "description": "good",
        "resource_configuration": {"cpu": 0.5, "memory_in_gb": 1, "gpu": 0},
        "add_datasets": [{"role": "training", "dataset_id": "d"}] * 2,
    }
    changed = shared_server.call("PATCH", address, change)
    assert (changed["tags"], changed["properties"]) == ({"a": "9"}, {"n": "1", "p": "q"})
    assert (changed["description"], changed["datasets"]) == ("good", [{"role": "training", "dataset_id": "d"}])
    assert changed["resource_configuration"] == {"cpu": 0.5, "memory_in_gb": 1.0, "gpu": 0}
    assert shared_server.call("PATCH", address, {"replace_tags": {"only": ""}})["tags"] == {"only": ""}
    for vague in ("PATCH", "DELETE"):
        with pytest.raises(Refused, match="does not say which version"):
            shared_server.call(vague, f"{workspace}/models/diabetes", {})


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"name": "a/b"}, "model name"),
        ({"registration_id": "x" * 65}, "registration id"),
        ({"files": []}, "has no files"),
        ({"files": [model_file(data=b"never sent")]}, "have not arrived"),
        ({"files": [{**model_file(), "size": 6}]}, "have not arrived"),
        ({"files": [model_file("a.pkl"), model_file("b.pkl")]}, "one file or one folder"),
        ({"files": [model_file("m/a"), model_file("m/a")]}, "names a path twice"),
        ({"files": [model_file("m/a"), model_file("m/a/b")]}, "as a file and as a folder"),
        ({"artifact_path": "outputs"}, "both as files and as a file of a run"),
        ({"run_id": "nobody"}, "There is no run"),
        ({"parent_id": "nobody:1"}, "There is no model"),
        ({"datasets": [{"role": "", "dataset_id": "d"}]}, "needs a role and an id"),
        ({"resource_configuration": {"cpu": -1}}, "cannot ask for cpu"),
    ],
)
def test_wrong_registration_is_refused_and_takes_no_version(
    shared_server: RunningServer, workspace: str, wrong: dict[str, Any], told: str
):
    with pytest.raises(Refused, match=told):
        register(shared_server, workspace, **{"name": "strict", **wrong})
    assert register(shared_server, workspace, "strict")["version"] == 1


@pytest.fixture
def mlflow_files(shared_server: RunningServer, workspace: str) -> list[dict[str, object]]:
    send(shared_server, workspace, MLMODEL)
    return [model_file("model/MLmodel", MLMODEL), model_file("model/model.pkl")]


def test_model_of_mlflow_is_recognised(
    shared_server: RunningServer, workspace: str, mlflow_files: list[dict[str, object]]
):
    assert register(shared_server, workspace, files=mlflow_files)["mlflow"] == {
        "flavors": ["python_function", "sklearn"],
        "signature": {"inputs": '[{"name": "age", "type": "double"}]', "outputs": '[{"type": "double"}]'},
        "folder": "model",
    }
    assert register(shared_server, workspace)["mlflow"] is None
    nested = [model_file("model/deep/MLmodel", MLMODEL)]
    assert register(shared_server, workspace, files=nested)["mlflow"] is None


@pytest.mark.parametrize("broken", [b"flavors: [", b"[]", b"flavors: {}", b"!!python/object/apply:os.getcwd []"])
def test_broken_mlmodel_is_refused(shared_server: RunningServer, workspace: str, broken: bytes):
    send(shared_server, workspace, broken)
    with pytest.raises(Refused, match="model/MLmodel cannot be used"):
        register(shared_server, workspace, files=[model_file("model/MLmodel", broken)])


def test_damaged_bytes_are_not_handed_out(server: RunningServer):
    workspace = server.workspace()
    good, bad = b"good" * 1000, b"bad" * 1000
    for content in (good, bad):
        server.call("PUT", f"{workspace}/contents/{digest_of(content)}", content)
    register(server, workspace, files=[model_file("m/good", good), model_file("m/bad", bad)])
    stored = next(server.home.blobs_folder.rglob(digest_of(bad)))
    flip_a_byte(stored)
    address = f"{workspace}/models/diabetes:1/file?path=m/"
    assert server.call("GET", f"{address}good") == good
    for headers in ({}, {"Range": "bytes=0-2"}):
        answer = server.ask("GET", f"{address}bad", headers=headers)
        assert answer.status == 500
        assert b"'m/bad' of the model diabetes:1 are not those that were sent" in answer.body
    stored.unlink()
    assert server.ask("GET", f"{address}bad").status == 500
    assert server.call("GET", f"{address}good") == good


def flip_a_byte(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[1500] ^= 1
    file.write_bytes(data)


def test_part_of_a_file_can_be_asked_for(shared_server: RunningServer, workspace: str):
    register(shared_server, workspace)
    address = f"{workspace}/models/diabetes:1/file?path=model.pkl"
    answer = shared_server.ask("GET", address, headers={"Range": "bytes=2-4"})
    assert (answer.status, answer.body) == (http.client.PARTIAL_CONTENT, WEIGHTS[2:5])
    assert answer.headers["content-range"] == f"bytes 2-4/{len(WEIGHTS)}"
    with pytest.raises(Refused, match=r"has no file 'model\.pk'"):
        shared_server.call("GET", address[:-1])


def test_workspace_is_deleted_with_its_models(server: RunningServer):
    workspace = server.workspace()
    send(server, workspace, WEIGHTS)
    run_of(server, workspace)
    register(server, workspace, run_id="r", tags={"a": "b"}, properties={"c": "d"})
    register(server, workspace, parent_id="diabetes:1")
    server.call("DELETE", workspace)
    server.stop()
    engine = server.database.engine()
    with engine.connect() as connection:
        for table in ("registered_model", "model", "model_file", "model_tag", "model_property", "edge"):
            assert connection.execute(text(f"select count(*) from {table}")).scalar() == 0, table  # our names
    engine.dispose()
    server.start()


def test_killed_server_loses_no_version_and_gives_none_twice(server: RunningServer):
    workspace = server.workspace()
    send(server, workspace, WEIGHTS)
    answered: list[int] = []
    back = threading.Event()

    def one(number: int) -> int:
        body = {"name": "killed", "registration_id": f"k-{number}", "files": [model_file()]}
        while True:
            try:
                version = int(server.call("POST", f"{workspace}/models", body)["version"])
            except (OSError, http.client.HTTPException):
                back.wait()
                continue
            answered.append(version)
            return version

    with ThreadPoolExecutor(4) as pool:
        versions = pool.map(one, range(60))
        wait_for(lambda: len(answered) >= 10)
        server.kill()
        server.start()
        back.set()
        assert sorted(versions) == list(range(1, 61))
    listed = server.call("GET", f"{workspace}/models?name=killed")["models"]
    assert sorted(model["version"] for model in listed) == list(range(1, 61))
