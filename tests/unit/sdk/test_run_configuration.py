"""Run configurations as objects and as v1's files."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from terrazul.core.errors import RunConfigurationException, UserErrorException
from terrazul.sdk.conda_dependencies import CondaDependencies
from terrazul.sdk.environment import EnvironmentReference
from terrazul.sdk.run_configuration import (
    Data,
    DataLocation,
    DataReferenceConfiguration,
    Dataset,
    MpiConfiguration,
    OutputData,
    OutputOptions,
    PyTorchConfiguration,
    RunConfiguration,
    UploadOptions,
)

DEFAULTS = """\
script:
arguments: []
target: local
framework: Python
communicator: None
maxRunDurationSeconds:
nodeCount: 1
priority:
environment:
  name: default-environment
  version:
  environmentVariables:
    EXAMPLE_ENV_VAR: EXAMPLE_VALUE
  python:
    userManagedDependencies: false
    interpreterPath: python
    condaDependenciesFile: .azureml/conda_dependencies.yml
    baseCondaEnvironment:
  docker:
    enabled: false
    baseImage: mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20251130.v1
    baseDockerfile:
    buildContext:
    sharedVolumes: true
    shmSize: 2g
    arguments: []
    baseImageRegistry: {address: , username: , password: , registryIdentity: }
    platform: {os: Linux, architecture: amd64}
  spark: {repositories: [], packages: [], precachePackages: true}
  databricks: {mavenLibraries: [], pypiLibraries: [], rcranLibraries: [], jarLibraries: [], eggLibraries: []}
  r:
  inferencingStackVersion:
  assetId:
