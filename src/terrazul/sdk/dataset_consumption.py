"""How a dataset comes to a run: as itself, mounted, or downloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from terrazul.core.errors import UserErrorException
from terrazul.core.ids import check_data_name
from terrazul.sdk.run_data import INPUT_ARGUMENT, ForRun
from terrazul.sdk.unsupported import not_yet, tell_not_yet
from terrazul.wire.dataset import TABULAR
from terrazul.wire.run_configuration import DIRECT, DOWNLOAD, MOUNT, DataInput

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace

_AUTOMATIC = "input__"
_ID_SHOWN = 8


class DatasetConsumptionConfig:
    """A dataset under the name by which a script finds it; put it among the arguments of the script.

    ``direct`` gives the script the dataset, ``mount`` and ``download`` the path of its files. Raises ``InvalidInput``
    for a name that cannot be a variable's, ``UserErrorException`` for a mode that the dataset cannot come in.
    """

    def __init__(self, name: str, dataset: Any, mode: str = DIRECT, path_on_compute: Optional[str] = None) -> None:
        self.name = name
        self.dataset = dataset
        self.mode = _checked(mode, dataset)
        self.path_on_compute = path_on_compute

    @property
    def name(self) -> str:
        """The name of the input; it can be set."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        self._name = check_data_name(name)

    @property
    def arg_val(self) -> str:
        """What stands among the arguments in the place of the path or id."""
        return INPUT_ARGUMENT + self._name

    def as_mount(self, path_on_compute: Optional[str] = None) -> DatasetConsumptionConfig:
        """The same input as a folder in which the files are found, and read when they are needed."""
        return DatasetConsumptionConfig(self._name, self.dataset, MOUNT, path_on_compute)

    def as_download(self, path_on_compute: Optional[str] = None) -> DatasetConsumptionConfig:
        """The same input as a folder into which the files are brought before the script starts."""
        return DatasetConsumptionConfig(self._name, self.dataset, DOWNLOAD, path_on_compute)

    as_hdfs = not_yet("DatasetConsumptionConfig.as_hdfs", "Spark")

    def for_run(self, workspace: Optional[Workspace] = None) -> ForRun:
        """What a run is told of the input; a dataset that the workspace does not know is saved. Terrazul's own."""
        save = getattr(self.dataset, "save", None)
        if save is None:
            tell_not_yet(f"An input of the type {type(self.dataset).__name__}", "pipelines")
        found = DataInput(self._name, self.mode, save(workspace), path_on_compute=self.path_on_compute or "")
        return ForRun(self.arg_val, found)

    def __deepcopy__(self, memo: object) -> DatasetConsumptionConfig:
        """Run configurations are copied; the dataset, which never changes, is not."""
        del memo
        return DatasetConsumptionConfig(self._name, self.dataset, self.mode, self.path_on_compute)

    def __str__(self) -> str:
        return self.arg_val


def automatic(dataset: Any, mode: str = DIRECT, path_on_compute: Optional[str] = None) -> DatasetConsumptionConfig:
    """The consumption of a dataset that nobody has named: by the beginning of its id, as v1 does."""
    name = _AUTOMATIC + str(dataset.save())[:_ID_SHOWN]
    return DatasetConsumptionConfig(name, dataset, mode, path_on_compute)


def _checked(mode: str, dataset: Any) -> str:
    known = str(mode).lower()
    if known not in {DIRECT, MOUNT, DOWNLOAD}:
        message = f"A dataset cannot be consumed in the mode {mode!r}."
        raise UserErrorException(message, target="mode", hint="Use 'direct', 'mount' or 'download'.")
    definition = getattr(dataset, "definition", None)
    if known != DIRECT and definition is not None and definition.type == TABULAR:
        message = f"A tabular dataset has no files to {known}."
        raise UserErrorException(
            message, target="mode", hint="Pass it as it is: the script calls to_pandas_dataframe() of it."
        )
    return known
