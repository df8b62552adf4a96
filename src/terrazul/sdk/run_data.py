"""What a run reads and writes, from a run configuration and from the objects among its arguments."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Union

from terrazul.core.errors import RunConfigurationException
from terrazul.core.ids import check_data_name
from terrazul.data.pattern import normal
from terrazul.sdk.run_configuration import (
    Data,
    DataLocation,
    DataPath,
    DataReferenceConfiguration,
    Dataset,
    GlobsOptions,
    OutputData,
    OutputOptions,
    RegistrationOptions,
    RunConfiguration,
    UploadOptions,
)
from terrazul.sdk.unsupported import tell_not_yet
from terrazul.wire.run_configuration import (
    DIRECT,
    DOWNLOAD,
    MOUNT,
    UPLOAD,
    DataInput,
    DataOutput,
    OutputRegistration,
    RunDefinition,
)

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace

INPUT_ARGUMENT = "DatasetConsumptionConfig:"
OUTPUT_ARGUMENT = "DatasetOutputConfig:"
REFERENCE_ARGUMENT = "$AZUREML_DATAREFERENCE_"
_REFERENCE = re.compile(r"\$AZUREML_DATAREFERENCE_(\w+)", re.ASCII)
_MODES = (DIRECT, MOUNT, DOWNLOAD, UPLOAD)


class ForRun(NamedTuple):
    """What an object among the arguments means: the text in its place, and the data that it stands for."""

    argument: str
    data: Union[DataInput, DataOutput]


class RunData:
    """The inputs and outputs of one run, by name."""

    def __init__(self, workspace: Optional[Workspace] = None) -> None:
        self._workspace = workspace
        self._inputs: Dict[str, DataInput] = {}
        self._outputs: Dict[str, DataOutput] = {}

    @property
    def inputs(self) -> List[DataInput]:
        """What the run reads."""
        return list(self._inputs.values())

    @property
    def outputs(self) -> List[DataOutput]:
        """What the run writes."""
        return list(self._outputs.values())

    def take_sections(self, configuration: RunConfiguration) -> None:
        """Take over what the sections of a run configuration name.

        Raises ``RunConfigurationException`` for what names no data, or a mode that is none.
        """
        for name, data in configuration.data.items():
            self.add(_of_data(name, data, self._workspace))
        for name, reference in configuration.data_references.items():
            self.add(of_reference(name, reference))
        for name, output in configuration.output_data.items():
            self.add(_of_output(name, output))

    def text_of(self, argument: Any) -> str:
        """An argument as it travels; the data that it stands for is taken over."""
        for_run = getattr(argument, "for_run", None)
        if for_run is not None:
            meant: ForRun = for_run(self._workspace)
            self.add(meant.data)
            return meant.argument
        return os.fspath(argument) if isinstance(argument, os.PathLike) else str(argument)

    def add(self, data: Union[DataInput, DataOutput]) -> None:
        """Take one over. Raises ``RunConfigurationException`` where the name stands for something else already."""
        there: Dict[str, Any] = self._inputs if isinstance(data, DataInput) else self._outputs
        other: Dict[str, Any] = self._outputs if isinstance(data, DataInput) else self._inputs
        if data.name in other or there.setdefault(data.name, data) != data:
            message = f"Two inputs or outputs of the run have the name {data.name!r}."
            raise RunConfigurationException(message, target=data.name, hint="Give each of them a name of its own.")

    def check_references(self, texts: List[str]) -> None:
        """Raise ``RunConfigurationException`` for a data reference in a text that the run does not have."""
        for text in texts:
            for name in _REFERENCE.findall(text):
                if not any(name.startswith(known) for known in (*self._inputs, *self._outputs)):
                    message = f"There is no data reference {name!r} in the run, which {text[:80]!r} names."
                    hint = "Pass the reference itself, or put reference.to_config() into run_config.data_references."
                    raise RunConfigurationException(message, target=name, hint=hint)


def has_reference(text: str) -> bool:
    """Whether a text holds the place of a data reference."""
    return _REFERENCE.search(text) is not None


def of_reference(name: str, reference: DataReferenceConfiguration) -> Union[DataInput, DataOutput]:
    """A path of a datastore that a run reads, or uploads to."""
    mode = _mode(name, reference.mode)
    if not reference.data_store_name:
        message = f"The data reference {name!r} names no datastore."
        raise RunConfigurationException(message, target=name, hint="Set its data_store_name.")
    place = (str(reference.data_store_name), normal(str(reference.path_on_data_store or "")))
    if mode == UPLOAD:
        return DataOutput(
            check_data_name(name),
            UPLOAD,
            *place,
            path_on_compute=reference.path_on_compute or "",
            overwrite=bool(reference.overwrite),
            is_dataset=False,
        )
    return DataInput(
        check_data_name(name),
        mode,
        datastore=place[0],
        path=place[1],
        path_on_compute=reference.path_on_compute or "",
        overwrite=bool(reference.overwrite),
    )


def sections_of(definition: RunDefinition) -> Dict[str, Dict[str, Any]]:
    """The inputs and outputs of a run as v1's sections of a run configuration."""
    references: List[Union[DataInput, DataOutput]] = [each for each in definition.inputs if not each.dataset_id]
    references += [each for each in definition.outputs if not each.is_dataset]
    return {
        "dataReferences": {each.name: _reference(each).to_plain() for each in references},
        "data": {each.name: _data(each).to_plain() for each in definition.inputs if each.dataset_id},
        "outputData": {each.name: _output(each).to_plain() for each in definition.outputs if each.is_dataset},
    }


