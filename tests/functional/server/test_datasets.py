"""Datasets on the server: versions, what lay behind them, who may see them, and what is refused."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from terrazul.testing.server import Refused, RunningServer
from terrazul.wire import pack

pytestmark = pytest.mark.functional
TABLE = [{"operation": "delimited_files", "arguments": {}}]
FILES = [{"operation": "files", "arguments": {}}]


def _put(server: RunningServer, workspace: str, path: str, content: bytes) -> None:
    server.call("PUT", f"{workspace}/datastores/workspaceblobstore/file?path={path}", content)


def _definition(path: str, *steps: dict[str, Any], kind: str = "File") -> dict[str, Any]:
    first = TABLE if kind == "Tabular" else FILES
    return {
        "type": kind,
        "locations": [{"path": path, "datastore": "workspaceblobstore"}],
        "steps": [*first, *steps],
    }


def _save(server: RunningServer, workspace: str, path: str, **more: Any) -> dict[str, Any]:
    steps = more.pop("steps", [])
    answer: dict[str, Any] = server.call(
        "POST", f"{workspace}/datasets", {"definition": _definition(path, *steps), **more}
    )
    return answer


@pytest.mark.each_database
def test_a_name_gets_versions_and_keeps_them(shared_server: RunningServer):
    server, workspace = shared_server, shared_server.workspace("versions")
    _put(server, workspace, "a/1.csv", b"x\n1\n")
    saved = _save(server, workspace, "a")
    assert (saved["name"], saved["version"], saved["content"]) == ("", 0, None)
    first = _save(server, workspace, "a", name="set", description="d", tags={"k": "v"})
    assert first["id"] == saved["id"]
    assert (first["version"], first["latest_version"], first["tags"]) == (1, 1, {"k": "v"})
    assert (first["content"]["file_count"], first["content"]["size"]) == (1, 4)
    assert _save(server, workspace, "a")["id"] == first["id"]
    again = _save(server, workspace, "a", name="set", create_new_version=True, tags={"l": "w"})
    assert (again["id"], again["version"], again["tags"]) == (first["id"], 1, {"k": "v", "l": "w"})
    with pytest.raises(Refused, match="another definition") as refused:
        _save(server, workspace, "a/1.csv", name="set")
    assert refused.value.status == 409
    second = _save(server, workspace, "a/1.csv", name="set", create_new_version=True)
    assert (second["version"], second["id"] != first["id"]) == (2, True)
    _put(server, workspace, "a/2.csv", b"x\n2\n")
    third = _save(server, workspace, "a", name="set", create_new_version=True)
    assert (third["version"], third["content"]["file_count"]) == (3, 2)
    assert len({first["id"], second["id"], third["id"]}) == 3
    by_name = f"{workspace}/datasets/by-name/set"
    assert server.call("GET", by_name)["id"] == third["id"]
    assert server.call("GET", f"{by_name}?version=1")["id"] == first["id"]
    assert [each["version"] for each in server.call("GET", f"{by_name}/versions")] == [3, 2, 1]
    assert [each["version"] for each in server.call("GET", f"{workspace}/datasets")["datasets"]] == [3]
    server.call("DELETE", f"{by_name}?version=3")
    assert server.call("GET", by_name)["id"] == second["id"]
    fourth = _save(server, workspace, "a", name="set", create_new_version=True)
    assert fourth["version"] == 4
    server.call("DELETE", by_name)
    with pytest.raises(Refused, match="no dataset 'set'"):
        server.call("GET", by_name)
    assert _save(server, workspace, "a", name="set")["version"] == 5


@pytest.mark.each_database
def test_what_lay_behind_a_version_is_compared_with_now(shared_server: RunningServer):
    server, workspace = shared_server, shared_server.workspace("content")
    for name in ("same", "changed", "removed"):
        _put(server, workspace, f"d/{name}.csv", name.encode())
    dataset = _save(server, workspace, "d/*.csv", name="set")
    address = f"{workspace}/datasets/{dataset['id']}"
    assert server.call("GET", f"{address}/comparison")["is_unchanged"]
    _put(server, workspace, "d/changed.csv", b"CHANGED")
    _put(server, workspace, "d/added.csv", b"new")
    _put(server, workspace, "d/other.txt", b"not meant")
    server.call("DELETE", f"{workspace}/datastores/workspaceblobstore/file?path=d/removed.csv")
    found = server.call("GET", f"{address}/comparison")
    assert (found["is_unchanged"], found["added"], found["removed"], found["changed"]) == (False, 1, 1, 1)
    assert found["examples"] == ["removed d/removed.csv", "added d/added.csv", "changed d/changed.csv"]
    assert found["now"]["digest"] != dataset["content"]["digest"]
    files = server.call("GET", f"{address}/files")["files"]
    assert [(file["path"], file["size"]) for file in files] == [
        ("d/changed.csv", 7), ("d/removed.csv", 7), ("d/same.csv", 4)
    ]  # fmt: skip
    assert files[0]["datastore"] == "workspaceblobstore"
    for name in ("same", "changed", "added"):
        server.call("DELETE", f"{workspace}/datastores/workspaceblobstore/file?path=d/{name}.csv")
    assert server.call("GET", f"{address}/comparison")["removed"] == 3


def test_dataset_without_content_says_so(shared_server: RunningServer):
    workspace = shared_server.workspace("no-content")
    dataset = _save(shared_server, workspace, "not/there", name="blind", skip_validation=True)
    assert dataset["content"] is None
    for what in ("files", "comparison"):
        with pytest.raises(Refused, match="Nobody has looked") as refused:
            shared_server.call("GET", f"{workspace}/datasets/{dataset['id']}/{what}")
        assert refused.value.status == 404


def test_description_tags_and_state_are_changed(shared_server: RunningServer):
    server, workspace = shared_server, shared_server.workspace("changes")
    _put(server, workspace, "a.csv", b"1")
    dataset = _save(server, workspace, "a.csv", name="set", tags={"a": "1", "b": "2"})
    other = _save(server, workspace, "a.csv", name="other", steps=[{"operation": "take", "arguments": {"count": 1}}])
    address = f"{workspace}/datasets/{dataset['id']}"
    changed = server.call("PATCH", address, {"set_tags": {"c": "3"}, "remove_tags": ["a"], "description": "new"})
    assert (changed["tags"], changed["description"]) == ({"b": "2", "c": "3"}, "new")
    assert server.call("PATCH", address, {"replace_tags": {"z": ""}})["tags"] == {"z": ""}
    deprecated = server.call("PATCH", address, {"state": "deprecated", "deprecated_by": other["id"]})
    assert (deprecated["state"], deprecated["deprecated_by"]) == ("deprecated", other["id"])
    assert server.call("PATCH", address, {"state": "archived"})["deprecated_by"] == ""
    listed = server.call("GET", f"{workspace}/datasets")["datasets"]
    assert [each["name"] for each in listed] == ["other"]
    listed = server.call("GET", f"{workspace}/datasets?archived=true")["datasets"]
    assert {each["name"] for each in listed} == {"other", "set"}
    for body, message in (
        ({"state": "sleeping"}, "is no state"),
        ({"deprecated_by": other["id"]}, "Only a deprecated dataset"),
        ({"state": "deprecated", "deprecated_by": dataset["id"]}, "its own place"),
        ({"state": "deprecated", "deprecated_by": "nobody"}, "no dataset of the id"),
        ({"set_tags": {"": "x"}}, "without a key"),
    ):
        with pytest.raises(Refused, match=message):
            server.call("PATCH", address, body)
    assert server.call("GET", address)["state"] == "archived"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"definition": _definition("none/*.csv"), "name": "x"}, 400, "There is no file 'none/"),
        ({"definition": _definition("../a"), "name": "x"}, 400, "leads out"),
        ({"definition": {**_definition("a"), "type": "Graph"}}, 400, "no type of dataset"),
        ({"definition": {**_definition("a"), "steps": []}}, 400, "does not say how"),
        ({"definition": _definition("a", {"operation": "run", "arguments": {}})}, 400, "no step 'run'"),
        ({"definition": {**_definition("a"), "locations": [{"path": "/etc/passwd"}]}}, 400, "one machine"),
        ({"definition": {**_definition("a"), "locations": [{"path": "a", "datastore": "none"}]}}, 404, "none"),
        ({"definition": _definition("a"), "name": "a/b"}, 400, "not valid"),
        ({"definition": _definition("a"), "name": " "}, 400, "not valid"),
        ({"definition": _definition("a"), "name": "x" * 300}, 400, "not valid"),
        ({"definition": _definition("a"), "name": "a\nb"}, 400, "not valid"),
        ({"definition": _definition("a"), "files": [{"path": "file:///etc/passwd", "size": 1}]}, 400, "no web address"),
    ],
)
def test_dataset_that_cannot_be_is_refused_and_nothing_is_kept(
    shared_server: RunningServer, body: dict[str, Any], status: int, message: str
):
    workspace = shared_server.workspace("refusals")
    with pytest.raises(Refused, match=message) as refused:
        shared_server.call("POST", f"{workspace}/datasets", body)
    assert refused.value.status == status
    assert shared_server.call("GET", f"{workspace}/datasets?archived=true")["datasets"] == []


@pytest.mark.each_database
def test_many_who_register_at_once_get_versions_without_a_gap(shared_server: RunningServer):
    server, workspace = shared_server, shared_server.workspace("at-once")
    _put(server, workspace, "a.csv", b"1")

    def register(number: int) -> int:
        steps = [{"operation": "take", "arguments": {"count": number}}]
        return int(_save(server, workspace, "a.csv", name="set", create_new_version=True, steps=steps)["version"])

    with ThreadPoolExecutor(16) as pool:
        assert sorted(pool.map(register, range(40))) == list(range(1, 41))
    with ThreadPoolExecutor(16) as pool:
        same = pool.map(lambda _: _save(server, workspace, "a.csv", name="one", create_new_version=True), range(16))
        assert {(each["id"], each["version"]) for each in same} == {
            (server.call("GET", f"{workspace}/datasets/by-name/one")["id"], 1)
        }


def test_list_has_pages(shared_server: RunningServer):
    server, workspace = shared_server, shared_server.workspace("pages")
    _put(server, workspace, "a.csv", b"1")
    for number in range(5):
        steps = [{"operation": "take", "arguments": {"count": number}}]
        _save(server, workspace, "a.csv", name=f"n{number}", steps=steps)
    names, page = [], ""
    while page is not None:
        answer = server.call("GET", f"{workspace}/datasets?limit=2" + (f"&page={page}" if page else ""))
        names += [each["name"] for each in answer["datasets"]]
        page = answer["next_page"]
    assert names == ["n4", "n3", "n2", "n1", "n0"]
    with pytest.raises(Refused, match="1 to 1000"):
        server.call("GET", f"{workspace}/datasets?limit=0")


def test_what_a_model_names_stays_when_it_is_unregistered(shared_server: RunningServer):
    server, workspace = shared_server, shared_server.workspace("named")
    _put(server, workspace, "a.csv", b"1")
    dataset = _save(server, workspace, "a.csv", name="used")
    digest = server.call("GET", f"{workspace}/datasets/{dataset['id']}/files")["files"]
    content = b"model"
    held = sha256(content).hexdigest()
    server.call("POST", f"{workspace}/contents", pack.encode_header(held, len(content)) + content)
    model = {
        "name": "m",
        "registration_id": "m",
        "files": [{"path": "m", "digest": held, "size": len(content)}],
        "datasets": [{"role": "training", "dataset_id": dataset["id"]}],
    }
    server.call("POST", f"{workspace}/models", model)
    server.call("DELETE", f"{workspace}/datasets/by-name/used")
    kept = server.call("GET", f"{workspace}/datasets/{dataset['id']}")
    assert (kept["name"], kept["version"]) == ("", 0)
    assert server.call("GET", f"{workspace}/datasets/{dataset['id']}/files")["files"] == digest
    assert server.call("GET", f"{workspace}/datasets")["datasets"] == []


def test_datastore_that_a_dataset_uses_is_not_unregistered(shared_server: RunningServer, tmp_path: Path):
    server, workspace = shared_server, shared_server.workspace("stores")
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.csv").write_text("1")
    store = {"name": "Local", "kind": "LocalFolder", "settings": {"path": str(folder)}}
    server.call("POST", f"{workspace}/datastores", store)
    definition = {**_definition("a.csv"), "locations": [{"path": "a.csv", "datastore": "local"}]}
    server.call("POST", f"{workspace}/datasets", {"definition": definition, "name": "on-it"})
    with pytest.raises(Refused, match="is used by the dataset"):
        server.call("DELETE", f"{workspace}/datastores/Local")
    server.call("DELETE", f"{workspace}/datasets/by-name/on-it")
    server.call("DELETE", f"{workspace}/datastores/Local")
