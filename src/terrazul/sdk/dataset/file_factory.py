"""``Dataset.File``: making datasets of files."""

from __future__ import annotations

import fnmatch
import os
from pathlib import Path
from typing import Any, Optional

from terrazul.core.errors import InvalidInput, MissingFile
from terrazul.data.plan.plan import Plan, checked
from terrazul.data.plan.source import Files
from terrazul.sdk.client import concept
from terrazul.sdk.dataset.file_dataset import FileDataset
from terrazul.sdk.dataset.locations import locations_of, target_of
from terrazul.sdk.dataset.validation import check_files
from terrazul.wire.dataset import FILE

_PAIR = 2


@concept("dataset.file_factory")
class FileDatasetFactory:
    """Makes datasets of files."""

    @staticmethod
    def from_files(
        path: Any, validate: bool = True, partition_format: Optional[str] = None, is_file: bool = False
    ) -> FileDataset:
        """The files at a place; ``path`` as in ``Dataset.Tabular.from_delimited_files``.

        With ``validate`` it is looked now whether there are any: ``DatasetValidationError`` where there are none.
        """
        places, workspace = locations_of(path)
        plan = checked(Plan(FILE, tuple(places), Files(partition_format or "", bool(is_file))))
        made = FileDataset.of(plan, workspace)
        return check_files(made) if validate else made

    @staticmethod
    def upload_directory(
        src_dir: str,
        target: Any,
        pattern: Optional[str] = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> FileDataset:
        """Upload the files below a folder, or those whose path fits a pattern, and make a dataset of where they lie.

        Raises ``MissingFile`` for a folder that is not there, ``InvalidInput`` where no file fits.
        """
        datastore, folder = target_of(target)
        root = Path(src_dir)
        if not root.is_dir():
            message = f"The folder '{src_dir}' does not exist."
            raise MissingFile(message, target=str(src_dir), hint="Name a folder.")
        if pattern is None:
            datastore.upload(str(root), folder or None, overwrite=overwrite, show_progress=show_progress)
        else:
            files = _fitting(root, pattern)
            datastore.upload_files(files, str(root), folder or None, overwrite=overwrite, show_progress=show_progress)
        return FileDatasetFactory.from_files((datastore, folder), validate=False)


def _fitting(root: Path, pattern: str) -> list[str]:
    found = [
        os.path.join(folder, name)  # noqa: PTH118  # a path of the user's, as it is
        for folder, _folders, names in os.walk(root)
        for name in names
        if fnmatch.fnmatch(name, pattern) or fnmatch.fnmatch(os.path.relpath(os.path.join(folder, name), root), pattern)  # noqa: PTH118  # as above
    ]
    if not found:
        message = f"No file below '{root}' fits the pattern {pattern!r}."
        raise InvalidInput(message, target="pattern")
    return sorted(found)
