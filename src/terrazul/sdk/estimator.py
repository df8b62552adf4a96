"""Estimators: what v1 had before ``ScriptRunConfig``. An estimator is one, made of other parameters."""

from __future__ import annotations

from dataclasses import fields
from inspect import Parameter, Signature
from pathlib import Path
from typing import AbstractSet, Any, ClassVar, Dict, List, Mapping, Optional, Tuple

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import UserErrorException
from terrazul.sdk.conda_dependencies import CondaDependencies, requirements_of
from terrazul.sdk.console import warn
from terrazul.sdk.container_registry import ContainerRegistry
from terrazul.sdk.data_reference import DataReference
from terrazul.sdk.environment import DEFAULT_CPU_IMAGE, DEFAULT_GPU_IMAGE, Environment
from terrazul.sdk.run_configuration import (
    Data,
    MpiConfiguration,
    PyTorchConfiguration,
    RunConfiguration,
    TensorflowConfiguration,
)
from terrazul.sdk.script_run_config import DistributedJob, ScriptRunConfig, distribute
from terrazul.sdk.unsupported import tell_not_yet

_ON_DEMAND = "amlcompute"


class _DistributedTraining:
    """A way in which the processes of a run find each other."""

    _framework: ClassVar[str] = ""
    """The one that knows it; without one, all do."""

    def validate(self, estimator_name: str) -> None:
        """Raise ``UserErrorException`` for an estimator of another framework."""
        if self._framework not in {"", estimator_name} and estimator_name != Estimator.__name__:
            name = type(self).__name__
            message = f"{name}() distributes runs of {self._framework}, and {estimator_name} is none."
            raise UserErrorException(message, target=name, hint="Give Mpi(), or take the other estimator.")


@dataclass
class Mpi(_DistributedTraining):
    """Distributed by MPI, or by Horovod, which uses it."""

    process_count_per_node: int = 1


@dataclass
class ParameterServer(_DistributedTraining):
    """Distributed by TensorFlow's parameter servers."""

    _framework = "TensorFlow"

    worker_count: int = 1
    parameter_server_count: int = 1


@dataclass
class Nccl(_DistributedTraining):
    """Distributed by PyTorch over NCCL."""

    _framework = "PyTorch"


@dataclass
class Gloo(_DistributedTraining):
    """Distributed by PyTorch over Gloo."""

    _framework = "PyTorch"


@dataclass
class EstimatorSettings:
    """The parameters of all estimators, with v1's names and defaults; each class has some of them."""

    compute_target: Any = None
    vm_size: Optional[str] = None
    vm_priority: Optional[str] = None
    entry_script: Optional[str] = None
    script_params: Optional[Mapping[str, Any]] = None
    """Options of the script and their values; the value of a flag is an empty text."""
    node_count: int = 1
    process_count_per_node: int = 1
    worker_count: int = 1
    parameter_server_count: int = 1
    distributed_backend: Optional[str] = None
    """``mpi``, ``ps``, ``nccl`` or ``gloo``: the older way to say ``distributed_training``."""
    distributed_training: Optional[_DistributedTraining] = None
    use_gpu: bool = False
    use_docker: bool = True
    custom_docker_base_image: Optional[str] = None
    """The older name of ``custom_docker_image``."""
    custom_docker_image: Optional[str] = None
    image_registry_details: Optional[ContainerRegistry] = None
    user_managed: bool = False
    conda_packages: Optional[List[str]] = None
    pip_packages: Optional[List[str]] = None
    conda_dependencies_file_path: Optional[str] = None
    """The older name of ``conda_dependencies_file``."""
    pip_requirements_file_path: Optional[str] = None
    """The older name of ``pip_requirements_file``."""
    conda_dependencies_file: Optional[str] = None
    """A conda file, relative to the source directory."""
    pip_requirements_file: Optional[str] = None
    """A requirements file, relative to the source directory."""
    environment_variables: Optional[Mapping[str, str]] = None
    environment_definition: Optional[Environment] = None
    """Takes the place of all that says which packages and which image."""
    inputs: Optional[List[Any]] = None
    source_directory_data_store: Any = None
    shm_size: Optional[str] = None
    resume_from: Any = None
    max_run_duration_seconds: Optional[int] = None
    framework_version: Optional[str] = None
    _enable_optimized_mode: bool = False
    _disable_validation: bool = True
    _show_lint_warnings: bool = False
    _show_package_warnings: bool = False


