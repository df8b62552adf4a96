"""Files: those behind a dataset, listed, downloaded or found in a folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, List, Optional, Sequence

from terrazul.core.errors import AlreadyExists, DatasetExecutionError, DatasetWithoutData
from terrazul.core.paths import check_relative_path
from terrazul.data.files import DatasetFile
from terrazul.data.plan import check, node
from terrazul.sdk.client import concept
from terrazul.sdk.dataset.abstract_dataset import AbstractDataset
from terrazul.sdk.dataset.expression import ColumnExpression
from terrazul.sdk.dataset.mount_context import MountContext
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
        folder = Path(target_path).absolute() if target_path else Path(tempfile.mkdtemp(prefix="terrazul-"))
        targets = [folder / check_relative_path(file.path) for file in files]
        if not overwrite:
            _check_free(targets)
        self._download(files, folder, targets)
        return [str(target) for target in targets]

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

    def _download(self, files: Sequence[DatasetFile], folder: Path, targets: Sequence[Path]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        arrival = folder / f".{os.urandom(8).hex()}.part"
        arrival.mkdir()
        try:
            self.reach.bring(files, arrival, own=True)
            for file, target in zip(files, targets):
                target.parent.mkdir(parents=True, exist_ok=True)
                (arrival / file.path).replace(target)
        except OSError as error:
            message = f"The files cannot be written to {str(folder)!r}: {error.strerror or error}."
            raise DatasetExecutionError(message, exception=error, target=str(folder)) from error
        finally:
            shutil.rmtree(arrival, ignore_errors=True)


def _check_free(targets: Sequence[Path]) -> None:
    for target in targets:
        if target.exists():
            message = f"{str(target)!r} is there already."
            raise AlreadyExists(message, target=str(target), hint="Pass overwrite=True to have it replaced.")
