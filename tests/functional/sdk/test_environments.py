"""Environments that are only named, against a real server."""

import sys
from pathlib import Path

import pytest

from terrazul import Environment, Experiment, RunConfiguration, ScriptRunConfig, Workspace
from terrazul.core.errors import NotFound, UserErrorException
from terrazul.sdk.environment import EnvironmentReference
from terrazul.testing.server import RunningServer


@pytest.fixture
def workspace(shared_server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    for name, value in shared_server.environment.items():
        monkeypatch.setenv(name, value)
    return Workspace("local", "tests", "environments")


def test_curated_environments_are_found_and_listed(workspace: Workspace):
    environment = Environment.get(workspace, name="AzureML-sklearn-1.0-ubuntu20.04-py38-cpu")
    assert "scikit-learn" in list(environment.python.conda_dependencies.pip_packages)
    assert environment.version
    assert "AzureML-Minimal" in Environment.list(workspace)
    clone = environment.clone("mine").register(workspace)
    assert (clone.name, clone.version) == ("mine", "1")
    with pytest.raises(NotFound, match="no curated environment"):
        Environment.get(workspace, "AzureML-Nope")


def test_environment_is_built_ahead_of_the_runs_that_need_it(workspace: Workspace, capsys: pytest.CaptureFixture[str]):
    """One without packages, which takes no index."""
    environment = Environment("ahead")
    environment.python.conda_dependencies.set_pip_requirements([])
    building = environment.build(workspace)
    assert building.wait_for_completion(show_output=True) is building
    assert building.status == "Succeeded"
    assert "Image Build Status: Succeeded" in capsys.readouterr().out
    assert "builds ahead with Python" in building.get_log()
    assert environment.build_local(workspace, useDocker=False) == ""
    environment.python.conda_dependencies.set_pip_requirements(["-r other.txt"])
    refused = environment.build(workspace).wait_for_completion(show_output=False)
    assert (refused.status, refused.get_log()) == ("Failed", "")
    with pytest.raises(UserErrorException, match="no keyword 'uesDocker'"):
        environment.build_local(workspace, uesDocker=False)


def test_run_finds_the_environment_that_its_configuration_names(workspace: Workspace, tmp_path: Path):
    (tmp_path / "train.py").write_text("print('hello')")
    environment = Environment("by-name")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = sys.executable
    environment.register(workspace)
    configuration = RunConfiguration()
    configuration.environment = EnvironmentReference("by-name", "1")  # type: ignore[assignment]  # as v1 code does
    config = ScriptRunConfig(str(tmp_path), "train.py", run_config=configuration)
    run = Experiment(workspace, "named").submit(config)
    assert run.get_environment().python.interpreter_path == sys.executable
    assert run.wait_for_completion()["status"] == "Completed"
    definition = run.get_details()["runDefinition"]
    assert definition["environment"]["name"] == "by-name"
    assert {"parallelTask", "amlCompute", "sourceDirectoryDataStore", "arguments"} <= set(definition)
    configuration.environment = EnvironmentReference("nope")  # type: ignore[assignment]  # as above
    with pytest.raises(NotFound, match="nope"):
        Experiment(workspace, "named").submit(config)
