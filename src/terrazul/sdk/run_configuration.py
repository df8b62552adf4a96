"""Run configurations: how a script runs where, as an object and as v1's ``.runconfig`` file."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import Any, ClassVar, Dict, List, Optional, Protocol, Tuple, Union

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import RunConfigurationException
from terrazul.sdk import container_registry, yaml_text
from terrazul.sdk.conda_dependencies import CondaDependencies
from terrazul.sdk.console import warn
from terrazul.sdk.curated_environment import is_curated
from terrazul.sdk.environment import DEFAULT_CPU_IMAGE, DEFAULT_GPU_IMAGE, Environment, EnvironmentReference
from terrazul.sdk.section import OURS, Section, items, key, optional
from terrazul.sdk.unsupported import not_yet
from terrazul.wire.run_configuration import DataInput

AML_CONFIG_DIR = "aml_config"
AZUREML_DIR = ".azureml"
COMPUTECONTEXT_EXTENSION = ".compute"
RUNCONFIGURATION_EXTENSION = ".runconfig"
LOCAL_RUNCONFIG_NAME = "local"
MPI_CPU_IMAGE = DEFAULT_CPU_IMAGE
MPI_GPU_IMAGE = DEFAULT_GPU_IMAGE
SUPPORTED_DATAREF_MODES = ["mount", "download", "upload"]
SUPPORTED_DELIVERY_MECHANISM = ["direct", "mount", "download", "upload"]
SUPPORTED_PYTORCH_BACKENDS = ["nccl", "gloo"]
DEFAULT_ENVIRONMENT_NAME = "default-environment"

_CONDA_FILE = "conda_dependencies.yml"
_ENVIRONMENT_FILE = "environment.yml"


class ContainerRegistry(container_registry.ContainerRegistry):
    """The registry class under the name that run configurations know it by."""


class AzureContainerRegistry(ContainerRegistry):
    """v1's older name for ``ContainerRegistry``."""


@dataclass(repr=False)
class HdiConfiguration(Section):
    """How a run on HDInsight is deployed."""

    yarn_deploy_mode: str = field(default="cluster", init=False)


@dataclass(repr=False)
class TensorflowConfiguration(Section):
    """A TensorFlow job with parameter servers."""

    worker_count: int = 1
    parameter_server_count: int = 1


@dataclass(repr=False)
class MpiConfiguration(Section):
    """An MPI job."""

    process_count_per_node: int = 1
    node_count: int = 1


@dataclass(repr=False)
class PyTorchConfiguration(Section):
    """A distributed PyTorch job."""

    communication_backend: str = "Nccl"
    process_count: Optional[int] = None
    node_count: int = 1

    def __post_init__(self) -> None:
        if str(self.communication_backend).lower() not in SUPPORTED_PYTORCH_BACKENDS:
            message = f"{self.communication_backend!r} is not a backend of PyTorch that is known here."
            raise RunConfigurationException(message, target="communication_backend", hint="Use 'Nccl' or 'Gloo'.")


@dataclass(repr=False)
class ApplicationEndpointConfiguration(Section):
    """A service that a run offers while it executes."""

    type: Optional[str] = None
    port: Optional[int] = None
    properties: Optional[Dict[str, str]] = None


@dataclass(repr=False)
class ParallelTaskConfiguration(Section):
    """A job of independent workers."""

    max_retries_per_worker: int = field(default=0, init=False)
    worker_count_per_node: int = field(default=1, init=False)
    terminal_exit_codes: Optional[List[int]] = field(default=None, init=False)


@dataclass(repr=False)
class AmlComputeConfiguration(Section):
    """The cluster that a run asks to be made for it."""

    vm_size: Optional[str] = field(default=None, init=False)
    vm_priority: Optional[str] = field(default=None, init=False)
    _retain_cluster: bool = field(default=False, init=False, metadata=key("retainCluster"))
    _name: Optional[str] = field(default=None, init=False, metadata=key("name"))
    _cluster_max_node_count: Optional[int] = field(default=None, init=False, metadata=key("clusterMaxNodeCount"))


@dataclass(repr=False)
class KubernetesComputeConfiguration(Section):
    """The kind of instance on a Kubernetes cluster."""

    instance_type: Optional[str] = field(default=None, init=False)


class EnvironmentDefinition(Environment):
    """The environment of a run configuration."""

    def __init__(self, name: Optional[str] = None) -> None:
        super().__init__(name or DEFAULT_ENVIRONMENT_NAME)


@dataclass(repr=False)
class SparkConfiguration(Section):
    """Spark's settings."""

    configuration: Dict[str, Any] = field(
        default_factory=lambda: {"spark.app.name": "Azure ML Experiment", "spark.yarn.maxAppAttempts": 1}, init=False
    )


