"""Copies of files in a folder of the caller's, which may be changed."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import List, Optional, Sequence

from terrazul.core.errors import AlreadyExists, DatasetExecutionError
from terrazul.core.paths import check_relative_path
from terrazul.data.files import DatasetFile
from terrazul.sdk.dataset.reach import Reach


def copy_to(files: Sequence[DatasetFile], reach: Reach, target_path: Optional[str], *, overwrite: bool) -> List[str]:
    """Copy files into a folder, a new one unless it is named; their paths there. Each appears when it is whole.

    Raises ``AlreadyExists`` where one is there already, unless ``overwrite``.
    """
    folder = Path(target_path).absolute() if target_path else Path(tempfile.mkdtemp(prefix="terrazul-"))
    targets = [folder / check_relative_path(file.path) for file in files]
    if not overwrite:
        _check_free(targets)
    folder.mkdir(parents=True, exist_ok=True)
    arrival = folder / f".{os.urandom(8).hex()}.part"
    arrival.mkdir()
    try:
        reach.bring(files, arrival, own=True)
        for file, target in zip(files, targets):
            target.parent.mkdir(parents=True, exist_ok=True)
            (arrival / file.path).replace(target)
    except OSError as error:
        message = f"The files cannot be written to {str(folder)!r}: {error.strerror or error}."
        raise DatasetExecutionError(message, exception=error, target=str(folder)) from error
    finally:
        shutil.rmtree(arrival, ignore_errors=True)
    return [str(target) for target in targets]


def _check_free(targets: Sequence[Path]) -> None:
    for target in targets:
        if target.exists():
            message = f"{str(target)!r} is there already."
            raise AlreadyExists(message, target=str(target), hint="Pass overwrite=True to have it replaced.")
