"""Datasets that a run makes: where its files go, and what becomes of them."""

from __future__ import annotations

import copy
import os
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple, TypeVar, Union

from terrazul.core.errors import InvalidInput
from terrazul.core.ids import check_data_name
from terrazul.sdk.dataset_consumption import DatasetConsumptionConfig
from terrazul.sdk.run_data import OUTPUT_ARGUMENT, ForRun
from terrazul.wire.dataset import Step
from terrazul.wire.run_configuration import MOUNT, UPLOAD, DataOutput, OutputRegistration

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace

Output = TypeVar("Output", bound="OutputDatasetConfig")

_PLACE = DataOutput("").path
_RANDOM_BYTES = 4


class MountOptions:
    """How an output is mounted; there is nothing to choose here."""

    def __init__(self, disable_metadata_cache: bool = False) -> None:
        self.disable_metadata_cache = disable_metadata_cache


class UploadOptions:
    """How an output is uploaded."""

    def __init__(self, overwrite: bool = False, source_globs: Union[str, Sequence[str], None] = None) -> None:
        self.overwrite = overwrite
        self.source_globs = [source_globs] if isinstance(source_globs, str) else list(source_globs or [])


class RegistrationConfiguration:
    """Under which name an output is registered."""

    def __init__(self, name: str, description: Optional[str], tags: Optional[Mapping[str, Any]]) -> None:
        self.name = name
        self.description = description
        self.tags = tags


class OutputDatasetConfig:
    """A dataset that a run makes; put it among the arguments of the script.

    Each method gives another one and leaves this as it is. Raises ``InvalidInput`` for a name that cannot be a
    variable's.
    """

    def __init__(self, mode: str, name: Optional[str] = None, **kwargs: Any) -> None:
        del kwargs
        self.name = name or f"output_{os.urandom(_RANDOM_BYTES).hex()}"
        self.mode = mode
        self.destination: Any = None
        self.source: Optional[str] = None
        self._steps: List[Step] = []
        self._pattern = ""
        self._registration: Optional[RegistrationConfiguration] = None
        self._upload = UploadOptions()

    @property
    def name(self) -> str:
        """The name of the output; it can be set."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        self._name = check_data_name(name)

    @property
    def arg_val(self) -> str:
        """What stands among the arguments in the place of the folder."""
        return OUTPUT_ARGUMENT + self._name

    def register_on_complete(  # noqa: PYI019  # typing.Self is younger than Python 3.8
        self: Output, name: str, description: Optional[str] = None, tags: Optional[Mapping[str, Any]] = None
    ) -> Output:
        """Register the dataset as the next version of a name when the run has completed."""
        return self._with(_registration=RegistrationConfiguration(name, description, tags))

    def as_input(self, name: Optional[str] = None) -> DatasetConsumptionConfig:
        """The output as the input of the next step of a pipeline."""
        return DatasetConsumptionConfig(name or self._name, self, MOUNT)

    def for_run(self, workspace: Optional[Workspace] = None) -> ForRun:
        """What a run is told of the output. Terrazul's own."""
        del workspace
        datastore, path = _place_of(self.destination)
        registered = self._registration
        output = DataOutput(
            self._name,
            self.mode,
            datastore,
            path,
            path_on_compute=self.source or "",
            overwrite=self._upload.overwrite if self.mode == UPLOAD else True,
            source_globs=list(self._upload.source_globs),
            steps=list(self._steps),
            pattern=self._pattern,
        )
        if registered is None:
            return ForRun(self.arg_val, output)
        registration = OutputRegistration(registered.name, registered.description or "", _texts(registered.tags))
        return ForRun(self.arg_val, DataOutput(**{**vars(output), "registration": registration}))

    def give_to(self, other: OutputDatasetConfig) -> None:
        """Tell another kind of output all that this one was told, for Terrazul's own modules."""
        for name in ("mode", "destination", "source", "_registration", "_upload"):
            setattr(other, name, getattr(self, name))

    def _with(self: Output, **changed: Any) -> Output:  # noqa: PYI019  # as above
        """This output, with other values for some of its attributes."""
        other = copy.copy(self)
        for name, value in changed.items():
            setattr(other, name, value)
        return other

    def __deepcopy__(self: Output, memo: object) -> Output:  # noqa: PYI019  # as above
        """Run configurations are copied; of an output, which its methods leave as it is, what it names is shared."""
        del memo
        return copy.copy(self)

    def __str__(self) -> str:
        return self.arg_val


def _place_of(destination: Any) -> Tuple[str, str]:
    """The datastore's name (empty for the default one) and the path on it."""
    if destination is None:
        return "", _PLACE
    parts = tuple(destination) if isinstance(destination, (tuple, list)) else (destination, None)
    datastore = parts[0] if parts else None
    name = datastore if isinstance(datastore, str) else getattr(datastore, "name", None)
    if isinstance(destination, str) or len(parts) != 2 or not name:  # noqa: PLR2004  # a pair
        message = f"The destination {destination!r} of an output is no pair of a datastore and a path."
        raise InvalidInput(message, target="destination", hint="Pass (datastore, 'path/on/it').")
    return str(name), str(parts[1] or "").strip("/") or _PLACE


def _texts(tags: Optional[Mapping[str, Any]]) -> Dict[str, str]:
    return {str(key): str(value) for key, value in (tags or {}).items()}
