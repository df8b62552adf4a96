"""Files: those behind a dataset, listed, downloaded or found in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Optional

from terrazul.core.errors import DatasetWithoutData
from terrazul.data.plan import check, node
from terrazul.sdk.client import concept
from terrazul.sdk.dataset.abstract_dataset import AbstractDataset
from terrazul.sdk.dataset.expression import ColumnExpression
from terrazul.sdk.dataset.mount_context import MountContext
from terrazul.sdk.dataset.own_copies import copy_to
from terrazul.sdk.unsupported import not_yet
from terrazul.wire.dataset import FILE

if TYPE_CHECKING:
    from terrazul.sdk.dataset_consumption import DatasetConsumptionConfig

_CACHES = "data caches"


@concept("dataset.file_dataset")
class FileDataset(AbstractDataset, kind=FILE):
    """Files on datastores, on the web or on this machine; made by ``Dataset.File``."""

    def to_path(self) -> List[str]:
        """The paths of the files, each with a ``/`` before it, from the folder on that they have in common."""
        return ["/" + file.path for file in self.dataset_files()]

    def download(
        self, target_path: Optional[str] = None, overwrite: bool = False, ignore_not_found: bool = False
    ) -> List[str]:
        """Copy the files into a folder, a new one unless it is named; their paths there.

        A file appears when all of it is here. Raises ``AlreadyExists`` where one is there already, unless
        ``overwrite``; ``DatasetWithoutData`` where there are none, unless ``ignore_not_found``.
        """
        try:
            files = self.dataset_files()
        except DatasetWithoutData:
            if not ignore_not_found:
                raise
            files = []
        return copy_to(files, self.reach, target_path, overwrite=overwrite)

    def mount(self, mount_point: Optional[str] = None, **_: Any) -> MountContext:
        """A folder in which the files are found, between ``start()`` and ``stop()``, or in a ``with`` block."""
        return MountContext(self.dataset_files, self.reach, mount_point)

    def as_mount(self, path_on_compute: Optional[str] = None) -> DatasetConsumptionConfig:
        """An input of a run: a folder in which the files are found, and read when they are needed."""
        return self._consumed("mount", path_on_compute)

    def as_download(self, path_on_compute: Optional[str] = None) -> DatasetConsumptionConfig:
        """An input of a run: a folder into which the files are brought before the script starts."""
        return self._consumed("download", path_on_compute)

    def file_metadata(self, col: str) -> ColumnExpression:
        """What is known of a file, for ``filter``: Size, LastModifiedTime, CreationTime, Extension or CanSeek."""
        return ColumnExpression(node.Metadata(check.one_of("col", col, node.METADATA)))

    as_hdfs = not_yet("FileDataset.as_hdfs", "Spark")
    as_cache = not_yet("FileDataset.as_cache", _CACHES)
    hydrate = not_yet("FileDataset.hydrate", _CACHES)
