"""A look at the data of a dataset when it is made: is there anything, and can its beginning be read?"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TypeVar

from terrazul.core.errors import DatasetExecutionError, DatasetValidationError, MissingLibrary
from terrazul.data.beginning import whole_lines
from terrazul.data.execution.libraries import need
from terrazul.data.files import DatasetFile
from terrazul.data.plan.plan import Plan
from terrazul.data.plan.source import ParquetFiles, SqlQuery
from terrazul.sdk.dataset.file_dataset import FileDataset
from terrazul.sdk.dataset.tabular_dataset import TabularDataset

T = TypeVar("T", TabularDataset, FileDataset)
_BEGINNING = 1 << 20
_PARQUET = b"PAR1"
_ROWS = 100


def check_files(dataset: FileDataset) -> FileDataset:
    """The dataset. Raises ``DatasetValidationError`` where there are no files, or they cannot be listed."""
    first_file(dataset)
    return dataset


def check_rows(dataset: TabularDataset) -> TabularDataset:
    """The dataset. Raises ``DatasetValidationError`` where the beginning of its data cannot be read.

    Without polars it is only looked whether there is anything.
    """
    plan = dataset.plan
    if isinstance(plan.source, SqlQuery):
        _check_query(dataset)
        return dataset
    file = first_file(dataset)
    try:
        need("polars")
    except MissingLibrary:
        return dataset
    try:
        _read_beginning(dataset, plan, file)
    except DatasetExecutionError as error:
        raise _not_valid(error) from error
    return dataset


def first_file(dataset: T) -> DatasetFile:
    """The first file behind a dataset. Raises ``DatasetValidationError``."""
    try:
        return dataset.dataset_files()[0]
    except DatasetValidationError:
        raise
    except DatasetExecutionError as error:
        raise _not_valid(error) from error


def _check_query(dataset: TabularDataset) -> None:
    try:
        need("polars")
        dataset.take(1).to_polars_dataframe()
    except MissingLibrary:
        return
    except DatasetExecutionError as error:
        raise _not_valid(error) from error


def _read_beginning(dataset: TabularDataset, plan: Plan, file: DatasetFile) -> None:
    from terrazul.data.execution.preparation import SourceFile  # noqa: PLC0415  # beside what imports polars
    from terrazul.data.execution.table import Rows  # noqa: PLC0415  # it imports polars

    with tempfile.TemporaryDirectory(prefix="terrazul-") as folder:
        beginning = Path(folder) / "beginning"
        is_whole = dataset.reach.beginning(file, beginning, _BEGINNING)
        if isinstance(plan.source, ParquetFiles) and not is_whole:
            _check_mark(beginning, file)
            return
        if not is_whole:
            lines = whole_lines(beginning.read_bytes(), getattr(plan.source, "encoding", "utf8"), _BEGINNING)
            beginning.write_bytes(lines)
        path = f"/{file.file.path}" if file.datastore else file.file.path
        scratch = Path(folder) / "scratch"
        scratch.mkdir()
        head = Plan(plan.type, plan.locations, plan.source)
        Rows(head, [SourceFile(beginning, path, file.partition)], scratch).collect(_say_nothing)


def _check_mark(beginning: Path, file: DatasetFile) -> None:
    if beginning.read_bytes()[:4] != _PARQUET:
        message = f"The file {file.file.path!r} is no Parquet file."
        raise DatasetValidationError(message, target=file.file.path)


def _not_valid(error: DatasetExecutionError) -> DatasetValidationError:
    return DatasetValidationError(error.message, exception=error, target=error.target, hint=error.hint)


def _say_nothing(_text: str) -> None:
    return
