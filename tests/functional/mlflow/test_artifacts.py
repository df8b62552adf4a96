"""Files and logged models through MLflow's protocol."""

import hashlib
import json

import psutil
import pytest

from terrazul.testing.server import Answer

from .conftest import Protocol

pytestmark = pytest.mark.each_database

PROXY = "/api/2.0/mlflow-artifacts/artifacts"


def put(protocol: Protocol, path: str, data: bytes) -> Answer:
    return protocol.server.ask("PUT", f"{protocol.root}{PROXY}/{path}", data, headers={"Content-Type": "text/plain"})


def fetch(protocol: Protocol, path: str, **headers: str) -> Answer:
    return protocol.server.ask("GET", f"{protocol.root}{PROXY}/{path}", headers=headers)


def listed(protocol: Protocol, path: str) -> list[dict[str, object]]:
    answer = protocol.server.ask("GET", f"{protocol.root}{PROXY}?path={path}")
    assert answer.status == 200, answer
    found: list[dict[str, object]] = json.loads(answer.body)["files"]
    return found


def test_files_that_mlflow_sends_are_the_runs_artifacts(protocol: Protocol):
    run_id = protocol.start()
    root = f"0/{run_id}/artifacts"
    for path, data in (
        ("a.txt", b"one"),
        ("model/MLmodel", b"x" * 1000),
        ("model/data/w%20b.bin", b""),
        ("a.txt", b"two"),
    ):
        assert put(protocol, f"{root}/{path}", data).status == 200
    artifacts = protocol.server.call("GET", f"{protocol.workspace}/runs/{run_id}/artifacts")
    assert {each["path"]: each["size"] for each in artifacts} == {
        "a.txt": 3,
        "model/MLmodel": 1000,
        "model/data/w b.bin": 0,
    }
    assert protocol.server.call("GET", f"{protocol.workspace}/runs/{run_id}/artifact?path=a.txt") == b"two"
    assert listed(protocol, root) == [
        {"path": "a.txt", "is_dir": False, "file_size": 3},
        {"path": "model", "is_dir": True},
    ]
    assert [each["path"] for each in listed(protocol, f"{root}/model")] == ["MLmodel", "data"]
    assert listed(protocol, f"{root}/a.txt") == []
    found = protocol.get("artifacts/list", run_id=run_id, path="model")
    assert found["root_uri"] == f"mlflow-artifacts:/{root}"
    assert [each["path"] for each in found["files"]] == ["model/MLmodel", "model/data"]
    plain = protocol.server.ask("GET", f"{protocol.root}/get-artifact?run_id={run_id}&path=a.txt")
    assert (plain.body, plain.headers["content-security-policy"]) == (b"two", "sandbox")


def test_part_of_a_file_is_given_on_request(protocol: Protocol):
    root = f"0/{protocol.start()}/artifacts"
    put(protocol, f"{root}/file", b"0123456789")
    answer = fetch(protocol, f"{root}/file", Range="bytes=2-4")
    assert (answer.status, answer.body) == (206, b"234")


def test_missing_files_and_other_places_are_told(protocol: Protocol):
    root = f"0/{protocol.start()}/artifacts"
    assert fetch(protocol, f"{root}/none").status == 404
    assert listed(protocol, f"{root}/none") == []
    for path in ("x", f"0/{'0' * 32}/artifacts/x", "0/models/m-1/artifacts/x"):
        assert put(protocol, path, b"x").status in {400, 404}, path
    for path in (f"{root}/../../other", f"{root}/%2e%2e/x", f"{root}/", f"{root}/a%00b"):
        assert put(protocol, path, b"x").status in {400, 404}, path


def test_files_and_folders_are_deleted(protocol: Protocol):
    root = f"0/{protocol.start()}/artifacts"
    for path in ("a/1", "a/2", "ab"):
        put(protocol, f"{root}/{path}", b"x")
    assert protocol.server.ask("DELETE", f"{protocol.root}{PROXY}/{root}/a").status == 200
    assert [each["path"] for each in listed(protocol, root)] == ["ab"]
    assert protocol.server.ask("DELETE", f"{protocol.root}{PROXY}/{root}/a").status == 404


