"""References to files and folders of datastores, as v1 passes them to runs and steps."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Optional

from terrazul.core.errors import InvalidInput
from terrazul.sdk.client import concept
from terrazul.sdk.datapath import DataPath, DataPathComputeBinding, checked_mode
from terrazul.sdk.run_configuration import DataReferenceConfiguration
from terrazul.sdk.run_data import ForRun, of_reference

if TYPE_CHECKING:
    from terrazul.sdk.datastore.abstract import AbstractDatastore
    from terrazul.sdk.workspace import Workspace

VARIABLE = "AZUREML_DATAREFERENCE_{}"
"""The variable in which a script finds where a reference lies."""
_NAME = re.compile(r"[A-Za-z0-9_]+\Z")


@concept("data_reference")
class DataReference:
    """A file or folder of a datastore, and how it is bound where a run is executed.

    As a text it is ``$AZUREML_DATAREFERENCE_<name>``, which stands for the path there among the arguments of a script.
    """

    def __init__(
        self,
        datastore: AbstractDatastore,
        data_reference_name: Optional[str] = None,
        path_on_datastore: Optional[str] = None,
        mode: str = "mount",
        path_on_compute: Optional[str] = None,
        overwrite: bool = False,
    ) -> None:
        self.datastore = datastore
        self.data_reference_name = data_reference_name or uuid.uuid4().hex
        if not _NAME.match(self.data_reference_name):
            message = f"{self.data_reference_name!r} is no name of a data reference."
            raise InvalidInput(message, target="data_reference_name", hint="Use letters, digits and '_'.")
        self.path_on_datastore = path_on_datastore
        self.mode = checked_mode(mode)
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite

    def path(self, path: Optional[str] = None, data_reference_name: Optional[str] = None) -> DataReference:
        """A reference to another path of the same datastore."""
        return DataReference(self.datastore, data_reference_name, path)

    def as_download(self, path_on_compute: Optional[str] = None, overwrite: bool = False) -> DataReference:
        """The same, to be downloaded."""
        return self._bound("download", path_on_compute, overwrite)

    def as_upload(self, path_on_compute: Optional[str] = None, overwrite: bool = False) -> DataReference:
        """The same, as the place to which what lies at ``path_on_compute`` is uploaded."""
        return self._bound("upload", path_on_compute, overwrite)

    def as_mount(self) -> DataReference:
        """The same, as a folder that reads through."""
        return self._bound("mount", self.path_on_compute, self.overwrite)

    def to_config(self) -> DataReferenceConfiguration:
        """The section of a run configuration that says the same."""
        return DataReferenceConfiguration(
            datastore_name=self.datastore.name,
            mode=self.mode,
            path_on_datastore=self.path_on_datastore,
            path_on_compute=self.path_on_compute,
            overwrite=self.overwrite,
        )

    def for_run(self, workspace: Optional[Workspace] = None) -> ForRun:
        """What a run is told of the reference. Terrazul's own."""
        del workspace
        return ForRun(str(self), of_reference(self.data_reference_name, self.to_config()))

    @staticmethod
    def create(
        data_reference_name: Optional[str] = None,
        datapath: Optional[DataPath] = None,
        datapath_compute_binding: Optional[DataPathComputeBinding] = None,
    ) -> DataReference:
        """A reference to a path, bound as the binding says."""
        return (datapath_compute_binding or DataPathComputeBinding()).create_data_reference(
            data_reference_name, datapath
        )

    def _bound(self, mode: str, path_on_compute: Optional[str], overwrite: bool) -> DataReference:
        name, path = self.data_reference_name, self.path_on_datastore
        return DataReference(self.datastore, name, path, mode, path_on_compute, overwrite)

    def __str__(self) -> str:
        return "$" + VARIABLE.format(self.data_reference_name)

    def __repr__(self) -> str:
        return str(self)