@dataclass(repr=False)
class HistoryConfiguration(Section):
    """What a run keeps."""

    output_collection: bool = field(default=True, init=False)
    snapshot_project: bool = field(default=True, init=False)
    directories_to_watch: List[str] = field(default_factory=lambda: ["logs"], init=False)


@dataclass(repr=False, init=False)
class DataReferenceConfiguration(Section):
    """A path of a datastore that a run reads or writes."""

    data_store_name: Optional[str] = None
    mode: str = "mount"
    path_on_data_store: Optional[str] = None
    path_on_compute: Optional[str] = None
    overwrite: bool = False

    def __init__(
        self,
        datastore_name: Optional[str] = None,
        mode: str = "mount",
        path_on_datastore: Optional[str] = None,
        path_on_compute: Optional[str] = None,
        overwrite: bool = False,
    ) -> None:
        self._set_defaults()
        self.data_store_name = datastore_name
        self.mode = mode
        self.path_on_data_store = path_on_datastore
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite


@dataclass(repr=False)
class DockerConfiguration(Section):
    """Whether a run uses Docker, and how."""

    use_docker: bool = False
    shared_volumes: bool = True
    arguments: List[str] = field(default_factory=list)
    shm_size: str = "2g"


@dataclass(repr=False)
class DataPath(Section):
    """A path in a datastore."""

    datastore_name: Optional[str] = None
    relative_path: Optional[str] = None


@dataclass(repr=False, init=False)
class Dataset(Section):
    """A dataset by id, or by name and version."""

    id: Optional[str] = None
    name: Optional[str] = None
    version: Optional[str] = None

    def __init__(
        self,
        dataset_id: Optional[str] = None,
        dataset_name: Optional[str] = None,
        dataset_version: Optional[str] = None,
    ) -> None:
        self._set_defaults()
        self.id, self.name, self.version = dataset_id, dataset_name, dataset_version


@dataclass(repr=False)
class Uri(Section):
    """A file or folder by its address."""

    path: Optional[str] = None
    is_file: bool = False


@dataclass(repr=False)
class DataLocation(Section):
    """Where data lies."""

    dataset: Optional[Dataset] = field(default=None, metadata=optional(Dataset))
    data_path: Optional[DataPath] = field(default=None, metadata=optional(DataPath))
    uri: Optional[Uri] = field(default=None, metadata=optional(Uri))


class Consumption(Protocol):
    """A dataset together with how it comes to a run."""

    def for_run(self, workspace: Any = None) -> Any:
        """What a run is told of it."""


@dataclass(repr=False)
class Data(Section):
    """Data that a run gets."""

    data_location: Optional[DataLocation] = field(default=None, metadata=optional(DataLocation))
    create_output_directories: Optional[bool] = None
    mechanism: str = "direct"
    environment_variable_name: Optional[str] = None
    path_on_compute: Optional[str] = None
    overwrite: bool = False
    options: Optional[Dict[str, str]] = None

    @staticmethod
    def create(data: Consumption) -> Data:
        """The section of a dataset's consumption; a dataset that its workspace does not know yet is saved there."""
        found: DataInput = data.for_run(None).data
        return Data(
            DataLocation(Dataset(found.dataset_id)),
            mechanism=found.mode,
            environment_variable_name=found.name,
            path_on_compute=found.path_on_compute or None,
        )


@dataclass(repr=False)
class DatacacheConfiguration(Section):
    """A cache of a dataset."""

    dataset_id: Optional[str] = None
    datacache_store: Optional[str] = None
    datacache_id: Optional[str] = None
    mode: str = "mount"
    path_on_compute: Optional[str] = None
    replica: Optional[int] = None
    failure_fallback: bool = False

    create: ClassVar[Any] = staticmethod(not_yet("DatacacheConfiguration.create", "data caches"))


@dataclass(repr=False, init=False)
class DatasetRegistrationOptions(Section):
    """How an output is made a dataset."""

    additional_transformation: Optional[str] = None

    def __init__(self, additional_transformations: Optional[str] = None) -> None:
        self._set_defaults()
        self.additional_transformation = additional_transformations


@dataclass(repr=False)
class RegistrationOptions(Section):
    """Under which name an output is registered."""

    name: Optional[str] = None
    description: Optional[str] = None
    tags: Optional[Dict[str, str]] = None
    dataset_registration_options: Optional[DatasetRegistrationOptions] = field(
        default=None, metadata=optional(DatasetRegistrationOptions)
    )


@dataclass(repr=False)
class GlobsOptions(Section):
    """Patterns of file names."""

    patterns: Optional[List[str]] = None


@dataclass(repr=False)
class UploadOptions(Section):
    """How an output is uploaded."""

    overwrite: bool = False
    source_globs: Optional[GlobsOptions] = field(default=None, metadata=optional(GlobsOptions))


@dataclass(repr=False)
class MountOptions(Section):
    """How a path is mounted."""

    disable_metadata_cache: bool = False


