"""Environments: packages, variables and settings under a name and a version."""

from __future__ import annotations

import copy
import json
import subprocess
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Dict, List, Mapping, Optional
from urllib.parse import quote

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import UserErrorException
from terrazul.sdk import curated_environment, environment_build, text_file, yaml_text
from terrazul.sdk.client import concept
from terrazul.sdk.conda_dependencies import CondaDependencies, requirements_of
from terrazul.sdk.container_registry import ContainerRegistry
from terrazul.sdk.databricks import DatabricksSection
from terrazul.sdk.environment_build import ImageBuildDetails
from terrazul.sdk.representation import as_text
from terrazul.sdk.section import SECRET, Section, items, optional
from terrazul.sdk.unsupported import not_yet, not_yet_property
from terrazul.wire import environment as wire

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace

DEFAULT_CPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20251130.v1"
DEFAULT_GPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-cuda11.8-cudnn8-ubuntu22.04"

_DEFINITION_FILE = "azureml_environment.json"
_CONDA_FILE = "conda_dependencies.yml"
_DOCKERFILE = "BaseDockerfile"
_NEWEST_LABEL = "latest"
_IMAGES = "container images"
_BUILD_LOCAL_KEYWORDS = {"useDocker", "pushImageToWorkspaceAcr"}
_IMAGE_SOURCES = ("base_image", "base_dockerfile", "build_context")


@dataclass(repr=False, init=False)
class PythonSection(Section):
    """Which Python, with which packages."""

    user_managed_dependencies: bool = False
    """True to use the interpreter at ``interpreter_path`` as it is."""
    interpreter_path: str = "python"
    base_conda_environment: Optional[str] = None
    conda_dependencies: CondaDependencies = field(default_factory=CondaDependencies, metadata={"hidden": True})
    strict: bool = field(default=False, metadata={"hidden": True})
    """Terrazul's own: refuse to run where the Python version cannot be had, instead of taking the nearest one."""
    _file: Optional[str] = field(default=None, metadata={"hidden": True})

    def __init__(self, **kwargs: Any) -> None:
        self._set_defaults()
        self.read(kwargs)

    @property
    def conda_dependencies_file(self) -> Optional[str]:
        """The conda file from which the packages were read; setting it reads them."""
        return self._file

    @conda_dependencies_file.setter
    def conda_dependencies_file(self, path: Optional[str]) -> None:
        self._file = path
        if path:
            self.conda_dependencies = CondaDependencies(path)

    def to_plain(self) -> Dict[str, Any]:
        """The section under v1's keys, the packages in it."""
        plain = super().to_plain()
        plain["condaDependenciesFile"] = self._file
        plain["condaDependencies"] = self.conda_dependencies.as_dict()
        return {**plain, "strict": True} if self.strict else plain

    def read(self, content: Mapping[str, Any]) -> None:
        """Take over what the content names; a conda file is only noted, since its folder is not known here."""
        rest = dict(content)
        self._file = rest.pop("condaDependenciesFile", self._file)
        self.strict = bool(rest.pop("strict", self.strict))
        packages = rest.pop("condaDependencies", None)
        if packages is not None:
            self.conda_dependencies = CondaDependencies(_underlying_structure=packages)
        super().read(rest)


class PythonEnvironment(PythonSection):
    """v1's older name for ``PythonSection``."""

    def __init__(self) -> None:
        super().__init__()


@dataclass(repr=False)
class DockerImagePlatform(Section):
    """The operating system and processor of an image."""

    os: str = field(default="Linux", init=False)
    architecture: str = field(default="amd64", init=False)


@dataclass(repr=False)
class DockerBuildContext(Section):
    """A folder with a Dockerfile."""

    class LocationType:
        """Where the folder lies."""

        Git = "git"
        StorageAccount = "storageAccount"

    location_type: Optional[str] = None
    location: Optional[str] = None
    dockerfile_path: str = "Dockerfile"

    from_local_directory: ClassVar[Any] = not_yet("DockerBuildContext.from_local_directory", _IMAGES)