_OF_DISTRIBUTION = frozenset(
    ["node_count", "process_count_per_node", "distributed_backend", "distributed_training", "use_gpu"]
)
_OF_TENSORFLOW = frozenset(["worker_count", "parameter_server_count"])
_OF_FRAMEWORKS = frozenset(["framework_version", "_enable_optimized_mode"])
_OF_PACKAGES = (
    "conda_packages",
    "pip_packages",
    "conda_dependencies_file",
    "pip_requirements_file",
    "custom_docker_image",
    "image_registry_details",
    "environment_variables",
)


class MMLBaseEstimator(ScriptRunConfig):
    """What all estimators are: a source directory with a run configuration.

    Raises ``TypeError`` for a parameter that the class does not have, ``UserErrorException`` for parameters that
    exclude each other, ``MissingFile`` for a file of packages that is not in the source directory.
    """

    _lacks: ClassVar[AbstractSet[str]] = frozenset()

    def __init__(self, source_directory: str, **settings: Any) -> None:
        told = EstimatorSettings(**self._checked(settings))
        if told.resume_from is not None:
            tell_not_yet(f"{type(self).__name__}(resume_from=…)", "outputs of other runs as inputs")
        super().__init__(source_directory, run_config=self._configuration(source_directory, told))
        self._told = told

    def __init_subclass__(cls) -> None:
        """Let tools see the parameters."""
        super().__init_subclass__()
        known = [each for each in fields(EstimatorSettings) if each.name not in cls._lacks]
        cls.__signature__ = Signature(  # type: ignore[attr-defined]  # where ``inspect`` looks for it
            [
                Parameter("source_directory", Parameter.POSITIONAL_OR_KEYWORD, annotation=str),
                *[Parameter(each.name, Parameter.KEYWORD_ONLY, default=each.default) for each in known],
            ]
        )

    @property
    def conda_dependencies(self) -> CondaDependencies:
        """The packages of the environment."""
        return self.run_config.environment.python.conda_dependencies

    def _checked(self, settings: Dict[str, Any]) -> Dict[str, Any]:
        for name in settings:
            if name in self._lacks or name not in EstimatorSettings.__dataclass_fields__:
                raise TypeError(f"{type(self).__name__}() got an unexpected keyword argument {name!r}")
        return settings

    def _packages(self, told: EstimatorSettings) -> List[str]:
        """What pip gets besides the packages that are named."""
        del told
        return []

    def _configuration(self, source_directory: str, told: EstimatorSettings) -> RunConfiguration:
        made = RunConfiguration(told.entry_script, _arguments(told.script_params or {}))
        made.target = _ON_DEMAND if told.compute_target is None and told.vm_size else told.compute_target
        made.amlcompute.vm_size, made.amlcompute.vm_priority = told.vm_size, told.vm_priority
        made.max_run_duration_seconds = told.max_run_duration_seconds
        made.source_directory_data_store = getattr(told.source_directory_data_store, "name", None)
        made.environment = self._environment(Path(source_directory), told)
        made.node_count = told.node_count
        if told.distributed_training is not None or told.distributed_backend is not None:
            distribute(made, self._job(told))
        for each in told.inputs or []:
            if isinstance(each, DataReference):
                made.data_references[each.data_reference_name] = each.to_config()
            else:
                made.data[each.name] = Data.create(each)
        return made

    def _environment(self, folder: Path, told: EstimatorSettings) -> Environment:
        if told.environment_definition is not None:
            beside = [name for name in _OF_PACKAGES if getattr(told, name)]
            if beside:
                warn(f"'environment_definition' is given: {', '.join(beside)} have no effect.")
            return told.environment_definition
        made = Environment(f"{type(self).__name__}-environment")
        made.environment_variables.update(told.environment_variables or {})
        made.python.user_managed_dependencies = told.user_managed
        made.python.conda_dependencies = self._dependencies(folder, told)
        image = _one("custom_docker_image", told.custom_docker_image, told.custom_docker_base_image)
        made.docker.enabled = told.use_docker
        made.docker.base_image = image or (DEFAULT_GPU_IMAGE if told.use_gpu else DEFAULT_CPU_IMAGE)
        if told.image_registry_details is not None:
            made.docker.base_image_registry = told.image_registry_details
        if told.shm_size:
            made.docker.shm_size = told.shm_size
        return made

    def _dependencies(self, folder: Path, told: EstimatorSettings) -> CondaDependencies:
        conda_file = _one("conda_dependencies_file", told.conda_dependencies_file, told.conda_dependencies_file_path)
        pip_file = _one("pip_requirements_file", told.pip_requirements_file, told.pip_requirements_file_path)
        if conda_file and (told.conda_packages or told.pip_packages or pip_file):
            message = "A conda file is given beside other packages."
            raise UserErrorException(
                message, target=str(conda_file), hint="Write these into the conda file, or leave it out."
            )
        made = CondaDependencies(str(folder / conda_file)) if conda_file else CondaDependencies()
        named = requirements_of(folder / pip_file) if pip_file else []
        for package in [*self._packages(told), *named, *(told.pip_packages or [])]:
            made.add_pip_package(package)
        for package in told.conda_packages or []:
            made.add_conda_package(package)
        return made

    def _job(self, told: EstimatorSettings) -> DistributedJob:
        """How the processes of a run find each other."""
        training = told.distributed_training or _older(told)
        if not isinstance(training, _DistributedTraining):
            raise UserErrorException(
                f"{training!r} is no way to distribute a run.",
                target="distributed_training",
                hint="Give Mpi(), ParameterServer(), Nccl() or Gloo(); the older distributed_backend is 'mpi', 'ps', "
                "'nccl' or 'gloo'.",
            )
        training.validate(type(self).__name__)
        if isinstance(training, Mpi):
            return MpiConfiguration(training.process_count_per_node, told.node_count)
        if isinstance(training, ParameterServer):
            return TensorflowConfiguration(training.worker_count, training.parameter_server_count)
        return PyTorchConfiguration(type(training).__name__, told.node_count, told.node_count)