@dataclass(repr=False)
class OutputOptions(Section):
    """What becomes of an output."""

    path_on_compute: Optional[str] = None
    registration_options: Optional[RegistrationOptions] = field(default=None, metadata=optional(RegistrationOptions))
    upload_options: Optional[UploadOptions] = field(default=None, metadata=optional(UploadOptions))
    mount_options: Optional[MountOptions] = field(default=None, metadata=optional(MountOptions))


@dataclass(repr=False)
class OutputData(Section):
    """Data that a run makes."""

    output_location: Optional[DataLocation] = field(default=None, metadata=optional(DataLocation))
    mechanism: str = "mount"
    additional_options: Optional[OutputOptions] = field(default=None, metadata=optional(OutputOptions))


@dataclass(repr=False, init=False)
class RunConfiguration(Section):
    """How a script runs where; the attributes have the names, and the file has the keys, of v1."""

    script: Optional[str] = None
    arguments: Union[List[Any], str] = field(default_factory=list)
    target: str = LOCAL_RUNCONFIG_NAME
    framework: str = "Python"
    communicator: str = "None"
    max_run_duration_seconds: Optional[int] = None
    node_count: int = 1
    priority: Optional[int] = None
    hold_on_failure_seconds: int = field(default=0, metadata=OURS)
    environment: Environment = field(default_factory=EnvironmentDefinition)
    history: HistoryConfiguration = field(default_factory=HistoryConfiguration)
    spark: SparkConfiguration = field(default_factory=SparkConfiguration)
    docker: DockerConfiguration = field(default_factory=DockerConfiguration)
    hdi: HdiConfiguration = field(default_factory=HdiConfiguration)
    tensorflow: TensorflowConfiguration = field(default_factory=TensorflowConfiguration)
    mpi: MpiConfiguration = field(default_factory=MpiConfiguration)
    pytorch: PyTorchConfiguration = field(default_factory=lambda: PyTorchConfiguration("nccl"))
    paralleltask: ParallelTaskConfiguration = field(default_factory=ParallelTaskConfiguration)
    data_references: Dict[str, DataReferenceConfiguration] = field(
        default_factory=dict, metadata=items(DataReferenceConfiguration)
    )
    data: Dict[str, Data] = field(default_factory=dict, metadata=items(Data))
    datacaches: List[DatacacheConfiguration] = field(default_factory=list, metadata=items(DatacacheConfiguration))
    output_data: Dict[str, OutputData] = field(default_factory=dict, metadata=items(OutputData))
    source_directory_data_store: Optional[str] = None
    amlcompute: AmlComputeConfiguration = field(default_factory=AmlComputeConfiguration)
    auto_cluster_compute_specification: Optional[Dict[str, Any]] = None
    kubernetescompute: KubernetesComputeConfiguration = field(default_factory=KubernetesComputeConfiguration)
    credential_passthrough: bool = False
    command: Union[str, List[str]] = ""
    environment_variables: Dict[str, str] = field(default_factory=dict)
    services: Dict[str, ApplicationEndpointConfiguration] = field(
        default_factory=dict, metadata={**key("applicationEndpoints"), **items(ApplicationEndpointConfiguration)}
    )
    _path: Optional[str] = field(default=None, metadata={"hidden": True})
    _name: Optional[str] = field(default=None, metadata={"hidden": True})

    def __init__(
        self,
        script: Optional[str] = None,
        arguments: Optional[List[Any]] = None,
        framework: Optional[str] = None,
        communicator: Optional[str] = None,
        conda_dependencies: Optional[CondaDependencies] = None,
        _history_enabled: Optional[bool] = None,
        _path: Optional[str] = None,
        _name: Optional[str] = None,
        command: Union[str, List[str], None] = None,
    ) -> None:
        self._set_defaults()
        self.script = script
        self.arguments = arguments if arguments is not None else []
        self.framework = framework or self.framework
        self.communicator = communicator or self.communicator
        if conda_dependencies is not None:
            self.environment.python.conda_dependencies = conda_dependencies
        if _history_enabled is not None:
            self.history.output_collection = _history_enabled
        self._path, self._name = _path, _name
        self.command = command if command is not None else ""

    def __setattr__(self, name: str, value: object) -> None:
        """A compute target is told by its name, or by the object that has it."""
        super().__setattr__(name, (getattr(value, "name", value) or "local") if name == "target" else value)

    @property
    def auto_prepare_environment(self) -> bool:
        """Always true: environments are prepared when they are needed."""
        return True

    @auto_prepare_environment.setter
    def auto_prepare_environment(self, auto_prepare_environment: bool) -> None:
        if not auto_prepare_environment:
            warn("auto_prepare_environment = False has no effect: environments are prepared when they are needed.")

    def save(
        self, path: Optional[str] = None, name: Optional[str] = None, separate_environment_yaml: bool = False
    ) -> None:
        """Write ``<name>.runconfig`` into the folder's ``.azureml`` (or ``aml_config``), the conda file beside it.

        Raises ``RunConfigurationException`` without a name.
        """
        folder, file = self._place(path, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        content = self.to_plain()
        if isinstance(self.environment, Environment):
            conda_file = file.parent / _CONDA_FILE
            self.environment.python.conda_dependencies.save(str(conda_file))
            python = content["environment"]["python"]
            del python["condaDependencies"]
            python["condaDependenciesFile"] = _relative(conda_file, folder)
        if separate_environment_yaml:
            environment_file = file.parent / _ENVIRONMENT_FILE
            environment_file.write_text(yaml_text.dump(content["environment"]), encoding="utf-8")
            content["environment"] = _relative(environment_file, folder)
        file.write_text(yaml_text.dump(content), encoding="utf-8")

    @staticmethod
    def load(path: str, name: Optional[str] = None) -> RunConfiguration:
        """The run configuration of that name in a folder, or of a file.

        Raises ``RunConfigurationException`` where there is none or it cannot be read.
        """
        file = _find(Path(path), name)
        content = yaml_text.load(file.read_text(encoding="utf-8"), str(file))
        if not isinstance(content, dict):
            message = f"'{file}' is not a run configuration."
            raise RunConfigurationException(message, target=str(file))
        folder = file.parent.parent if file.parent.name in {AZUREML_DIR, AML_CONFIG_DIR} else file.parent
        if isinstance(content.get("environment"), str):
            environment_file = _existing(content["environment"], folder, file)
            content["environment"] = yaml_text.load(environment_file.read_text("utf-8"), str(environment_file))
        configuration = RunConfiguration(_path=str(folder), _name=name or file.stem)
        if _is_reference(content.get("environment")):
            reference = EnvironmentReference(**content.pop("environment"))
            configuration.environment = reference  # type: ignore[assignment]  # it is found when the run is submitted
            configuration.read(content)
            return configuration
        configuration.read(content)
        configuration.check(f"'{file}'")
        python = configuration.environment.python
        if python.conda_dependencies_file and not python.user_managed_dependencies:
            conda_file = _existing(python.conda_dependencies_file, folder, file)
            python.conda_dependencies = CondaDependencies(str(conda_file))
        return configuration

    @staticmethod
    def delete(path: str, name: str) -> None:
        """Remove a run configuration's file. Raises ``RunConfigurationException`` where there is none."""
        _find(Path(path), name).unlink()

    def _place(self, path: Optional[str], name: Optional[str]) -> Tuple[Path, Path]:
        """The folder to which the file's paths relate, and the file to write."""
        name = name or self._name
        folder = Path(path or self._path or ".")
        if folder.suffix == RUNCONFIGURATION_EXTENSION:
            return folder.parent, folder
        if not name:
            message = "The run configuration has no name to be saved under."
            raise RunConfigurationException(message, hint="Pass one: run_configuration.save(path, name).")
        name = name if name.endswith(RUNCONFIGURATION_EXTENSION) else name + RUNCONFIGURATION_EXTENSION
        legacy = (folder / AML_CONFIG_DIR).is_dir() and not (folder / AZUREML_DIR).is_dir()
        return folder, folder / (AML_CONFIG_DIR if legacy else AZUREML_DIR) / name


def _find(path: Path, name: Optional[str]) -> Path:
    if path.is_file():
        return path
    names = [name, f"{name}{RUNCONFIGURATION_EXTENSION}"] if name else []
    candidates = [
        folder / each for folder in (path / AZUREML_DIR, path / AML_CONFIG_DIR, path) for each in reversed(names)
    ]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    message = f"Failed to load RunConfiguration from path={path} name={name}: there is no such file."
    hint = f"It is looked for as {candidates[0]}." if candidates else "Name the file, or the folder and the name."
    raise RunConfigurationException(message, target=str(path), hint=hint)


def _existing(named: str, folder: Path, file: Path) -> Path:
    """A file that a run configuration names, relative to its folder or beside it."""
    for candidate in (folder / named, file.parent / named, file.parent / Path(named).name):
        if candidate.is_file():
            return candidate
    message = f"'{file}' names the file '{named}', which is not there."
    raise RunConfigurationException(message, target=named, hint=f"It is looked for from {folder}.")


def _is_reference(environment: object) -> bool:
    """True where nothing is said of an environment but which one: a version of a registered one, or a curated one."""
    if not isinstance(environment, dict) or not set(environment) <= {"name", "version"}:
        return False
    return environment.get("version") is not None or is_curated(str(environment.get("name")))


def _relative(file: Path, folder: Path) -> str:
    try:
        return file.relative_to(folder).as_posix()
    except ValueError:
        return file.as_posix()
