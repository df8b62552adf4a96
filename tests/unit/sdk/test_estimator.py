"""Estimators become run configurations."""

import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from azureml.train.dnn import Gloo, Mpi, Nccl, ParameterServer, PyTorch, TensorFlow
from azureml.train.estimator import Estimator, MMLBaseEstimator
from azureml.train.sklearn import SKLearn
from terrazul.core.errors import CapabilityNotAvailable, UserErrorException
from terrazul.sdk.conda_dependencies import CondaDependencies
from terrazul.sdk.data_reference import DataReference
from terrazul.sdk.environment import Environment
from terrazul.sdk.estimator import EstimatorSettings
from terrazul.sdk.run_configuration import MpiConfiguration


def pip_of(estimator: MMLBaseEstimator) -> list[str]:
    return list(estimator.conda_dependencies.pip_packages)


def test_parameters_become_a_run_configuration(tmp_path: Path):
    made = Estimator(
        str(tmp_path),
        compute_target="cpu-cluster",
        entry_script="train.py",
        script_params={"--alpha": 0.5, "--verbose": "", "--none": None},
        conda_packages=["numpy"],
        pip_packages=["joblib==1.3"],
        environment_variables={"A": "b"},
        max_run_duration_seconds=60,
        use_docker=False,
        shm_size="4g",
    )
    configuration = made.run_config
    assert (configuration.target, configuration.script) == ("cpu-cluster", "train.py")
    assert configuration.arguments == ["--alpha", 0.5, "--verbose", "--none", None]
    assert configuration.max_run_duration_seconds == 60
    assert "numpy" in made.conda_dependencies.conda_packages
    assert pip_of(made) == ["azureml-defaults", "joblib==1.3"]
    environment = configuration.environment
    assert environment.environment_variables["A"] == "b"
    assert (environment.docker.enabled, environment.docker.shm_size) == (False, "4g")


def test_files_of_packages_lie_in_the_source_directory(tmp_path: Path):
    (tmp_path / "requirements.txt").write_text("pandas==2.0\n# comment\njoblib\n")
    CondaDependencies.create(conda_packages=["scipy"], pip_packages=["lightgbm"]).save(str(tmp_path / "conda.yml"))
    assert pip_of(Estimator(str(tmp_path), pip_requirements_file="requirements.txt"))[-2:] == ["pandas==2.0", "joblib"]
    made = Estimator(str(tmp_path), conda_dependencies_file_path="conda.yml")
    assert pip_of(made) == ["lightgbm"]
    with pytest.raises(UserErrorException, match="beside other packages"):
        Estimator(str(tmp_path), conda_dependencies_file="conda.yml", pip_packages=["numpy"])
    with pytest.raises(UserErrorException, match="older name"):
        Estimator(str(tmp_path), conda_dependencies_file="conda.yml", conda_dependencies_file_path="other.yml")
    with pytest.raises(FileNotFoundError):
        Estimator(str(tmp_path), pip_requirements_file="missing.txt")


def test_frameworks_bring_their_packages(tmp_path: Path):
    assert pip_of(SKLearn(str(tmp_path)))[1:] == ["scikit-learn", "joblib"]
    assert pip_of(PyTorch(str(tmp_path), framework_version="2.1"))[1:] == ["torch==2.1", "torchvision"]
    assert pip_of(TensorFlow(str(tmp_path), pip_packages=["tensorflow==2.2"]))[1:] == ["tensorflow==2.2"]
    assert "1.4" in PyTorch.get_supported_versions()
    assert SKLearn.DEFAULT_VERSION == "0.20.3"
    assert PyTorch(str(tmp_path), framework_version="2.1").framework_version == "2.1"


def test_an_environment_takes_the_place_of_packages(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    environment = Environment("mine")
    made = Estimator(str(tmp_path), environment_definition=environment, pip_packages=["numpy"])
    assert made.run_config.environment is environment
    assert "pip_packages have no effect" in caplog.text


@pytest.mark.parametrize(
    ("settings", "communicator", "nodes"),
    [
        ({"distributed_training": Mpi(process_count_per_node=2), "node_count": 3}, "IntelMpi", 3),
        ({"distributed_backend": "mpi", "node_count": 2}, "IntelMpi", 2),
        ({"distributed_training": Nccl(), "node_count": 2}, "Nccl", 2),
        ({"distributed_training": Gloo()}, "Gloo", 1),
        ({"distributed_training": ParameterServer(worker_count=2)}, "ParameterServer", 2),
        ({}, "None", 1),
    ],
)
def test_distribution_is_told_as_elsewhere(tmp_path: Path, settings: dict[str, object], communicator: str, nodes: int):
    configuration = Estimator(str(tmp_path), **settings).run_config
    assert (configuration.communicator, configuration.node_count) == (communicator, nodes)


def test_older_and_newer_ways_of_distribution_say_the_same(tmp_path: Path):
    older = TensorFlow(str(tmp_path), distributed_backend="ps", worker_count=2, parameter_server_count=3).run_config
    newer = TensorFlow(str(tmp_path), distributed_training=ParameterServer(2, 3)).run_config
    assert older.tensorflow == newer.tensorflow
    assert PyTorch(str(tmp_path), distributed_backend="mpi", process_count_per_node=4).run_config.mpi == (
        MpiConfiguration(4, 1)
    )


def test_inputs_are_told_to_the_run(tmp_path: Path):
    datastore: Any = SimpleNamespace(name="store")
    reference = DataReference(datastore, "images", "folder")
    assert Estimator(str(tmp_path), inputs=[reference]).run_config.data_references["images"].path_on_data_store == (
        "folder"
    )


def test_a_machine_size_without_a_target_asks_for_a_cluster(tmp_path: Path):
    configuration = Estimator(str(tmp_path), vm_size="STANDARD_D2_V2").run_config
    assert (configuration.target, configuration.amlcompute.vm_size) == ("amlcompute", "STANDARD_D2_V2")
    assert Estimator(str(tmp_path)).run_config.target == "local"


def test_parameters_that_a_class_does_not_have_are_refused(tmp_path: Path):
    for kind, name in [(Estimator, "framework_version"), (SKLearn, "node_count"), (PyTorch, "worker_count")]:
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'"):
            kind(str(tmp_path), **{name: 1})
    with pytest.raises(TypeError, match="entry_scrpt"):
        Estimator(str(tmp_path), entry_scrpt="train.py")
    with pytest.raises(UserErrorException, match="'horovod' is no way to distribute"):
        Estimator(str(tmp_path), distributed_backend="horovod")
    with pytest.raises(UserErrorException, match=r"Gloo.. distributes runs of PyTorch, and TensorFlow is none"):
        TensorFlow(str(tmp_path), distributed_training=Gloo())
    with pytest.raises(CapabilityNotAvailable):
        Estimator(str(tmp_path), resume_from=object())


def test_signatures_name_the_parameters():
    names = list(inspect.signature(TensorFlow).parameters)
    assert names == ["source_directory", *EstimatorSettings.__dataclass_fields__]
    assert inspect.signature(Estimator).parameters["use_docker"].default is True
