"""Workspaces: finding them by their configuration, making, changing and deleting them."""

import json
from pathlib import Path

import pytest

from terrazul.core.errors import UserErrorException, WorkspaceException, WorkspaceNotFound
from terrazul.sdk.environment import Environment
from terrazul.sdk.experiment import Experiment
from terrazul.sdk.workspace import Workspace
from terrazul.testing.server import RunningServer

from .conftest import at_work


def write(file: Path, name: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {"subscription_id": "s", "resource_group": "g", "workspace_name": name}
    file.write_text(json.dumps(content))


def test_configuration_is_found_in_the_order_of_v1(person: Path, monkeypatch: pytest.MonkeyPatch):
    deep = person / "a/b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    found = []
    for file in (
        "project.json",
        "a/b/project.json",
        "a/b/config.json",
        "a/aml_config/config.json",
        ".azureml/config.json",
    ):
        write(person / file, "w" + str(len(found)) + "w")
        found.append(Workspace.from_config().name)
    assert found == ["w0w", "w1w", "w2w", "w3w", "w4w"]
    write(person / "other.json", "named")
    assert Workspace.from_config(str(person / "other.json")).name == "named"
    assert Workspace.from_config(str(person), _file_name="other.json").name == "named"


def test_scope_in_a_configuration_is_understood(person: Path):
    scope = "/subscriptions/s1/resourceGroups/g1/providers/Microsoft.MachineLearningServices/workspaces/scoped"
    (person / "config.json").write_text(json.dumps({"Scope": scope}))
    workspace = Workspace.from_config()
    assert (workspace.subscription_id, workspace.resource_group, workspace.name) == ("s1", "g1", "scoped")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"subscription_id": "x"}', "no json"])
def test_broken_configuration_is_told(person: Path, text: str):
    (person / "config.json").write_text(text)
    with pytest.raises(UserErrorException, match=r"config\.json cannot be used: it (is not of that form|has no) "):
        Workspace.from_config()


def test_missing_configuration_is_told(person: Path):
    with pytest.raises(UserErrorException, match="no workspace configuration file") as caught:
        Workspace.from_config(str(person))
    assert "write_config" in str(caught.value)


def test_written_configuration_is_found(workspace: Workspace, person: Path):
    workspace.write_config()
    assert json.loads((person / ".azureml/config.json").read_text())["workspace_name"] == "work"
    again = Workspace.from_config()
    assert again.workspace_id == workspace.workspace_id


def test_printed_attributes_are_texts(workspace: Workspace):
    for value in (
        workspace.name,
        workspace.resource_group,
        workspace.location,
        workspace.subscription_id,
        workspace.sku,
    ):
        assert isinstance(value, str)
        assert value
    assert workspace.get_details()["workspaceid"] == workspace.workspace_id
    assert "work" in repr(workspace)


def test_names_are_compared_without_case(workspace: Workspace):
    other = Workspace("SUBSCRIPTION", "Group", "WORK")
    assert other.workspace_id == workspace.workspace_id
    assert other.name == "work"


@pytest.mark.usefixtures("person")
def test_create_get_update_delete():
    made = Workspace.create("made", subscription_id="s", resource_group="g", tags={"a": "b"}, show_output=False)
    assert Workspace.get("made", subscription_id="s", resource_group="g").workspace_id == made.workspace_id
    assert [each.workspace_id for each in Workspace.list("s")["made"]] == [made.workspace_id]
    with pytest.raises(WorkspaceException, match="exists already"):
        Workspace.create("made", subscription_id="s", resource_group="g")
    assert Workspace.create("made", subscription_id="s", resource_group="g", exist_ok=True).tags == {"a": "b"}
    assert made.update(description="text", tags={})["description"] == "text"
    made.delete()
    with pytest.raises(WorkspaceNotFound, match="no workspace 'made'"):
        Workspace.get("made")


def test_shared_server_makes_no_workspace_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    server = RunningServer(tmp_path / "home", "--shared")
    server.start()
    try:
        at_work(server, tmp_path, monkeypatch)
        with pytest.raises(WorkspaceException, match="no workspace 'unknown'"):
            Workspace("s", "g", "unknown")
    finally:
        server.stop()


def test_collections_are_dictionaries_by_name(workspace: Workspace):
    Experiment(workspace, "in-collection")
    Environment("environment-in-collection").register(workspace)
    assert workspace.experiments["in-collection"].name == "in-collection"
    assert workspace.environments["environment-in-collection"].version == "1"
    assert workspace.models == {}
    assert workspace.datasets == {}


def test_environments_get_versions(workspace: Workspace):
    environment = Environment("versions")
    assert environment.register(workspace).version == "1"
    assert environment.register(workspace).version == "1"
    environment.python.conda_dependencies.add_pip_package("numpy")
    assert environment.register(workspace).version == "2"
    assert environment.version == "2"
    assert Environment.get(workspace, "versions").version == "2"
    first = Environment.get(workspace, "versions", version="1")
    assert list(first.python.conda_dependencies.pip_packages) == ["azureml-defaults"]
    assert Environment.list(workspace)["versions"].version == "2"
    with pytest.raises(UserErrorException, match="no version '9'"):
        Environment.get(workspace, "versions", "9")


def test_address_for_mlflow(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "kept")
    assert workspace.get_mlflow_tracking_uri().endswith(f"/api/v1/workspaces/{workspace.workspace_id}/mlflow")