@dataclass(repr=False, init=False)
class DockerSection(Section):
    """The image of an environment: an image, a Dockerfile or a build context; setting one unsets the others.

    Images are not used yet: a run tells so in a notice, and uses the packages.
    """

    enabled: bool = False
    base_image: Optional[str] = DEFAULT_CPU_IMAGE
    base_dockerfile: Optional[str] = None
    build_context: Optional[DockerBuildContext] = field(default=None, metadata=optional(DockerBuildContext))
    shared_volumes: bool = True
    shm_size: Optional[str] = "2g"
    arguments: List[str] = field(default_factory=list)
    base_image_registry: ContainerRegistry = field(default_factory=ContainerRegistry)
    platform: DockerImagePlatform = field(default_factory=DockerImagePlatform)
    gpu_support: bool = field(default=True, metadata={"hidden": True})

    def __init__(self, **kwargs: Any) -> None:
        self._set_defaults()
        self.read(kwargs)

    def __setattr__(self, name: str, value: object) -> None:
        if name in _IMAGE_SOURCES and value is not None:
            for other in _IMAGE_SOURCES:
                super().__setattr__(other, None)
        super().__setattr__(name, value)


class DockerEnvironment(DockerSection):
    """v1's older name for ``DockerSection``."""

    def __init__(self) -> None:
        super().__init__()


@dataclass(repr=False)
class SparkPackage(Section):
    """A Spark package by its Maven coordinates."""

    group: Optional[str] = None
    artifact: Optional[str] = None
    version: Optional[str] = None


@dataclass(repr=False, init=False)
class SparkSection(Section):
    """Spark's packages and where they come from."""

    repositories: List[str] = field(default_factory=list)
    packages: List[SparkPackage] = field(default_factory=list, metadata=items(SparkPackage))
    precache_packages: bool = True

    def __init__(self, **kwargs: Any) -> None:
        self._set_defaults()
        self.read(kwargs)


class SparkEnvironment(SparkSection):
    """v1's older name for ``SparkSection``."""

    def __init__(self) -> None:
        super().__init__()


@dataclass(repr=False)
class RCranPackage(Section):
    """An R package of CRAN."""

    name: Optional[str] = field(default=None, init=False)
    version: Optional[str] = field(default=None, init=False)
    repository: Optional[str] = field(default=None, init=False)


@dataclass(repr=False)
class RGitHubPackage(Section):
    """An R package of a GitHub repository."""

    repository: Optional[str] = field(default=None, init=False)
    auth_token: Optional[str] = field(default=None, init=False, metadata=SECRET)


@dataclass(repr=False)
class RSection(Section):
    """Which R, with which packages."""

    r_version: Optional[str] = field(default=None, init=False)
    user_managed: bool = field(default=False, init=False)
    rscript_path: Optional[str] = field(default=None, init=False)
    snapshot_date: Optional[str] = field(default=None, init=False)
    cran_packages: Optional[List[RCranPackage]] = field(default=None, init=False, metadata=items(RCranPackage))
    github_packages: Optional[List[RGitHubPackage]] = field(default=None, init=False, metadata=items(RGitHubPackage))
    custom_url_packages: Optional[List[str]] = field(default=None, init=False)
    bioconductor_packages: Optional[List[str]] = field(default=None, init=False)


class DockerImageDetails:
    """What is known of a built image."""

    __init__ = not_yet("DockerImageDetails", _IMAGES)
    image_exist: Any = not_yet_property("DockerImageDetails.image_exist", _IMAGES)
    repository: Any = not_yet_property("DockerImageDetails.repository", _IMAGES)
    registry: Any = not_yet_property("DockerImageDetails.registry", _IMAGES)
    image: Any = not_yet_property("DockerImageDetails.image", _IMAGES)
    interpreter_path: Any = not_yet_property("DockerImageDetails.interpreter_path", _IMAGES)
    environment_path: Any = not_yet_property("DockerImageDetails.environment_path", _IMAGES)
    dockerfile: Any = not_yet_property("DockerImageDetails.dockerfile", _IMAGES)