class Estimator(MMLBaseEstimator):
    """An estimator for any framework."""

    _lacks = _OF_FRAMEWORKS | _OF_TENSORFLOW


class _FrameworkEstimator(MMLBaseEstimator):
    """An estimator that brings its framework; without ``framework_version`` the newest that the interpreter can have.

    v1 took ``DEFAULT_VERSION`` then, which no Python that can be had today runs.
    """

    FRAMEWORK_NAME: ClassVar[str]
    DEFAULT_VERSION: ClassVar[str]
    _VERSIONS: ClassVar[Tuple[str, ...]]
    _PACKAGES: ClassVar[Tuple[str, ...]]
    """What pip gets; the first is the framework itself."""
    _lacks = _OF_TENSORFLOW

    @property
    def framework_version(self) -> Optional[str]:
        """The version that was asked for."""
        return self._told.framework_version

    @classmethod
    def get_supported_versions(cls) -> List[str]:
        """The versions that v1 knew. Here any can be named that the package index has for the interpreter."""
        return list(cls._VERSIONS)

    def _packages(self, told: EstimatorSettings) -> List[str]:
        framework, *others = self._PACKAGES
        return [f"{framework}=={told.framework_version}" if told.framework_version else framework, *others]


class PyTorch(_FrameworkEstimator):
    """An estimator with PyTorch."""

    FRAMEWORK_NAME = "PyTorch"
    DEFAULT_VERSION = "1.4"
    _VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6")
    _PACKAGES = ("torch", "torchvision")


class TensorFlow(_FrameworkEstimator):
    """An estimator with TensorFlow."""

    FRAMEWORK_NAME = "TensorFlow"
    DEFAULT_VERSION = "1.13"
    _VERSIONS = ("1.10", "1.12", "1.13", "2.0", "2.1", "2.2")
    _PACKAGES = ("tensorflow",)
    _lacks = frozenset()


class Chainer(_FrameworkEstimator):
    """An estimator with Chainer."""

    FRAMEWORK_NAME = "Chainer"
    DEFAULT_VERSION = "5.1.0"
    _VERSIONS = ("5.1.0", "7.0.0")
    _PACKAGES = ("chainer",)


class SKLearn(_FrameworkEstimator):
    """An estimator with scikit-learn, on one node."""

    FRAMEWORK_NAME = "SKLearn"
    DEFAULT_VERSION = "0.20.3"
    _VERSIONS = ("0.20.3",)
    _PACKAGES = ("scikit-learn", "joblib")
    _lacks = _OF_TENSORFLOW | _OF_DISTRIBUTION | {"custom_docker_base_image", "source_directory_data_store"}


def _arguments(script_params: Mapping[str, Any]) -> List[Any]:
    return [word for name, value in script_params.items() for word in ([name] if value == "" else [name, value])]


def _one(name: str, new: Optional[str], old: Optional[str]) -> Optional[str]:
    """The value of a parameter that has two names. Raises ``UserErrorException`` where they differ."""
    if new and old and new != old:
        message = f"'{name}' is given under its older name too, and differs: {new!r} and {old!r}."
        raise UserErrorException(message, target=name, hint="Give it once.")
    return new or old


def _older(told: EstimatorSettings) -> Any:
    """What the older parameters say; the name itself where it is not known."""
    name = told.distributed_backend
    ways = {
        "mpi": Mpi(told.process_count_per_node),
        "ps": ParameterServer(told.worker_count, told.parameter_server_count),
        "nccl": Nccl(),
        "gloo": Gloo(),
    }
    return ways.get(str(name).lower(), name)
