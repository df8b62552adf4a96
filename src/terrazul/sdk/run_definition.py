"""From a run configuration to what a runner is told: everything is checked here, before anything is sent."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, List, Optional, Sequence, Tuple, Union

from terrazul.core.errors import RunConfigurationException
from terrazul.sdk.run_configuration import RunConfiguration
from terrazul.sdk.run_data import REFERENCE_ARGUMENT, RunData, has_reference
from terrazul.sdk.unsupported import tell_not_yet
from terrazul.wire.distribution import distribution_of
from terrazul.wire.environment import EnvironmentDefinition
from terrazul.wire.run_configuration import History, RunDefinition

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace

_FRAMEWORKS = ("Python", "PySpark", "TensorFlow", "PyTorch", "CNTK")
_COMMUNICATORS = ("None", "ParameterServer", "Gloo", "OpenMpi", "IntelMpi", "Nccl", "ParallelTask")
_SHELL_TOKENS = frozenset("&|;<>$`*?~#()")
_SCRIPTS_TOLD = 10
_TYPED_KEYS = frozenset(
    ["script", "command", "arguments", "target", "framework", "communicator", "nodeCount", "maxRunDurationSeconds",
     "environment", "environmentVariables", "history", "data", "dataReferences", "outputData"]
)  # fmt: skip


def definition_of(
    configuration: RunConfiguration, source_directory: str, workspace: Optional[Workspace] = None
) -> RunDefinition:
    """What is to be executed, as it travels; datasets that the workspace does not know yet are saved there.

    Raises ``RunConfigurationException`` where script and command are both there or both missing, the script is not in
    the source directory, or a value cannot be used; ``CapabilityNotAvailable`` for what Terrazul does not have yet.
    """
    configuration.check("The run configuration")
    _check_script_or_command(configuration)
    _check_source_directory(source_directory)
    framework = _one_of("framework", configuration.framework, _FRAMEWORKS)
    communicator = _one_of("communicator", configuration.communicator, _COMMUNICATORS)
    _refuse_what_is_not_there_yet(configuration, framework, communicator)
    data = RunData(workspace)
    data.take_sections(configuration)
    command, is_shell = _command(configuration, data)
    arguments = [] if command else _texts(configuration.arguments, data)
    data.check_references([*command, *arguments])
    plain = configuration.to_plain()
    definition = RunDefinition(
        script=_script_in(source_directory, configuration.script) if configuration.script else "",
        command=command,
        command_is_shell=is_shell,
        arguments=arguments,
        target=str(configuration.target),
        framework=framework,
        communicator=communicator,
        node_count=int(configuration.node_count),
        max_run_duration_seconds=_limit(configuration.max_run_duration_seconds),
        environment=_environment(configuration),
        environment_variables={name: str(value) for name, value in configuration.environment_variables.items()},
        history=History(
            configuration.history.output_collection,
            list(configuration.history.directories_to_watch),
            configuration.history.snapshot_project,
        ),
        inputs=data.inputs,
        outputs=data.outputs,
        sections={name: value for name, value in plain.items() if name not in _TYPED_KEYS},
    )
    distribution_of(definition)
    return definition


def _check_script_or_command(configuration: RunConfiguration) -> None:
    if bool(configuration.script) == bool(configuration.command):
        both = "both a script and a command" if configuration.script else "neither a script nor a command"
        message = f"The run configuration names {both}."
        raise RunConfigurationException(message, target="script", hint="Give exactly one of the two.")


def _check_source_directory(source_directory: str) -> None:
    root = Path(source_directory)
    if not root.is_dir():
        what = "is not a directory" if root.exists() else "does not exist"
        message = f"The source directory '{source_directory}' {what}."
        hint = f"It is looked for as {root.absolute()}."
        raise RunConfigurationException(message, target=str(source_directory), hint=hint)


def _one_of(name: str, value: str, known: Sequence[str]) -> str:
    """The value as v1 writes it, whatever its capitals."""
    for each in known:
        if str(value).lower() == each.lower():
            return each
    message = f"The {name} {value!r} is not known."
    raise RunConfigurationException(message, target=name, hint=f"Known are {', '.join(known)}.")


def _refuse_what_is_not_there_yet(configuration: RunConfiguration, framework: str, communicator: str) -> None:
    if framework == "PySpark":
        tell_not_yet("The framework PySpark", "Spark")
    if configuration.datacaches:
        tell_not_yet("RunConfiguration.datacaches", "data caches")
    if communicator == "ParallelTask" and configuration.paralleltask.worker_count_per_node > 1:
        tell_not_yet("More than one worker on a node (ParallelTask)", "parallel tasks")


def _environment(configuration: RunConfiguration) -> EnvironmentDefinition:
    """The environment; the run configuration's docker section is the newer switch for its image."""
    definition = configuration.environment.definition()
    if not configuration.docker.use_docker:
        return definition
    return replace(definition, docker={**definition.docker, "enabled": True})


def _command(configuration: RunConfiguration, data: RunData) -> Tuple[List[str], bool]:
    """The command, and whether it is a line for the shell.

    That is one given as one text, and as in v1 a list of words that only a shell understands.
    """
    command = configuration.command
    if not command:
        return [], False
    arguments = _texts(configuration.arguments, data)
    if not isinstance(command, str):
        words = _texts(command, data)
        if not _SHELL_TOKENS.intersection("".join(map(_without_references, words))) and " " not in words[0].strip():
            return [*words, *arguments], False
        command = " ".join(words)
    return [" ".join([command, *map(_quoted, arguments)])], True


def _without_references(word: str) -> str:
    """A word without the variables that the runner fills in where there is no shell."""
    return word.replace(REFERENCE_ARGUMENT, "")


def _quoted(argument: str) -> str:
    """An argument as one word of a shell line, in which the place of a data reference is still found."""
    if not has_reference(argument):
        return shlex.quote(argument)
    return '"' + re.sub(r'(["\\`]|\$(?!AZUREML_DATAREFERENCE_))', r"\\\1", argument) + '"'


def _texts(arguments: Union[str, Sequence[Any], None], data: RunData) -> List[str]:
    """Arguments as the script gets them; one text is split as a shell does."""
    if isinstance(arguments, str):
        return shlex.split(arguments)
    return [data.text_of(each) for each in arguments or []]


def _limit(seconds: Optional[int]) -> Optional[int]:
    """The time limit; ``None`` is none."""
    if seconds is not None and seconds < 1:
        message = f"max_run_duration_seconds is {seconds}, which leaves a run no time."
        raise RunConfigurationException(
            message, target="max_run_duration_seconds", hint="Give at least 1, or None for no limit."
        )
    return None if seconds is None else int(seconds)


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
    names = sorted(path.name for path in root.glob("*.py"))[:_SCRIPTS_TOLD]
    return f"Scripts there: {', '.join(names)}." if names else f"There is no script in {root}."
