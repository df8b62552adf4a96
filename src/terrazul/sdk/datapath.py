"""Paths on datastores, and how they are bound where a run is executed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from terrazul.core.errors import InvalidInput
from terrazul.sdk.client import class_of

if TYPE_CHECKING:
    from terrazul.sdk.data_reference import DataReference
    from terrazul.sdk.datastore.abstract import AbstractDatastore

MODES = ("mount", "download", "upload")


class DataPath:
    """A file or folder of a datastore; without a path, all of it."""

    def __init__(
        self,
        datastore: Optional[AbstractDatastore] = None,
        path_on_datastore: Optional[str] = None,
        name: Optional[str] = None,
    ) -> None:
        self._datastore = datastore
        self._path_on_datastore = path_on_datastore
        self._name = name

    @property
    def datastore(self) -> Optional[AbstractDatastore]:
        """The datastore; Terrazul's own."""
        return self._datastore

    @property
    def datastore_name(self) -> Optional[str]:
        """The name of the datastore."""
        return None if self._datastore is None else self._datastore.name

    @property
    def path_on_datastore(self) -> Optional[str]:
        """The path."""
        return self._path_on_datastore

    def create_data_reference(
        self,
        data_reference_name: Optional[str] = None,
        datapath_compute_binding: Optional[DataPathComputeBinding] = None,
    ) -> DataReference:
        """A reference to it, bound as the binding says. Raises ``InvalidInput`` without a datastore."""
        if self._datastore is None:
            message = "A DataPath without a datastore makes no reference."
            raise InvalidInput(message, target="datastore", hint="Pass datastore=... to DataPath.")
        binding = datapath_compute_binding or DataPathComputeBinding()
        reference: DataReference = class_of("data_reference")(
            self._datastore,
            data_reference_name or self._name,
            self._path_on_datastore,
            binding.mode,
            binding.path_on_compute,
            binding.overwrite,
        )
        return reference

    @staticmethod
    def create_from_data_reference(data_reference: DataReference) -> DataPath:
        """The path that a reference means."""
        reference = data_reference
        return DataPath(reference.datastore, reference.path_on_datastore, reference.data_reference_name)


class DataPathComputeBinding:
    """How a path is bound where a run is executed: by ``mode``, to ``path_on_compute``."""

    def __init__(self, mode: str = "mount", path_on_compute: Optional[str] = None, overwrite: bool = False) -> None:
        self.mode = checked_mode(mode)
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite

    def create_data_reference(
        self, data_reference_name: Optional[str] = None, datapath: Optional[DataPath] = None
    ) -> DataReference:
        """A reference to a path, bound like this. Raises ``InvalidInput`` without a path."""
        if datapath is None:
            message = "A binding without a DataPath makes no reference."
            raise InvalidInput(message, target="datapath", hint="Pass datapath=DataPath(...).")
        return datapath.create_data_reference(data_reference_name, self)

    @staticmethod
    def create_from_data_reference(data_reference: DataReference) -> DataPathComputeBinding:
        """The binding of a reference."""
        return DataPathComputeBinding(data_reference.mode, data_reference.path_on_compute, data_reference.overwrite)


def checked_mode(mode: str) -> str:
    """One of v1's modes. Raises ``InvalidInput``."""
    if mode not in MODES:
        message = f"{mode!r} is no mode."
        raise InvalidInput(message, target="mode", hint=f"The modes are {', '.join(MODES)}.")
    return mode