def test_large_file_goes_through_in_constant_memory(protocol: Protocol):
    data = bytes(range(256)) * (1 << 20)
    root = f"0/{protocol.start()}/artifacts"
    process = psutil.Process(protocol.server.pid)
    before = process.memory_info().rss
    assert put(protocol, f"{root}/large", data).status == 200
    answer = fetch(protocol, f"{root}/large")
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(data).digest()
    assert process.memory_info().rss - before < 100 << 20


PARTED = "/api/2.0/mlflow-artifacts/mpu"


def parted(protocol: Protocol, what: str, folder: str, **message: object) -> Answer:
    address = f"{protocol.root}{PARTED}/{what}/{folder}"
    return protocol.server.ask("POST", address, json.dumps(message).encode())


def test_file_in_parts_is_the_runs_artifact(protocol: Protocol):
    run_id = protocol.start()
    folder = f"0/{run_id}/artifacts/model"
    begun = json.loads(parted(protocol, "create", folder, path="weights", num_parts=3).body)
    sent = []
    for credential, data in zip(begun["credentials"], (b"a" * 1000, b"b" * 1000, b"c"), strict=True):
        assert credential["url"].startswith(protocol.server.url)
        path = credential["url"].removeprefix(protocol.server.url)
        answer = protocol.server.ask("PUT", path, data, token="", headers=credential["headers"])
        assert answer.status == 200, answer
        sent.append({"part_number": credential["part_number"], "etag": answer.headers["etag"]})
    assert listed(protocol, f"0/{run_id}/artifacts") == []
    whole = {"path": "weights", "upload_id": begun["upload_id"], "parts": sent[::-1]}
    for _ in range(2):
        assert parted(protocol, "complete", folder, **whole).status == 200
    assert fetch(protocol, f"{folder}/weights").body == b"a" * 1000 + b"b" * 1000 + b"c"
    artifacts = protocol.server.call("GET", f"{protocol.workspace}/runs/{run_id}/artifacts")
    assert [(each["path"], each["size"]) for each in artifacts] == [("model/weights", 2001)]


@pytest.mark.parametrize("path", ["/home/me/weights", "out/weights", "C:\\me\\weights", "./weights"])
def test_file_in_parts_is_named_by_the_last_part_of_where_the_client_has_it(protocol: Protocol, path: str):
    run_id = protocol.start()
    folder = f"0/{run_id}/artifacts/model"
    begun = json.loads(parted(protocol, "create", folder, path=path, num_parts=1).body)
    (credential,) = begun["credentials"]
    address = credential["url"].removeprefix(protocol.server.url)
    etag = protocol.server.ask("PUT", address, b"x", token="", headers=credential["headers"]).headers["etag"]
    whole = {"path": path, "upload_id": begun["upload_id"], "parts": [{"part_number": 1, "etag": etag}]}
    assert parted(protocol, "complete", folder, **whole).status == 200
    assert fetch(protocol, f"{folder}/weights").body == b"x"


def test_mistakes_with_parts_are_told_and_leave_nothing(protocol: Protocol):
    run_id = protocol.start()
    root = f"0/{run_id}/artifacts"
    for folder, message, status in (
        (root, {"path": "../x", "num_parts": 1}, 400),
        (root, {"path": "/home/../x", "num_parts": 1}, 400),
        (root, {"path": "x/", "num_parts": 1}, 400),
        (root, {"path": "/", "num_parts": 1}, 400),
        (root, {"path": "x", "num_parts": 0}, 400),
        (root, {"path": "x", "num_parts": 10_001}, 400),
        (root, {"num_parts": 1}, 400),
        ("0/none/artifacts", {"path": "x", "num_parts": 1}, 404),
        ("registry/net/1", {"path": "x", "num_parts": 1}, 400),
    ):
        assert parted(protocol, "create", folder, **message).status == status, (folder, message)
    missing = [{"part_number": 1, "etag": "0" * 64}]
    for parts, status in ((missing, 404), ([], 400), ([{"part_number": 1, "etag": "x"}], 400)):
        assert parted(protocol, "complete", root, path="x", upload_id="u", parts=parts).status == status
    assert parted(protocol, "abort", root, path="x", upload_id="u").status == 200
    assert listed(protocol, root) == []


