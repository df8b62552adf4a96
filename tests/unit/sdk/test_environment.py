"""Environments as objects and files."""

from pathlib import Path

import pytest

from terrazul.core.errors import CapabilityNotAvailable, NotFound, UserErrorException
from terrazul.sdk.container_registry import ContainerRegistry
from terrazul.sdk.curated_environment import LISTED, is_curated, packages
from terrazul.sdk.databricks import PyPiLibrary
from terrazul.sdk.environment import (
    DEFAULT_CPU_IMAGE,
    DockerBuildContext,
    Environment,
    RGitHubPackage,
    RSection,
    SparkPackage,
)


@pytest.fixture
def conda_file(tmp_path: Path) -> str:
    file = tmp_path / "env.yml"
    file.write_text("name: x\ndependencies:\n- python=3.9\n- pip:\n  - numpy\n")
    return str(file)


def test_defaults_are_those_of_v1():
    environment = Environment("mine")
    assert environment.version is None
    assert environment.environment_variables == {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"}
    assert environment.python.user_managed_dependencies is False
    assert environment.python.interpreter_path == "python"
    assert environment.docker.base_image == DEFAULT_CPU_IMAGE
    assert environment.docker.enabled is False


def test_objects_share_nothing():
    one, other = Environment("a"), Environment("b")
    one.docker.arguments.append("--x")
    one.python.conda_dependencies.add_pip_package("x")
    assert other.docker.arguments == []
    assert list(other.python.conda_dependencies.pip_packages) == ["azureml-defaults"]


def test_misspelled_attribute_is_refused():
    with pytest.raises(AttributeError, match="PythonSection has no attribute 'user_managed'"):
        Environment("mine").python.user_managed = True


def test_from_conda_specification(conda_file: str):
    environment = Environment.from_conda_specification("mine", conda_file)
    assert environment.python.conda_dependencies.get_python_version() == "3.9"
    environment.python.conda_dependencies_file = None
    assert environment.python.conda_dependencies.get_python_version() == "3.9"


def test_from_pip_requirements(tmp_path: Path):
    file = tmp_path / "requirements.txt"
    file.write_text("numpy==1\n--extra-index-url https://example.org\n")
    packages = Environment.from_pip_requirements("mine", str(file), "20.1").python.conda_dependencies
    assert list(packages.pip_packages) == ["numpy==1"]
    assert "pip=20.1" in list(packages.conda_packages)


def test_images_bring_their_own_python(tmp_path: Path, conda_file: str):
    registry = ContainerRegistry()
    registry.address = "registry.example.org"
    image = Environment.from_docker_image("i", "image:1", registry)
    assert image.docker.base_image == "image:1"
    assert image.docker.base_image_registry.address == "registry.example.org"
    assert image.python.user_managed_dependencies is True
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("FROM x\n")
    assert Environment.from_dockerfile("d", str(dockerfile)).docker.base_dockerfile == "FROM x\n"
    assert Environment.from_dockerfile("d", "FROM y").docker.base_dockerfile == "FROM y"
    assert Environment.from_dockerfile("d", "FROM y", conda_file).python.user_managed_dependencies is False
    context = DockerBuildContext("git", "https://example.org/x.git")
    assert Environment.from_docker_build_context("c", context).docker.build_context is context
    with pytest.raises(UserErrorException, match="Both"):
        Environment.from_docker_image("i", "image:1", None, conda_file, "requirements.txt")


def test_clone_is_apart():
    environment = Environment("a")
    environment.version = "3"
    other = environment.clone("b")
    other.python.user_managed_dependencies = True
    assert (other.name, other.version, environment.python.user_managed_dependencies) == ("b", None, False)


def test_folder_round_trip(tmp_path: Path, conda_file: str):
    environment = Environment.from_dockerfile("mine", "FROM x\nRUN y", conda_file)
    environment.environment_variables = {"A": "1"}
    environment.r = RSection()
    environment.r.r_version = "4.1"
    environment.spark.packages = [SparkPackage("g", "a", "1")]
    environment.save_to_directory(str(tmp_path / "saved"))
    again = Environment.load_from_directory(str(tmp_path / "saved"))
    assert again.to_plain() == environment.to_plain()
    with pytest.raises(FileExistsError):
        environment.save_to_directory(str(tmp_path / "saved"))
    environment.save_to_directory(str(tmp_path / "saved"), overwrite=True)


def test_definition_round_trip(conda_file: str):
    environment = Environment.from_conda_specification("mine", conda_file)
    environment.python.strict = True
    environment.environment_variables = {"N": 5}
    definition = environment.definition()
    assert definition.environment_variables == {"N": "5"}
    again = Environment.of_definition(definition, "7")
    assert again.definition() == environment.definition().__class__(**{**vars(definition), "version": "7"})


@pytest.mark.parametrize("name", ["get_image_details", "label", "add_private_pip_wheel"])
def test_later_capabilities_say_so(name: str):
    member = getattr(Environment("x"), name)
    assert member.__terrazul_unsupported__
    with pytest.raises(CapabilityNotAvailable, match=f"Environment.{name} needs"):
        member("anything")


def test_image_dockerfile_and_context_exclude_each_other():
    docker = Environment("x").docker
    docker.base_dockerfile = "FROM x"
    assert (docker.base_image, docker.base_dockerfile) == (None, "FROM x")
    docker.base_image = "image"
    assert (docker.base_image, docker.base_dockerfile) == ("image", None)
    docker.base_dockerfile = None
    assert docker.base_image == "image"


def test_secrets_stay_in_the_process(tmp_path: Path):
    environment = Environment("x")
    environment.docker.base_image_registry.password = "hunter2"
    environment.r = RSection()
    environment.r.github_packages = [RGitHubPackage()]
    environment.r.github_packages[0].auth_token = "hunter2"
    environment.save_to_directory(str(tmp_path / "saved"))
    written = "".join(file.read_text() for file in (tmp_path / "saved").iterdir())
    assert "hunter2" not in repr(environment) + repr(environment.definition()) + written
    assert environment.clone("y").docker.base_image_registry.password == "hunter2"


def test_print_is_short():
    assert str(Environment("x")) == "Environment(Name: x,\nVersion: None)"


def test_values_that_cannot_be_used_are_told_with_their_place():
    environment = Environment("x")
    environment.python.conda_dependencies = "numpy"  # type: ignore[assignment]  # the slip is the point
    with pytest.raises(UserErrorException, match="environment 'x': python: condaDependencies is 'numpy'"):
        environment.definition()


def test_databricks_libraries_travel():
    environment = Environment("x")
    environment.databricks.pypi_libraries.append(PyPiLibrary("numpy"))
    again = Environment.of_definition(environment.definition())
    assert again.databricks.pypi_libraries[0].package == "numpy"


def test_folder_that_holds_something_else_is_told(tmp_path: Path):
    (tmp_path / "azureml_environment.json").write_text("{")
    with pytest.raises(UserErrorException, match="is not JSON"):
        Environment.load_from_directory(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("AzureML-sklearn-1.0-ubuntu20.04-py38-cpu", "scikit-learn"),
        ("AzureML-Scikit-learn-0.20.3", "scikit-learn"),
        ("azureml-pytorch-1.6-gpu", "torch"),
        ("AzureML-Tutorial", "matplotlib"),
        ("AzureML-Minimal", "azureml-defaults"),
    ],
)
def test_curated_names_stand_for_their_packages(name: str, package: str):
    assert is_curated(name)
    assert package in packages(name)


def test_unknown_curated_name_tells_which_are_known():
    with pytest.raises(NotFound, match="AzureML-sklearn"):
        packages("AzureML-Sklaern")
    assert not is_curated("sklearn")
    assert all(packages(name) for name in LISTED)
