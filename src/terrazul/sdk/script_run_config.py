"""A script with everything that is needed to execute it: what ``Experiment.submit`` takes."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Union

from terrazul.core.errors import RunConfigurationException
from terrazul.sdk.client import class_of
from terrazul.sdk.console import warn
from terrazul.sdk.environment import Environment, EnvironmentReference
from terrazul.sdk.run_configuration import (
    DockerConfiguration,
    MpiConfiguration,
    PyTorchConfiguration,
    RunConfiguration,
    TensorflowConfiguration,
)
from terrazul.sdk.run_definition import definition_of
from terrazul.sdk.unsupported import tell_not_yet
from terrazul.wire.run_configuration import RunDefinition

if TYPE_CHECKING:
    from terrazul.sdk.experiment import Experiment
    from terrazul.sdk.run import Run
    from terrazul.sdk.workspace import Workspace

DistributedJob = Union[MpiConfiguration, PyTorchConfiguration, TensorflowConfiguration]

_MAX_DURATION_SECONDS = 30 * 24 * 3600


class ScriptRunConfig:
    """A source directory, a script (or a command) in it, and the run configuration.

    As in v1 only the classes of the arguments are checked here: that the script is there, that it is not given beside a
    command, and the values, are checked when it is submitted.
    """

    MAX_DURATION_SECONDS_DEFAULT = _MAX_DURATION_SECONDS

    def __init__(
        self,
        source_directory: Optional[str],
        script: Optional[str] = None,
        arguments: Union[List[Any], str, None] = None,
        run_config: Optional[RunConfiguration] = None,
        _telemetry_values: Optional[Dict[str, Any]] = None,
        compute_target: Any = None,
        environment: Union[Environment, EnvironmentReference, None] = None,
        distributed_job_config: Optional[DistributedJob] = None,
        resume_from: Any = None,
        max_run_duration_seconds: Optional[int] = _MAX_DURATION_SECONDS,
        command: Union[str, List[str], None] = None,
        docker_runtime_config: Optional[DockerConfiguration] = None,
    ) -> None:
        _check_kind("run_config", run_config, RunConfiguration)
        _check_kind("environment", environment, Environment, EnvironmentReference)
        _check_kind(
            "distributed_job_config",
            distributed_job_config,
            MpiConfiguration,
            PyTorchConfiguration,
            TensorflowConfiguration,
        )
        _check_kind("docker_runtime_config", docker_runtime_config, DockerConfiguration)
        if resume_from is not None:
            tell_not_yet("ScriptRunConfig(resume_from=…)", "outputs of other runs as inputs")
        self.source_directory = source_directory
        self.script = script
        self.arguments = arguments
        self.command = command
        if run_config is not None:
            self.run_config = run_config
            if any(each is not None for each in (compute_target, environment, distributed_job_config)):
                warn(
                    "If 'run_config' is specified, 'compute_target', 'environment', 'distributed_job_config', "
                    "'max_run_duration_seconds' and 'docker_runtime_config' are taken from it."
                )
            return
        self.run_config = RunConfiguration()
        self.run_config.target = compute_target
        self.run_config.max_run_duration_seconds = max_run_duration_seconds
        if environment is not None:
            self.run_config.environment = environment  # type: ignore[assignment]  # a reference is resolved later
        if distributed_job_config is not None:
            distribute(self.run_config, distributed_job_config)
        if docker_runtime_config is not None:
            self.run_config.docker = docker_runtime_config

    def definition(self, workspace: Optional[Workspace] = None) -> RunDefinition:
        """What is to be executed, as it travels; an environment that is only named is looked up in the workspace.

        Raises ``RunConfigurationException`` and ``CapabilityNotAvailable`` for what cannot be executed as it is
        described, ``NotFound`` for an environment that is not there.
        """
        configuration = get_run_config_from_script_run(self)
        environment: object = configuration.environment
        if isinstance(environment, EnvironmentReference) and workspace is not None:
            configuration.environment = environment.get_environment(workspace)
        return definition_of(configuration, self.source_directory or ".", workspace)


def get_run_config_from_script_run(script_run_config: ScriptRunConfig) -> RunConfiguration:
    """The whole run configuration: a copy, with the script, arguments and command in it."""
    configuration = copy.deepcopy(script_run_config.run_config)
    configuration.script = script_run_config.script or configuration.script
    configuration.command = script_run_config.command or configuration.command
    if script_run_config.arguments:
        configuration.arguments = copy.copy(script_run_config.arguments)
    return configuration


def submit(
    script_run_config: ScriptRunConfig,
    workspace: Workspace,
    experiment_name: str,
    run_id: Optional[str] = None,
    _parent_run_id: Optional[str] = None,
    credential_passthrough: bool = False,
) -> Run:
    """Submit as ``Experiment.submit`` does."""
    del credential_passthrough
    experiment: Experiment = class_of("experiment")(workspace, experiment_name)
    return experiment.submit(script_run_config, run_id=run_id, _parent_run_id=_parent_run_id)


def distribute(configuration: RunConfiguration, job: DistributedJob) -> None:
    """Have the processes of a run be started and find each other as a job says."""
    if isinstance(job, MpiConfiguration):
        configuration.communicator, configuration.node_count = "IntelMpi", job.node_count
        configuration.mpi = job
    elif isinstance(job, PyTorchConfiguration):
        configuration.communicator, configuration.node_count = job.communication_backend, job.node_count
        configuration.framework, configuration.pytorch = "PyTorch", job
    else:
        configuration.communicator, configuration.node_count = "ParameterServer", job.worker_count
        configuration.framework, configuration.tensorflow = "TensorFlow", job


def _check_kind(name: str, value: object, *kinds: type) -> None:
    """Raise ``RunConfigurationException`` for an argument that is given and not of one of the kinds."""
    if value is not None and not isinstance(value, kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        message = f"'{name}' must be of {wanted}, and is {value!r}."
        raise RunConfigurationException(message, target=name, hint=f"Pass an object of {wanted}.")