history: {outputCollection: true, snapshotProject: true, directoriesToWatch: [logs]}
spark: {configuration: {spark.app.name: Azure ML Experiment, spark.yarn.maxAppAttempts: 1}}
docker: {useDocker: false, sharedVolumes: true, arguments: [], shmSize: 2g}
hdi: {yarnDeployMode: cluster}
tensorflow: {workerCount: 1, parameterServerCount: 1}
mpi: {processCountPerNode: 1, nodeCount: 1}
pytorch: {communicationBackend: nccl, processCount: , nodeCount: 1}
paralleltask: {maxRetriesPerWorker: 0, workerCountPerNode: 1, terminalExitCodes: }
dataReferences: {}
data: {}
datacaches: []
outputData: {}
sourceDirectoryDataStore:
amlcompute: {vmSize: , vmPriority: , retainCluster: false, name: , clusterMaxNodeCount: }
autoClusterComputeSpecification:
kubernetescompute: {instanceType: }
credentialPassthrough: false
command: ''
environmentVariables: {}
applicationEndpoints: {}
"""


def test_saved_file_has_all_keys_and_defaults_of_v1(tmp_path: Path):
    RunConfiguration().save(str(tmp_path), "local")
    file = tmp_path / ".azureml/local.runconfig"
    assert yaml.safe_load(file.read_text()) == yaml.safe_load(DEFAULTS)
    assert list(yaml.safe_load(file.read_text())) == list(yaml.safe_load(DEFAULTS))
    assert CondaDependencies(str(tmp_path / ".azureml/conda_dependencies.yml")) == CondaDependencies()


@pytest.mark.parametrize("folder", [".azureml", "aml_config"])
def test_file_of_v1_is_loaded_unchanged(tmp_path: Path, folder: str):
    (tmp_path / folder).mkdir()
    text = DEFAULTS.replace("script:\n", "script: train.py\n", 1).replace("arguments: []", "arguments: [--a, 0.5]", 1)
    (tmp_path / folder / "sk.runconfig").write_text(text.replace(".azureml/", f"{folder}/"))
    (tmp_path / folder / "conda_dependencies.yml").write_text("dependencies:\n- python=3.6.2\n- pip: [x]\n")
    for loaded in (
        RunConfiguration.load(str(tmp_path), "sk"),
        RunConfiguration.load(str(tmp_path / folder / "sk.runconfig")),
    ):
        assert (loaded.script, loaded.arguments, loaded.target) == ("train.py", ["--a", 0.5], "local")
        assert loaded.environment.python.conda_dependencies.get_python_version() == "3.6.2"
        loaded.save()
    assert RunConfiguration.load(str(tmp_path), "sk").to_plain() == loaded.to_plain()


def test_all_sections_survive_a_round_trip(tmp_path: Path):
    configuration = RunConfiguration(script="a.py", framework="PySpark", communicator="OpenMpi")
    configuration.target = SimpleNamespace(name="cluster")
    configuration.mpi = MpiConfiguration(2, 3)
    configuration.data_references = {"d": DataReferenceConfiguration("store", path_on_datastore="p")}
    configuration.data = {"in": Data(DataLocation(Dataset("id", "name", "1")), mechanism="mount")}
    configuration.output_data = {
        "out": OutputData(additional_options=OutputOptions(upload_options=UploadOptions(True)))
    }
    configuration.environment_variables = {"A": "1"}
    configuration.amlcompute.vm_size = "small"
    configuration.save(str(tmp_path), "all", separate_environment_yaml=True)
    again = RunConfiguration.load(str(tmp_path), "all")
    assert again.target == "cluster"
    assert again.data_references["d"].data_store_name == "store"
    assert again.data["in"].data_location.dataset.name == "name"
    assert again.output_data["out"].additional_options.upload_options.overwrite is True
    assert (again.mpi.process_count_per_node, again.mpi.node_count) == (2, 3)
    again.save(str(tmp_path), "again")
    assert RunConfiguration.load(str(tmp_path), "again").data == configuration.data


def test_keys_that_are_not_ours_are_kept(tmp_path: Path):
    (tmp_path / "old.runconfig").write_text(
        "script: a.py\nprepareEnvironment: true\nmpi: {processCountPerNode: 2, x: 1}\n"
    )
    loaded = RunConfiguration.load(str(tmp_path), "old")
    assert loaded.to_plain()["prepareEnvironment"] is True
    assert loaded.to_plain()["mpi"] == {"processCountPerNode": 2, "nodeCount": 1, "x": 1}


def test_deleted_configuration_is_gone(tmp_path: Path):
    RunConfiguration().save(str(tmp_path), "x")
    RunConfiguration.delete(str(tmp_path), "x")
    with pytest.raises(RunConfigurationException, match="Failed to load RunConfiguration from path="):
        RunConfiguration.load(str(tmp_path), "x")


@pytest.mark.parametrize(
    ("text", "reason"),
    [("script: [", "line 2"), ("- a", "not a run configuration"), ("mpi: 5", "MpiConfiguration"),
     ("environment: {python: {condaDependenciesFile: nope.yml}}", "nope.yml")],
)  # fmt: skip
def test_wrong_files_are_told(tmp_path: Path, text: str, reason: str):
    (tmp_path / "bad.runconfig").write_text(text)
    with pytest.raises(UserErrorException, match=reason):
        RunConfiguration.load(str(tmp_path), "bad")


def test_slips_of_the_pen_and_missing_names_are_told(tmp_path: Path):
    with pytest.raises(AttributeError, match="has no attribute 'node_cout'"):
        RunConfiguration().node_cout = 2
    with pytest.raises(RunConfigurationException, match="no name"):
        RunConfiguration().save(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nodeCount: abc", "nodeCount is 'abc', and has to be a whole number"),
        ("script: [a.py]", "script is .*, and has to be a text"),
        ("environmentVariables: [A]", "environmentVariables is .*, and has to be a map"),
        (
            "environment: {python: {userManagedDependencies: maybe}}",
            "userManagedDependencies is 'maybe'.*true or false",
        ),
        ("history: {directoriesToWatch: logs}", "directoriesToWatch is 'logs', and has to be a list"),
        ("dataReferences: {d: {overwrite: 3}}", "dataReferences: d: overwrite is 3"),
    ],
)
def test_values_of_another_kind_are_told_with_file_and_place(tmp_path: Path, text: str, reason: str):
    (tmp_path / "bad.runconfig").write_text(text)
    with pytest.raises(RunConfigurationException, match=r"bad\.runconfig': .*" + reason):
        RunConfiguration.load(str(tmp_path), "bad")


def test_slip_in_a_key_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "slip.runconfig").write_text("script: a.py\nnodecount: 3\nprepareEnvironment: true\n")
    assert RunConfiguration.load(str(tmp_path), "slip").node_count == 1
    assert "Did you mean 'nodeCount'?" in caplog.text
    assert "prepareEnvironment" not in caplog.text


def test_empty_values_leave_the_defaults_where_v1_has_no_nothing(tmp_path: Path):
    (tmp_path / "old.runconfig").write_text("script: a.py\ncommunicator:\nnodeCount:\nmaxRunDurationSeconds:\n")
    loaded = RunConfiguration.load(str(tmp_path), "old")
    assert (loaded.communicator, loaded.node_count, loaded.max_run_duration_seconds) == ("None", 1, None)


@pytest.mark.parametrize("said", ["name: AzureML-Minimal", "{name: mine, version: 3}"])
def test_environment_that_is_only_named_is_a_reference(tmp_path: Path, said: str):
    (tmp_path / "named.runconfig").write_text(f"script: a.py\nenvironment:\n  {said}\nnodeCount: 2\n")
    loaded = RunConfiguration.load(str(tmp_path), "named")
    assert isinstance(loaded.environment, EnvironmentReference)
    assert loaded.node_count == 2
    loaded.save(str(tmp_path), "again")
    again = RunConfiguration.load(str(tmp_path), "again")
    assert again.environment.to_plain() == loaded.environment.to_plain()


def test_unknown_backend_is_told():
    with pytest.raises(RunConfigurationException, match="'Mpi' is not a backend"):
        PyTorchConfiguration("Mpi")
