"""Making the profile of a table, and comparing rows by keys, on this machine."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Callable, List, Optional, Sequence

from terrazul.data.execution.libraries import need
from terrazul.data.identity import digest_of_files
from terrazul.data.plan.source import SqlQuery
from terrazul.sdk.console import warn
from terrazul.wire.dataset_profile import DatasetProfile, KeyDifference

if TYPE_CHECKING:
    from terrazul.sdk.dataset.tabular_dataset import TabularDataset

Progress = Callable[[int, int], None]
"""Told how many columns are done, and how many there are."""


def profile_of(dataset: TabularDataset, progress: Optional[Progress] = None) -> DatasetProfile:
    """What the columns of a table hold now. Raises ``DatasetExecutionError``, ``MissingLibrary``."""
    need("polars")
    need("duckdb")
    from terrazul.data.profile.measuring import measure  # noqa: PLC0415  # it imports duckdb

    digest = content_digest(dataset)
    warnings: List[str] = []

    def tell(text: str) -> None:
        warnings.append(text)
        warn(text)

    with tempfile.TemporaryDirectory(prefix="terrazul-") as scratch, dataset.stored_rows(Path(scratch), tell) as rows:
        count, columns = measure(rows, Path(scratch), progress or _say_nothing)
    return DatasetProfile(count, columns, digest, warnings)


def content_digest(dataset: TabularDataset) -> str:
    """What tells the files behind a table, as they are now, from others; empty for a query."""
    if isinstance(dataset.plan.source, SqlQuery):
        return ""
    return digest_of_files((file.datastore, file.file) for file in dataset.dataset_files())


def compare_rows(before: TabularDataset, after: TabularDataset, keys: Sequence[str]) -> KeyDifference:
    """How the rows of two tables differ, told apart by key columns. Raises ``DatasetExecutionError``."""
    need("polars")
    need("duckdb")
    from terrazul.data.profile.keys import compare  # noqa: PLC0415  # it imports duckdb

    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="terrazul-")))
        stored = []
        for name, dataset in (("before", before), ("after", after)):
            folder = scratch / name
            folder.mkdir()
            stored.append(stack.enter_context(dataset.stored_rows(folder, warn)))
        return compare(stored[0], stored[1], keys, scratch)


def _say_nothing(_done: int, _total: int) -> None:
    return