def _reference(data: Union[DataInput, DataOutput]) -> DataReferenceConfiguration:
    return DataReferenceConfiguration(
        data.datastore, data.mode.capitalize(), data.path, data.path_on_compute or None, data.overwrite
    )


def _data(data: DataInput) -> Data:
    return Data(
        DataLocation(Dataset(data.dataset_id)),
        create_output_directories=False,
        mechanism=data.mode.capitalize(),
        environment_variable_name=data.environment_variable or data.name,
        path_on_compute=data.path_on_compute or None,
        overwrite=data.overwrite,
    )


def _output(data: DataOutput) -> OutputData:
    registered = data.registration
    return OutputData(
        DataLocation(data_path=DataPath(data.datastore or None, data.path)),
        data.mode.capitalize(),
        OutputOptions(
            data.path_on_compute or None,
            RegistrationOptions(registered.name, registered.description, dict(registered.tags)) if registered else None,
            UploadOptions(data.overwrite, GlobsOptions(list(data.source_globs)) if data.source_globs else None),
        ),
    )


def _of_data(name: str, data: Data, workspace: Optional[Workspace]) -> Union[DataInput, DataOutput]:
    location = data.data_location
    if location is None or location.uri is not None:
        if location is not None:
            tell_not_yet("RunConfiguration.data with a Uri", "addresses as inputs of runs")
        message = f"The input {name!r} says not where its data is."
        raise RunConfigurationException(message, target=name, hint="Give it a data_location.")
    if location.data_path is not None:
        path = location.data_path
        mode = MOUNT if str(data.mechanism).lower() == DIRECT else data.mechanism
        place = DataReferenceConfiguration(
            path.datastore_name, mode, path.relative_path, data.path_on_compute, data.overwrite
        )
        return of_reference(name, place)
    dataset = location.dataset
    dataset_id = (dataset.id or "") if dataset else ""
    if dataset and not dataset_id and dataset.name and workspace:
        dataset_id = _id_of(workspace, dataset.name, dataset.version)
    if not dataset_id:
        message = f"The input {name!r} names no dataset."
        raise RunConfigurationException(message, target=name, hint="Give its data_location the id of a dataset.")
    return DataInput(
        check_data_name(name),
        _mode(name, data.mechanism),
        dataset_id,
        path_on_compute=data.path_on_compute or "",
        environment_variable=data.environment_variable_name or "",
        overwrite=bool(data.overwrite),
    )


def _of_output(name: str, output: OutputData) -> DataOutput:
    options = output.additional_options
    location = output.output_location
    path = location.data_path if location is not None else None
    registered = options.registration_options if options is not None else None
    uploaded = options.upload_options if options is not None else None
    globs = uploaded.source_globs if uploaded is not None else None
    registration = None
    if registered is not None and registered.name:
        registration = OutputRegistration(
            registered.name,
            registered.description or "",
            {key: str(tag) for key, tag in (registered.tags or {}).items()},
        )
    mode = _mode(name, output.mechanism)
    default = DataOutput("")
    return DataOutput(
        check_data_name(name),
        mode,
        (path.datastore_name or "") if path else "",
        (path.relative_path or default.path) if path else default.path,
        path_on_compute=(options.path_on_compute or "") if options else "",
        overwrite=bool(uploaded.overwrite) if uploaded and mode == UPLOAD else True,
        source_globs=list(globs.patterns or []) if globs else [],
        registration=registration,
    )


def _mode(name: str, mode: str) -> str:
    """The mode as it travels; v1 writes it with and without a capital."""
    known = str(mode or DIRECT).lower()
    if known not in _MODES:
        message = f"The mode {mode!r} of {name!r} is not known."
        raise RunConfigurationException(message, target=name, hint=f"Known are {', '.join(_MODES)}.")
    return known


def _id_of(workspace: Workspace, name: str, version: Optional[str]) -> str:
    from urllib.parse import quote  # noqa: PLC0415  # seldom needed, and a script's first line must come soon

    from terrazul.wire.dataset import Dataset  # noqa: PLC0415  # as above

    query = {"version": None if version in {None, "", "latest"} else str(version)}
    return workspace.client.get(Dataset, f"/datasets/by-name/{quote(name, safe='')}", query).id
