"""Where a script finds its data: in its arguments, and in its environment variables."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Callable

from terrazul.core.dataclass import dataclass
from terrazul.wire.run_configuration import RunDefinition

_INPUT, _OUTPUT = "DatasetConsumptionConfig", "DatasetOutputConfig"
_ARGUMENT = re.compile(rf"({_INPUT}|{_OUTPUT}):(\w+)", re.ASCII)
_REFERENCE = re.compile(r"\$(?:\{AZUREML_DATAREFERENCE_(\w+)\}|AZUREML_DATAREFERENCE_(\w+))", re.ASCII)
_REFERENCE_VARIABLE = "AZUREML_DATAREFERENCE_"


@dataclass(frozen=True)
class Place:
    """An input or output as the script finds it."""

    name: str
    value: str
    """The path of its file or folder; for a dataset that comes as itself, its id."""
    mode: str
    is_dataset: bool = True
    is_output: bool = False
    variable: str = ""
    """A further variable that says where."""


def fill_in(definition: RunDefinition, places: Sequence[Place]) -> RunDefinition:
    """The definition with the places in its arguments and its command."""
    if not places:
        return definition
    in_shell = shlex.quote if definition.command_is_shell else str
    return replace(
        definition,
        arguments=[_filled(each, places, str) for each in definition.arguments],
        command=[
            _filled(each, places, in_shell, references=not definition.command_is_shell) for each in definition.command
        ],
    )


def variables(places: Iterable[Place], inherited: Mapping[str, str]) -> dict[str, str]:
    """What v1 sets for each input and output; a name in capitals only where the machine has no such variable."""
    found: dict[str, str] = {}
    inputs: list[str] = []
    outputs: list[str] = []
    for place in places:
        found[_REFERENCE_VARIABLE + place.name] = place.value
        found[place.name] = place.value
        if place.name.upper() not in inherited:
            found.setdefault(place.name.upper(), place.value)
        if place.variable:
            found[place.variable] = place.value
        if place.is_dataset and place.is_output:
            outputs.append(place.name)
        elif place.is_dataset:
            inputs.append(f"{place.name}:{place.mode}")
    if inputs:
        found["AZUREML_DATASET_ENVIRONMENT_VARS"] = ",".join(inputs)
    if outputs:
        found["AZUREML_DATASET_FILE_OUTPUTS"] = ";".join(outputs)
    return found


def _filled(text: str, places: Sequence[Place], write: Callable[[str], str], *, references: bool = True) -> str:
    """A text with the places of its data; a shell fills in references by itself, since they are variables."""

    def of_argument(match: re.Match[str]) -> str:
        is_output = match[1] == _OUTPUT
        for place in places:
            if place.name == match[2] and place.is_output is is_output and place.is_dataset:
                return write(place.value)
        return match[0]

    def of_reference(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        known = [place for place in places if name == place.name or (match[2] and name.startswith(place.name))]
        if not known:
            return match[0]
        longest = max(known, key=lambda place: len(place.name))
        return longest.value + name[len(longest.name) :]

    filled = _ARGUMENT.sub(of_argument, text)
    return _REFERENCE.sub(of_reference, filled) if references else filled
