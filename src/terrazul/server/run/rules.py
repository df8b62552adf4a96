"""What must hold of runs. Pure functions; `next_state` is the one place where a state changes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from terrazul.core.clock import check_time
from terrazul.core.errors import AlreadyExists, Conflict, InvalidInput, RunConfigurationException
from terrazul.core.ids import check_data_name
from terrazul.core.paths import check_relative_path
from terrazul.wire.compute import LOCAL
from terrazul.wire.distribution import distribution_of
from terrazul.wire.metric import NUMBER_KEY, MetricPoint
from terrazul.wire.run import RunState
from terrazul.wire.run_configuration import DIRECT, DOWNLOAD, MOUNT, UPLOAD, DataInput, DataOutput, RunDefinition

NAME_LIMIT = 255
_LONGEST_RUN_SECONDS = 10 * 366 * 86400
_DEEPEST_VALUE = 100
_LARGEST_INTEGER = 2**63
_MOST_BITS = 13_000
"""Python writes integers of up to 4300 digits."""
_NUMBER_WORD = re.compile(r"(?:NaN|-?Infinity|-?[0-9]{1,3900})\Z", re.ASCII)

_ORDER = [
    RunState.NOT_STARTED,
    RunState.QUEUED,
    RunState.PROVISIONING,
    RunState.PREPARING,
    RunState.STARTING,
    RunState.RUNNING,
    RunState.FINALIZING,
]


def next_state(current: RunState, wanted: RunState, *, reopens: bool = False) -> RunState:
    """The state a run comes to when ``wanted`` is reported while it is in ``current``.

    A terminal state is final: repeating it changes nothing, and any later report is refused. A step back, as late
    reports bring it, changes nothing. After a request to cancel only the end counts, whose state is then *Canceled*
    unless the run had ended by itself before the request reached it.

    ``reopens`` is true where MLflow's protocol speaks of an interactive run: there the last word counts, so such a run
    goes on after its end, or ends otherwise.

    Raises ``Conflict`` for a change that contradicts a terminal state.
    """
    if current.terminal:
        if wanted is current or (reopens and (wanted.terminal or wanted is RunState.RUNNING)):
            return wanted
        raise Conflict(
            f"The run is {current.value} and cannot become {wanted.value}.",
            hint="A run that has ended keeps its state; submit a new one.",
        )
    if wanted.terminal or wanted is RunState.CANCEL_REQUESTED:
        return wanted
    if current is RunState.CANCEL_REQUESTED:
        return current
    return max(current, wanted, key=_ORDER.index)


def new_properties(there: Mapping[str, str], wanted: Mapping[str, str], owner: str) -> dict[str, str]:
    """Those of the wanted properties that ``owner`` does not have yet.

    Raises ``AlreadyExists`` where one of them is there with another value.
    """
    for key, value in wanted.items():
        if there.get(key, value) != value:
            raise AlreadyExists(
                f"The property {key!r} of {owner} is {there[key]!r} and cannot become {value!r}.",
                target=key,
                hint="Properties keep their first value; use a tag for what changes.",
            )
    return {key: value for key, value in wanted.items() if key not in there}


def check_definition(definition: RunDefinition) -> None:
    """Raise ``RunConfigurationException`` for what no process can be started with."""
    if bool(definition.script) == bool(definition.command):
        both = "both a script and a command" if definition.script else "neither a script nor a command"
        raise RunConfigurationException(
            f"The run configuration names {both}.", target="script", hint="Give exactly one of the two."
        )
    distribution_of(definition)
    if definition.node_count != 1 and definition.target == LOCAL:
        raise RunConfigurationException(
            f"The run asks for {definition.node_count} nodes; {LOCAL!r} is one.",
            target="node_count",
            hint="Submit it to a cluster: ComputeTarget.create(ws, name, AmlCompute.provisioning_configuration(...)). "
            "With node_count=1, several processes of a run share this machine.",
        )
    limit = definition.max_run_duration_seconds
    if limit is not None and not 1 <= limit <= _LONGEST_RUN_SECONDS:
        raise RunConfigurationException(
            f"A run cannot be limited to {limit} seconds.",
            target="max_run_duration_seconds",
            hint=f"Give 1 to {_LONGEST_RUN_SECONDS} seconds, or None for no limit.",
        )
    _check_texts(definition)
    check_data(definition.inputs, definition.outputs)


def check_data(inputs: Sequence[DataInput], outputs: Sequence[DataOutput]) -> None:
    """Raise ``RunConfigurationException`` for inputs and outputs that no script could find or no store could take."""
    names = [source.name for source in inputs] + [output.name for output in outputs]
    for name in names:
        check_data_name(name)
        if names.count(name) > 1:
            raise _bad_data(name, "there are two of that name")
    for source in inputs:
        if source.mode not in {DIRECT, MOUNT, DOWNLOAD} or (source.mode == DIRECT and not source.dataset_id):
            raise _bad_data(source.name, f"it cannot come in the mode {source.mode[:40]!r}")
        if bool(source.dataset_id) == bool(source.datastore):
            raise _bad_data(source.name, "it names neither a dataset nor a datastore, or both")
        _check_place(source.name, source.path, source.path_on_compute, source.environment_variable)
    for output in outputs:
        if output.mode not in {MOUNT, UPLOAD}:
            raise _bad_data(output.name, f"it cannot go in the mode {output.mode[:40]!r}")
        _check_place(output.name, output.path, output.path_on_compute, output.environment_variable)
        _check_place(output.name, output.pattern, "", "")


def _check_place(name: str, path: str, path_on_compute: str, variable: str) -> None:
    here = path_on_compute.replace("\\", "/").split("/")
    if "\0" in path_on_compute or ".." in here:
        raise _bad_data(name, f"{path_on_compute[:80]!r} is no path for it")
    if path.rstrip("/"):
        try:
            check_relative_path(path.rstrip("/"))
        except InvalidInput as problem:
            raise _bad_data(name, problem.message) from None
    if variable:
        check_data_name(variable)


def _bad_data(name: str, reason: str) -> RunConfigurationException:
    return RunConfigurationException(
        f"The input or output {name[:80]!r} cannot be: {reason.rstrip('.')}.",
        target=name[:80],
        hint="Make it with dataset.as_named_input(...), datastore.path(...) or OutputFileDatasetConfig(...).",
    )


def _check_texts(definition: RunDefinition) -> None:
    variables = {**definition.environment.environment_variables, **definition.environment_variables}
    texts = [*definition.arguments, *definition.command, definition.environment.interpreter_path]
    for text in [*texts, *variables, *variables.values()]:
        if "\0" in text:
            raise RunConfigurationException(
                f"{text[:80]!r} holds the character NUL, which no argument and no variable can hold.", target=text[:80]
            )
    for name in variables:
        if not name or "=" in name:
            raise RunConfigurationException(
                f"{name[:80]!r} cannot be the name of an environment variable.",
                target=name[:80],
                hint="Use letters, digits and '_'.",
            )


def has_started(state: RunState) -> bool:
    """True from the moment at which the user's code may have run."""
    return state in {RunState.RUNNING, RunState.FINALIZING}


