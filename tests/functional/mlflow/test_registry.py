"""The registry through MLflow's protocol, and through the other face: it is one."""

import json

import pytest

from .conftest import API, Protocol

pytestmark = pytest.mark.each_database

PROXY = "/api/2.0/mlflow-artifacts/artifacts"


def made(protocol: Protocol, name: str = "net") -> str:
    """A registered model with one version, which is a folder of a run; returns the run."""
    run_id = protocol.start()
    for path in ("model/MLmodel", "model/data/weights"):
        address = f"{protocol.root}{PROXY}/0/{run_id}/artifacts/{path}"
        assert protocol.server.ask("PUT", address, b"flavors:\n  sklearn: {}\n").status == 200
    if protocol.server.ask("GET", f"{protocol.root}{API}registered-models/get?name={name}").status == 404:
        protocol.post("registered-models/create", name=name, description="why", tags=[{"key": "a", "value": "1"}])
    source = f"mlflow-artifacts:/0/{run_id}/artifacts/model"
    protocol.post("model-versions/create", name=name, source=source, run_id=run_id)
    return run_id


def test_version_of_a_runs_folder_is_a_model_of_both_faces(protocol: Protocol):
    run_id = made(protocol)
    version = protocol.get("model-versions/get", name="net", version="1")["model_version"]
    assert (version["version"], version["run_id"], version["status"]) == ("1", run_id, "READY")
    assert version["source"] == f"mlflow-artifacts:/0/{run_id}/artifacts/model"
    model = protocol.server.call("GET", f"{protocol.workspace}/models/net:1")
    assert [file["path"] for file in model["files"]] == ["model/MLmodel", "model/data/weights"]
    uri = protocol.get("model-versions/get-download-uri", name="net", version="1")["artifact_uri"]
    place = uri.partition(":/")[2]
    fetched = protocol.server.ask("GET", f"{protocol.root}{PROXY}/{place}/MLmodel")
    assert fetched.body == b"flavors:\n  sklearn: {}\n"
    name = protocol.get("registered-models/get", name="net")["registered_model"]
    assert (name["description"], name["tags"]) == ("why", [{"key": "a", "value": "1"}])
    assert [each["version"] for each in name["latest_versions"]] == ["1"]
    made(protocol)
    assert protocol.get("model-versions/get", name="net", version="2")["model_version"]["version"] == "2"


def test_question_may_stand_in_the_body_as_some_clients_write_it(protocol: Protocol):
    protocol.post("registered-models/create", name="asked")
    address = f"{protocol.root}{API}registered-models/get"
    asked = protocol.server.ask("GET", address, b'{"name": "asked"}')
    assert (asked.status, json.loads(asked.body)["registered_model"]["name"]) == (200, "asked")
    both = protocol.server.ask("GET", f"{address}?name=none", b'{"name": "asked"}')
    assert both.status == 404  # where there is a query, it counts


