"""The datasets of a run: what a script was given, and what a run read and made."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Mapping, Optional, Type

from terrazul.core.errors import NotFound
from terrazul.sdk.client import class_of
from terrazul.wire.lineage import DatasetUse
from terrazul.wire.run_configuration import DIRECT, RunDefinition

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace

INPUTS_VARIABLE = "AZUREML_DATASET_ENVIRONMENT_VARS"
OUTPUTS_VARIABLE = "AZUREML_DATASET_FILE_OUTPUTS"


class _ByName(Mapping[str, Any]):
    """Values by name, each found when it is asked for."""

    _what = "dataset"
    workspace: Workspace

    def __init__(self, found: Mapping[str, Callable[[], Any]]) -> None:
        self._found = found
        self._values: Dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._found:
            names = ", ".join(map(repr, self._found)) or "none"
            raise _NoSuchDataset(f"The run has no {self._what} {name!r}; it has {names}.")
        if name not in self._values:
            self._values[name] = self._found[name]()
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._found)})"


class _NoSuchDataset(KeyError):
    """As ``KeyError``, with a message that is read as a sentence."""

    def __str__(self) -> str:
        return str(self.args[0])


class InputDatasets(_ByName):
    """What a script was given to read: the path of a mounted or downloaded input, or the dataset itself."""

    _what = "input"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__({name: _value_of(workspace, name, mode) for name, mode in names_of_inputs().items()})
        self.workspace = workspace


class OutputDatasets(_ByName):
    """The folders that a script writes its outputs to."""

    _what = "output"

    def __init__(self, workspace: Workspace) -> None:
        names = filter(None, os.environ.get(OUTPUTS_VARIABLE, "").split(";"))
        super().__init__({name: _variable(name) for name in names})
        self.workspace = workspace


def names_of_inputs() -> Dict[str, str]:
    """The names of the inputs that the variables of this process tell of, each with its mode."""
    told = filter(None, os.environ.get(INPUTS_VARIABLE, "").split(","))
    return dict(each.rpartition(":")[::2] for each in told)


def of_uses(workspace: Workspace, uses: List[DatasetUse], *, made: bool) -> Mapping[str, Any]:
    """The datasets that a run read, or those that it made, by the names of its inputs and outputs."""
    kind: Type[_ByName] = OutputDatasets if made else InputDatasets
    found = kind.__new__(kind)
    wanted = {use.name or use.dataset_id: _dataset(workspace, use.dataset_id) for use in uses if use.is_output is made}
    _ByName.__init__(found, wanted)
    found.workspace = workspace
    return found


def details_of(
    workspace: Optional[Workspace], uses: List[DatasetUse], definition: Optional[RunDefinition]
) -> Dict[str, List[Dict[str, Any]]]:
    """``inputDatasets`` and ``outputDatasets`` of a run's details, as v1 shapes them."""
    inputs = {each.name: each for each in definition.inputs} if definition else {}
    read = []
    for use in uses:
        if use.is_output:
            continue
        consumption: Dict[str, Any] = {"type": "RunInput" if use.name else "Reference"}
        if use.name:
            told = inputs.get(use.name)
            consumption["inputName"] = use.name
            consumption["mechanism"] = (told.mode if told else DIRECT).capitalize()
            if told and told.path_on_compute:
                consumption["pathOnCompute"] = told.path_on_compute
        read.append({"dataset": _told(workspace, use.dataset_id), "consumptionDetails": consumption})
    made = [
        {
            "identifier": {"savedId": use.dataset_id},
            "outputType": "RunOutput",
            "outputDetails": {"outputName": use.name},
            "dataset": _told(workspace, use.dataset_id),
        }
        for use in uses
        if use.is_output
    ]
    return {"inputDatasets": read, "outputDatasets": made}


def _told(workspace: Optional[Workspace], dataset_id: str) -> Any:
    """The dataset as an object, or its id alone where it cannot be had any more."""
    if workspace is not None:
        try:
            return _dataset(workspace, dataset_id)()
        except NotFound:
            pass
    return {"id": dataset_id}


def _value_of(workspace: Workspace, name: str, mode: str) -> Callable[[], Any]:
    return _dataset(workspace, os.environ.get(name, "")) if mode.lower() == DIRECT else _variable(name)


def _variable(name: str) -> Callable[[], str]:
    return lambda: os.environ[name]


def _dataset(workspace: Workspace, dataset_id: str) -> Callable[[], Any]:
    return lambda: class_of("dataset.dataset").get_by_id(workspace, dataset_id)