def check_point(point: MetricPoint) -> None:
    """Raise ``InvalidInput`` for a metric point that could not be given back as it was."""
    if not 1 <= len(point.name) <= NAME_LIMIT:
        raise InvalidInput(
            f"The metric name {point.name[:80]!r} is not valid.",
            target=point.name[:80],
            hint=f"Use 1 to {NAME_LIMIT} characters.",
        )
    check_time(point.time)
    if point.step is not None and not -_LARGEST_INTEGER <= point.step < _LARGEST_INTEGER:
        raise InvalidInput(f"The step of the metric {point.name!r} has more than 64 bits.", target=point.name)
    _check_value(point.name, point.value, _DEEPEST_VALUE)


def is_word(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a value of a metric is a number that JSON has no form for: NaN, an infinity, a long integer."""
    return isinstance(value, dict) and value.keys() == {NUMBER_KEY}


def _check_value(name: str, value: Any, depth: int) -> None:
    """Look for numbers that are none, and for more levels than every reader can follow."""
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise InvalidInput(f"The metric {name!r} has a number of {value.bit_length()} bits.", target=name)
    if not isinstance(value, (list, dict)):
        return
    if not depth:
        raise InvalidInput(f"The metric {name!r} has more than {_DEEPEST_VALUE} levels.", target=name)
    if is_word(value):
        word = value[NUMBER_KEY]
        if not (isinstance(word, str) and _NUMBER_WORD.match(word)):
            raise InvalidInput(f"The metric {name!r} has a number that is none: {str(word)[:80]!r}.", target=name)
        return
    for each in value.values() if isinstance(value, dict) else value:
        _check_value(name, each, depth - 1)