def test_logged_model_is_made_filled_and_found(protocol: Protocol):
    run_id = protocol.start()
    model = protocol.post(
        "logged-models", experiment_id="0", name="net", model_type="m", source_run_id=run_id,
        params=[{"key": "depth", "value": "3"}], tags=[{"key": "t", "value": "1"}],
    )["model"]  # fmt: skip
    model_id, uri = model["info"]["model_id"], model["info"]["artifact_uri"]
    assert (model["info"]["status"], model["info"]["source_run_id"]) == ("LOGGED_MODEL_PENDING", run_id)
    assert uri == f"mlflow-artifacts:/0/models/{model_id}/artifacts"
    place = uri.partition(":/")[2]
    assert put(protocol, f"{place}/MLmodel", b"flavors: {}").status == 200
    assert [each["path"] for each in listed(protocol, place)] == ["MLmodel"]
    assert fetch(protocol, f"{place}/MLmodel").body == b"flavors: {}"
    found = protocol.get(f"logged-models/{model_id}/artifacts/directories")
    assert found["files"] == [{"path": "MLmodel", "is_dir": False, "file_size": 11}]
    path = f"{protocol.root}/api/2.0/mlflow/logged-models/{model_id}"
    done = protocol.server.call("PATCH", path, {"model_id": model_id, "status": "LOGGED_MODEL_READY"})["model"]
    assert done["info"]["status"] == "LOGGED_MODEL_READY"
    protocol.server.call("PATCH", f"{path}/tags", {"tags": [{"key": "u", "value": "2"}]})
    protocol.post(f"logged-models/{model_id}/params", params=[{"key": "width", "value": "8"}])
    protocol.server.call("DELETE", f"{path}/tags/t")
    metric = {"run_id": run_id, "key": "acc", "timestamp": 5, "model_id": model_id}
    for value, step in ((0.5, 0), (0.9, 2), (0.7, 1)):
        protocol.post("runs/log-metric", **metric, value=value, step=step, dataset_name="d", dataset_digest="1")
    whole = protocol.get(f"logged-models/{model_id}")["model"]
    assert whole["info"]["tags"] == [{"key": "u", "value": "2"}]
    assert {each["key"] for each in whole["data"]["params"]} == {"depth", "width"}
    (shown,) = whole["data"]["metrics"]
    assert (shown["value"], shown["step"], shown["run_id"], shown["dataset_name"]) == (0.9, 2, run_id, "d")
    other = protocol.post("logged-models", experiment_id="0", name="other")["model"]["info"]["model_id"]
    for text, expected in (
        (f"source_run_id = '{run_id}'", [model_id]),
        ("name = 'other'", [other]),
        ("metrics.acc > 0.8", [model_id]),
        ("params.depth = '3' AND tags.u = '2'", [model_id]),
        ("", [other, model_id]),
    ):
        asked = {"experiment_ids": ["0"], "filter": text}
        models = protocol.post("logged-models/search", **asked)["models"]
        assert [each["info"]["model_id"] for each in models] == expected, text
    asked = {"experiment_ids": ["0"], "order_by": [{"field_name": "metrics.acc", "ascending": False}], "max_results": 1}
    page = protocol.post("logged-models/search", **asked)
    rest = protocol.post("logged-models/search", **asked, page_token=page["next_page_token"])
    assert [each["info"]["model_id"] for each in page["models"] + rest["models"]] == [model_id, other]
    protocol.server.call("DELETE", path)
    assert protocol.server.ask("GET", path).status == 404


@pytest.mark.parametrize("name", ["a/b", "a.b", "x" * 501])
def test_name_that_no_model_can_have_is_refused(protocol: Protocol, name: str):
    assert protocol.refused("logged-models", experiment_id="0", name=name)[1] == "INVALID_PARAMETER_VALUE"