@concept("environment")
@dataclass(repr=False, init=False)
class Environment(Section):
    """Packages, variables and settings under a name; ``version`` is there once it is registered."""

    name: Optional[str] = None
    version: Optional[str] = None
    environment_variables: Dict[str, str] = field(default_factory=lambda: {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"})
    python: PythonSection = field(default_factory=PythonSection)
    docker: DockerSection = field(default_factory=DockerSection)
    spark: SparkSection = field(default_factory=SparkSection)
    databricks: DatabricksSection = field(default_factory=DatabricksSection)
    r: Optional[RSection] = field(default=None, metadata=optional(RSection))
    inferencing_stack_version: Optional[str] = None
    asset_id: Optional[str] = None

    def __init__(self, name: Optional[str], **kwargs: Any) -> None:
        self._set_defaults()
        self.read({**kwargs, "name": name})

    @classmethod
    def _blank(cls) -> Environment:
        return Environment(None)

    @staticmethod
    def of_definition(definition: wire.EnvironmentDefinition, version: Optional[str] = None) -> Environment:
        """The environment that travelled."""
        environment = Environment(definition.name)
        environment.version = version or definition.version
        environment.environment_variables = dict(definition.environment_variables)
        environment.inferencing_stack_version = definition.inferencing_stack_version
        environment.docker.read(definition.docker)
        environment.spark.read(definition.spark)
        environment.databricks.read(definition.databricks)
        environment.r = None if definition.r is None else RSection.from_plain(definition.r)
        python = environment.python
        python.user_managed_dependencies = definition.user_managed
        python.interpreter_path = definition.interpreter_path
        python.base_conda_environment = definition.base_conda_environment
        python.strict = definition.strict
        if definition.conda_dependencies is not None:
            python.conda_dependencies = CondaDependencies(_underlying_structure=definition.conda_dependencies)
        return environment

    def definition(self) -> wire.EnvironmentDefinition:
        """The environment as it travels. Raises ``RunConfigurationException`` for a value that cannot be used."""
        self.check(f"The environment {self.name!r}")
        python = self.python
        packages = None if python.user_managed_dependencies else python.conda_dependencies.as_dict()
        return wire.EnvironmentDefinition(
            name=self.name or "",
            version=self.version,
            user_managed=bool(python.user_managed_dependencies),
            interpreter_path=python.interpreter_path or "python",
            conda_dependencies=packages,
            base_conda_environment=python.base_conda_environment,
            environment_variables={name: str(value) for name, value in (self.environment_variables or {}).items()},
            docker=self.docker.to_plain(),
            spark=self.spark.to_plain(),
            databricks=self.databricks.to_plain(),
            r=None if self.r is None else self.r.to_plain(),
            inferencing_stack_version=self.inferencing_stack_version,
            strict=python.strict,
        )

    def register(self, workspace: Workspace) -> Environment:
        """Enter the environment in a workspace: the same content keeps its version, a changed one gets the next.

        Raises ``InvalidInput`` for a name that is not valid or reserved (``AzureML-…``).
        """
        answer = workspace.client.post(wire.Environment, "/environments", self.definition())
        self.version = answer.version
        return Environment.of_definition(answer.definition, answer.version)

    label = staticmethod(not_yet("Environment.label", "labels of environments"))

    def clone(self, new_name: str) -> Environment:
        """The same environment under another name, not registered yet."""
        other = copy.deepcopy(self)
        other.name, other.version = new_name, None
        return other

    @staticmethod
    def get(workspace: Workspace, name: str, version: Optional[str] = None, label: Optional[str] = None) -> Environment:
        """A registered environment, the newest version without one; or a curated one. Raises ``NotFound``."""
        if curated_environment.is_curated(name):
            return _curated(name)
        if label is not None and label.lower() != _NEWEST_LABEL:
            Environment.label()
        path = f"/environments/{quote(name, safe='')}"
        found = workspace.client.get(wire.Environment, path, {"version": version})
        return Environment.of_definition(found.definition, found.version)

    @staticmethod
    def list(workspace: Workspace) -> Dict[str, Environment]:
        """The newest version of every environment of a workspace, and curated ones, by name."""
        found = {name: _curated(name) for name in curated_environment.LISTED}
        for each in workspace.client.get(List[wire.Environment], "/environments"):
            found.setdefault(each.name, Environment.of_definition(each.definition, each.version))
        return found

    @staticmethod
    def from_dockerfile(
        name: str,
        dockerfile: str,
        conda_specification: Optional[str] = None,
        pip_requirements: Optional[str] = None,
    ) -> Environment:
        """An environment of a Dockerfile, given as a path or as its text.

        Its Python is used as it is unless packages are named.
        """
        environment = _with_packages(name, conda_specification, pip_requirements)
        file = Path(dockerfile) if "\n" not in dockerfile else None
        is_file = file is not None and file.is_file()
        environment.docker.base_dockerfile = text_file.read(file) if file and is_file else dockerfile
        return environment

    @staticmethod
    def from_docker_image(
        name: str,
        image: str,
        container_registry: Optional[ContainerRegistry] = None,
        conda_specification: Optional[str] = None,
        pip_requirements: Optional[str] = None,
    ) -> Environment:
        """An environment of an image; its Python is used as it is unless packages are named."""
        environment = _with_packages(name, conda_specification, pip_requirements)
        environment.docker.base_image = image
        if container_registry is not None:
            environment.docker.base_image_registry = container_registry
        return environment

    @staticmethod
    def from_docker_build_context(name: str, docker_build_context: DockerBuildContext) -> Environment:
        """An environment of a folder with a Dockerfile; its Python is used as it is."""
        environment = _with_packages(name, None, None)
        environment.docker.build_context = docker_build_context
        return environment

    @staticmethod
    def from_conda_specification(name: str, file_path: str) -> Environment:
        """An environment of a conda file. Raises ``MissingFile``, and ``UserErrorException`` for a wrong file."""
        environment = Environment(name)
        environment.python.conda_dependencies = CondaDependencies(file_path)
        return environment

    @staticmethod
    def from_existing_conda_environment(name: str, conda_environment_name: str) -> Optional[Environment]:
        """An environment of what a conda environment of this machine holds; ``None`` where there is none."""
        command = ["conda", "env", "export", "--no-builds", "--name", conda_environment_name]
        try:
            exported = subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout
        except (OSError, subprocess.CalledProcessError):
            return None
        environment = Environment(name)
        content = yaml_text.load(exported, f"conda environment {conda_environment_name}")
        environment.python.conda_dependencies = CondaDependencies(_underlying_structure=content)
        return environment

    @staticmethod
    def from_pip_requirements(name: str, file_path: str, pip_version: Optional[str] = None) -> Environment:
        """An environment of a pip requirements file. Raises ``MissingFile``."""
        environment = Environment(name)
        packages = CondaDependencies.create(pip_packages=[])
        packages.set_pip_requirements(requirements_of(Path(file_path)))
        if pip_version:
            packages.add_conda_package(f"pip={pip_version}")
        environment.python.conda_dependencies = packages
        return environment

    add_private_pip_wheel = staticmethod(not_yet("Environment.add_private_pip_wheel", "private wheels"))
    get_image_details = not_yet("Environment.get_image_details", _IMAGES)

    def build(self, workspace: Workspace, image_build_compute: Optional[str] = None) -> ImageBuildDetails:
        """Have the environment built on a compute target, ahead of the runs that need it; no image is made.

        Where its building failed a short while ago, it is tried again.
        """
        run = environment_build.submit(workspace, self.definition(), image_build_compute, again=True)
        return ImageBuildDetails(workspace.client, run.run_id)

    def build_local(self, workspace: Workspace, platform: Optional[DockerImagePlatform] = None, **kwargs: Any) -> str:
        """Have the environment built where local runs are executed, with its log on the screen; the log.

        ``platform`` and v1's keywords ``useDocker`` and ``pushImageToWorkspaceAcr`` have no effect: no image is made.
        """
        unknown = set(kwargs) - _BUILD_LOCAL_KEYWORDS
        if unknown:
            message = f"build_local() has no keyword {min(unknown)!r}."
            raise UserErrorException(
                message, target=min(unknown), hint="v1 knows useDocker and pushImageToWorkspaceAcr."
            )
        del platform
        return self.build(workspace).wait_for_completion(show_output=True).get_log()

    def save_to_directory(self, path: str, overwrite: bool = False) -> None:
        """Write the environment into a folder, as files that ``load_from_directory`` reads.

        Raises ``FileExistsError`` where the folder is there and ``overwrite`` is not set.
        """
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=overwrite)
        content = self.to_plain()
        del content["python"]["condaDependencies"]
        dockerfile = content["docker"]["baseDockerfile"]
        if dockerfile is not None:
            content["docker"]["baseDockerfile"] = _DOCKERFILE
            (folder / _DOCKERFILE).write_text(dockerfile, encoding="utf-8")
        (folder / _DEFINITION_FILE).write_text(json.dumps(content, indent=4), encoding="utf-8")
        self.python.conda_dependencies.save(str(folder / _CONDA_FILE))

    @staticmethod
    def load_from_directory(path: str) -> Environment:
        """The environment that ``save_to_directory`` wrote, also v1's.

        Raises ``MissingFile``, and ``UserErrorException`` for files that are not of that kind.
        """
        folder = Path(path)
        environment = Environment.from_plain(_json(folder / _DEFINITION_FILE))
        if (folder / _DOCKERFILE).is_file():
            environment.docker.base_dockerfile = text_file.read(folder / _DOCKERFILE)
        if (folder / _CONDA_FILE).is_file():
            environment.python.conda_dependencies = CondaDependencies(str(folder / _CONDA_FILE))
        return environment

    def __str__(self) -> str:
        return as_text("Environment", {"Name": self.name, "Version": self.version})


@dataclass(repr=False)
class EnvironmentReference(Section):
    """A registered environment by name, and version if one is meant."""

    name: str
    version: Optional[str] = None

    def get_environment(self, workspace: Workspace) -> Environment:
        """The environment itself. Raises ``NotFound``."""
        return Environment.get(workspace, self.name, self.version)


def _curated(name: str) -> Environment:
    environment = Environment(name)
    environment.version = curated_environment.VERSION
    environment.python.conda_dependencies = CondaDependencies.create(pip_packages=curated_environment.packages(name))
    return environment


def _with_packages(name: str, conda_specification: Optional[str], pip_requirements: Optional[str]) -> Environment:
    if conda_specification and pip_requirements:
        message = "Both a conda specification and pip requirements are given."
        raise UserErrorException(message, target=name, hint="Give one of them; a conda file has a 'pip' section.")
    if conda_specification:
        return Environment.from_conda_specification(name, conda_specification)
    if pip_requirements:
        return Environment.from_pip_requirements(name, pip_requirements)
    environment = Environment(name)
    environment.python.user_managed_dependencies = True
    return environment


def _json(file: Path) -> Any:
    try:
        return json.loads(text_file.read(file))
    except ValueError as error:
        message = f"'{file}' is not JSON: {error}."
        raise UserErrorException(message, target=str(file), hint="Save the environment anew.") from error