def test_taken_and_missing_names_are_told(protocol: Protocol):
    protocol.post("registered-models/create", name="net")
    assert protocol.refused("registered-models/create", name="net")[:2] == (400, "RESOURCE_ALREADY_EXISTS")
    assert protocol.refused("registered-models/create", name="a/b")[:2] == (400, "INVALID_PARAMETER_VALUE")
    assert protocol.refused("model-versions/create", name="none", source="x")[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    for source in ("/etc", "s3://bucket/x", "mlflow-artifacts:/0/none/artifacts/x", "mlflow-artifacts:/../x"):
        assert protocol.refused("model-versions/create", name="net", source=source)[0] in {400, 404}


def test_aliases_and_stages_lead_to_versions(protocol: Protocol):
    for _ in range(2):
        made(protocol)
    protocol.post("registered-models/alias", name="net", alias="champion", version="1")
    protocol.post("registered-models/alias", name="net", alias="champion", version="2")
    found = protocol.get("registered-models/alias", name="net", alias="champion")["model_version"]
    assert (found["version"], found["aliases"]) == ("2", ["champion"])
    for alias in ("latest", "v3", "a b", ""):
        assert protocol.refused("registered-models/alias", name="net", alias=alias, version="1")[0] == 400
    protocol.server.call("DELETE", f"{protocol.root}{API}registered-models/alias?name=net&alias=champion")
    missing = protocol.server.ask("GET", f"{protocol.root}{API}registered-models/alias?name=net&alias=champion")
    assert missing.status == 400
    for version in ("1", "2"):
        protocol.post(
            "model-versions/transition-stage", name="net", version=version, stage="production",
            archive_existing_versions=True,
        )  # fmt: skip
    latest = protocol.post("registered-models/get-latest-versions", name="net")["model_versions"]
    assert {each["current_stage"]: each["version"] for each in latest} == {"Production": "2", "Archived": "1"}
    only = protocol.post("registered-models/get-latest-versions", name="net", stages=["Production"])["model_versions"]
    assert [each["version"] for each in only] == ["2"]


def test_alias_goes_with_a_version_that_the_other_face_deletes(protocol: Protocol):
    made(protocol)
    protocol.post("registered-models/alias", name="net", alias="champion", version="1")
    protocol.server.call("DELETE", f"{protocol.workspace}/models/net:1")
    assert protocol.get("registered-models/get", name="net")["registered_model"].get("aliases", []) == []


def test_versions_and_names_are_searched_changed_and_deleted(protocol: Protocol):
    run_id = made(protocol)
    made(protocol)
    made(protocol, "other")
    protocol.post("model-versions/set-tag", name="net", version="1", key="t", value="x")
    for text, expected in (
        ("name = 'net'", ["1", "2"]),
        (f"run_id = '{run_id}'", ["1"]),
        ("name = 'net' AND version_number > 1", ["2"]),
        ("tags.t = 'x'", ["1"]),
    ):
        found = protocol.get("model-versions/search", filter=text)["model_versions"]
        assert sorted(each["version"] for each in found) == expected, text
    of_client = "name LIKE 'n%' AND tag.`mlflow.prompt.is_prompt` != 'true'"
    names = protocol.get("registered-models/search", filter=of_client)["registered_models"]
    assert [each["name"] for each in names] == ["net"]
    first = protocol.get("registered-models/search", max_results=1)
    rest = protocol.get("registered-models/search", max_results=1, page_token=first["next_page_token"])
    assert [each["name"] for each in first["registered_models"] + rest["registered_models"]] == ["net", "other"]
    protocol.post("registered-models/rename", name="net", new_name="renamed")
    root = f"{protocol.root}{API}"
    protocol.server.call("PATCH", f"{root}registered-models/update", {"name": "renamed", "description": "new"})
    change = {"name": "renamed", "version": "1", "description": "d"}
    protocol.server.call("PATCH", f"{root}model-versions/update", change)
    assert protocol.get("registered-models/get", name="renamed")["registered_model"]["description"] == "new"
    assert protocol.server.call("GET", f"{protocol.workspace}/models/renamed:1")["description"] == "d"
    protocol.server.call("DELETE", f"{root}model-versions/delete", {"name": "renamed", "version": "1"})
    assert protocol.server.ask("GET", f"{root}model-versions/get?name=renamed&version=1").status == 404
    protocol.server.call("DELETE", f"{root}registered-models/delete", {"name": "renamed"})
    assert protocol.server.ask("GET", f"{root}registered-models/get?name=renamed").status == 404
    left = protocol.server.call("GET", f"{protocol.workspace}/models")["models"]
    assert [each["name"] for each in left] == ["other"]


@pytest.mark.parametrize("path", ["registered-models/get", "model-versions/get-download-uri"])
def test_what_is_not_there_does_not_exist(protocol: Protocol, path: str):
    answer = protocol.server.ask("GET", f"{protocol.root}{API}{path}?name=none&version=1")
    assert answer.status == 404
    assert b"RESOURCE_DOES_NOT_EXIST" in answer.body


def test_model_of_the_other_face_is_seen_by_mlflow(protocol: Protocol):
    run_id = protocol.start()
    protocol.server.ask("PUT", f"{protocol.root}{PROXY}/0/{run_id}/artifacts/one.bin", b"x")
    new = {"name": "plain", "registration_id": "r1", "run_id": run_id, "artifact_path": "one.bin", "tags": {"k": "v"}}
    protocol.server.call("POST", f"{protocol.workspace}/models", new)
    (found,) = protocol.get("model-versions/search", filter="name = 'plain'")["model_versions"]
    assert (found["version"], found["tags"], found["run_id"]) == ("1", [{"key": "k", "value": "v"}], run_id)
    place = found["source"].partition(":/")[2]
    assert protocol.server.ask("GET", f"{protocol.root}{PROXY}/{place}/one.bin").body == b"x"
