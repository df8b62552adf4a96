"""A script with everything that is needed to execute it: what ``Experiment.submit`` takes."""

from __future__ import annotations

import copy
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Union

from terrazul.core.errors import RunConfigurationException
from terrazul.sdk.client import class_of
from terrazul.sdk.console import warn
from terrazul.sdk.run_configuration import (
    DockerConfiguration,
    MpiConfiguration,
    ParallelTaskConfiguration,
    PyTorchConfiguration,
    RunConfiguration,
    TensorflowConfiguration,
)
from terrazul.sdk.unsupported import tell_not_yet
from terrazul.wire.run_configuration import History, RunDefinition

if TYPE_CHECKING:
    from terrazul.sdk.environment import Environment
    from terrazul.sdk.experiment import Experiment
    from terrazul.sdk.run import Run
    from terrazul.sdk.workspace import Workspace

DistributedJob = Union[MpiConfiguration, PyTorchConfiguration, TensorflowConfiguration, ParallelTaskConfiguration]

_MAX_DURATION_SECONDS = 30 * 24 * 3600
_SHELL_TOKENS = frozenset("&|;<>$`*?~#()")
_TYPED_KEYS = frozenset(
    ["script", "command", "arguments", "target", "framework", "communicator", "nodeCount", "maxRunDurationSeconds",
     "environment", "environmentVariables", "history"]
)  # fmt: skip


class ScriptRunConfig:
    """A source directory, a script (or a command) in it, and the run configuration.

    As in v1, nothing is checked here: that the script is there, and that it is not given beside a command, is checked
    when it is submitted.
    """

    MAX_DURATION_SECONDS_DEFAULT = _MAX_DURATION_SECONDS

    def __init__(
        self,
        source_directory: Optional[str],
        script: Optional[str] = None,
        arguments: Optional[List[Any]] = None,
        run_config: Optional[RunConfiguration] = None,
        _telemetry_values: Optional[Dict[str, Any]] = None,
        compute_target: Any = None,
        environment: Optional[Environment] = None,
        distributed_job_config: Optional[DistributedJob] = None,
        resume_from: Any = None,
        max_run_duration_seconds: Optional[int] = _MAX_DURATION_SECONDS,
        command: Union[str, List[str], None] = None,
        docker_runtime_config: Optional[DockerConfiguration] = None,
    ) -> None:
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
            self.run_config.environment = environment
        if distributed_job_config is not None:
            _set_job(self.run_config, distributed_job_config)
        if docker_runtime_config is not None:
            self.run_config.docker = docker_runtime_config

    def definition(self) -> RunDefinition:
        """What is to be executed, as it travels.

        Raises ``RunConfigurationException`` where script and command are both there or both missing, or the script is
        not in the source directory.
        """
        configuration = get_run_config_from_script_run(self)
        if bool(configuration.script) == bool(configuration.command):
            both = "both a script and a command" if configuration.script else "neither a script nor a command"
            message = f"The run configuration names {both}."
            raise RunConfigurationException(message, target="script", hint="Give exactly one of the two.")
        command = configuration.command
        is_shell = isinstance(command, str) or bool(_SHELL_TOKENS.intersection("".join(map(str, command))))
        words = _command_words(command, _texts(configuration.arguments), is_shell=is_shell)
        plain = configuration.to_plain()
        return RunDefinition(
            script=_script_in(self.source_directory or ".", configuration.script) if configuration.script else "",
            command=words,
            command_is_shell=bool(command) and is_shell,
            arguments=[] if command else _texts(configuration.arguments),
            target=configuration.target,
            framework=configuration.framework,
            communicator=configuration.communicator,
            node_count=configuration.node_count,
            max_run_duration_seconds=configuration.max_run_duration_seconds,
            environment=configuration.environment.definition(),
            environment_variables={
                name: str(value) for name, value in (configuration.environment_variables or {}).items()
            },
            history=History(
                bool(configuration.history.output_collection),
                list(configuration.history.directories_to_watch or []),
                bool(configuration.history.snapshot_project),
            ),
            sections={name: value for name, value in plain.items() if name not in _TYPED_KEYS},
        )


def get_run_config_from_script_run(script_run_config: ScriptRunConfig) -> RunConfiguration:
    """The whole run configuration: a copy, with the script, arguments and command in it."""
    configuration = copy.deepcopy(script_run_config.run_config)
    configuration.script = script_run_config.script or configuration.script
    configuration.command = script_run_config.command or configuration.command
    if script_run_config.arguments:
        given: Union[str, Sequence[Any]] = script_run_config.arguments
        configuration.arguments = shlex.split(given) if isinstance(given, str) else list(given)
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


def _set_job(configuration: RunConfiguration, job: DistributedJob) -> None:
    if isinstance(job, MpiConfiguration):
        configuration.communicator, configuration.node_count = "IntelMpi", job.node_count
        configuration.mpi = job
    elif isinstance(job, PyTorchConfiguration):
        configuration.communicator, configuration.node_count = job.communication_backend, job.node_count
        configuration.framework, configuration.pytorch = "PyTorch", job
    elif isinstance(job, TensorflowConfiguration):
        configuration.communicator, configuration.node_count = "ParameterServer", job.worker_count
        configuration.framework, configuration.tensorflow = "TensorFlow", job
    else:
        configuration.communicator, configuration.paralleltask = "ParallelTask", job


def _texts(arguments: Optional[Sequence[Any]]) -> List[str]:
    """Arguments as the script gets them."""
    return [os.fspath(each) if isinstance(each, os.PathLike) else str(each) for each in arguments or []]


def _command_words(command: Union[str, List[str]], arguments: List[str], *, is_shell: bool) -> List[str]:
    """A command given as one text, or with the shell's signs in it, is one line for the shell, as in v1."""
    if not command:
        return []
    if not is_shell:
        return [*map(str, command), *arguments]
    line = command if isinstance(command, str) else " ".join(map(str, command))
    return [" ".join([line, *map(shlex.quote, arguments)])]


def _script_in(source_directory: str, script: str) -> str:
    """The script relative to the source directory, ``/`` between its parts."""
    root = Path(source_directory).resolve()
    file = (root / script.replace("\\", "/")).resolve()
    if not file.is_file():
        message = f"The script '{script}' is not in the source directory '{source_directory}'."
        raise RunConfigurationException(message, target=script, hint=_scripts_there(root))
    try:
        return file.relative_to(root).as_posix()
    except ValueError:
        message = f"The script '{script}' lies outside of the source directory '{source_directory}'."
        raise RunConfigurationException(message, target=script, hint="Give it relative to the directory.") from None


def _scripts_there(root: Path) -> str:
    names = sorted(path.name for path in root.glob("*.py"))[:10]
    return f"There are {', '.join(names)}." if names else f"There is no script in {root}."
