"""Tables: rows and columns that are read from files, or asked of a database, when somebody wants them."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Union

from terrazul.core.errors import DatasetExecutionError, DatasetTimestampMissingError, InvalidInput
from terrazul.core.ids import new_guid
from terrazul.data.execution.libraries import need
from terrazul.data.files import DatasetFile, relevant
from terrazul.data.plan import check, node
from terrazul.data.plan.columns import DropColumns, KeepColumns, TimestampColumns
from terrazul.data.plan.rows import Filter
from terrazul.data.plan.source import SqlQuery
from terrazul.sdk.client import class_of, concept
from terrazul.sdk.console import warn
from terrazul.sdk.dataset.abstract_dataset import AbstractDataset
from terrazul.sdk.dataset.expression import utc
from terrazul.sdk.dataset.locations import target_of
from terrazul.sdk.dataset.mount_context import MountContext
from terrazul.sdk.dataset.own_copies import copy_to
from terrazul.sdk.dataset.stream_column import files_named
from terrazul.sdk.unsupported import not_yet
from terrazul.wire.dataset import TABULAR

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from terrazul.data.execution.table import Rows, StoredRows
    from terrazul.sdk.dataset.dataset_difference import DatasetDifference
    from terrazul.sdk.dataset.dataset_profile import DatasetProfile
    from terrazul.sdk.dataset.file_dataset import FileDataset
    from terrazul.sdk.dataset.profile_run import DatasetProfileRun
    from terrazul.sdk.dataset.profiling import Progress
    from terrazul.sdk.workspace import Workspace

_OUTCOMES = ("null", "fail")
_GROWTH = 4


@concept("dataset.tabular_dataset")
class TabularDataset(AbstractDataset, kind=TABULAR):
    """A table. Nothing is read before rows are asked for; made by ``Dataset.Tabular``."""

    @property
    def timestamp_columns(self) -> Tuple[Optional[str], Optional[str]]:
        """The columns that tell when a row is from: exactly, and by the path of its file."""
        told = self._plan.timestamps
        return told.timestamp or None, told.partition_timestamp or None

    def with_timestamp_columns(
        self,
        timestamp: Optional[str] = None,
        partition_timestamp: Optional[str] = None,
        validate: bool = False,
        **kwargs: Any,
    ) -> TabularDataset:
        """Say which columns tell when a row is from; without any, none does.

        v1's older names ``fine_grain_timestamp`` and ``coarse_grain_timestamp`` are taken too. With ``validate`` the
        columns are looked at now. Raises ``DatasetExecutionError`` for one that is not there or holds no times.
        """
        timestamp = timestamp or kwargs.pop("fine_grain_timestamp", None)
        partition_timestamp = partition_timestamp or kwargs.pop("coarse_grain_timestamp", None)
        check.only("with_timestamp_columns", list(kwargs), ("timestamp", "partition_timestamp", "validate"))
        made = self._then(TimestampColumns(timestamp or "", partition_timestamp or ""))
        if validate:
            made.check_times()
        return made

    def time_before(self, end_time: datetime, include_boundary: bool = True, validate: bool = True) -> TabularDataset:
        """The rows from before a time. Raises ``DatasetTimestampMissingError`` without timestamp columns."""
        return self._in_time(None, end_time, include_boundary, validate)

    def time_after(self, start_time: datetime, include_boundary: bool = True, validate: bool = True) -> TabularDataset:
        """The rows from after a time. Raises as ``time_before``."""
        return self._in_time(start_time, None, include_boundary, validate)

    def time_between(
        self, start_time: datetime, end_time: datetime, include_boundary: bool = True, validate: bool = True
    ) -> TabularDataset:
        """The rows from between two times. Raises as ``time_before``."""
        if utc(start_time) > utc(end_time):
            message = f"start_time ({start_time}) is after end_time ({end_time})."
            raise InvalidInput(message, target="start_time")
        return self._in_time(start_time, end_time, include_boundary, validate)

    def time_recent(
        self, time_delta: timedelta, include_boundary: bool = True, validate: bool = True
    ) -> TabularDataset:
        """The rows of so long before now. Raises as ``time_before``."""
        return self._in_time(datetime.now(timezone.utc) - time_delta, None, include_boundary, validate)

    def keep_columns(self, columns: Union[str, Sequence[str]], validate: bool = False) -> TabularDataset:
        """These columns only, in this order. With ``validate`` it is looked now whether they are there."""
        made = self._then(KeepColumns(_names(columns)))
        if validate:
            made.schema()
        return made

    def drop_columns(self, columns: Union[str, Sequence[str]]) -> TabularDataset:
        """All columns but these."""
        return self._then(DropColumns(_names(columns)))

    def to_pandas_dataframe(self, on_error: str = "null", out_of_range_datetime: str = "null") -> pd.DataFrame:
        """The rows as pandas has them.

        A value that is not of the type of its column is missing, and a row with too many fields loses those, with a
        warning that names the first line; with ``on_error="fail"`` it is an error, and with
        ``out_of_range_datetime="fail"`` so is a time that pandas cannot tell. Raises ``DatasetExecutionError``.
        """
        check.one_of("on_error", on_error, _OUTCOMES)
        check.one_of("out_of_range_datetime", out_of_range_datetime, _OUTCOMES)
        rows = self.to_polars_dataframe(on_error)
        need("pandas", "pandas")
        need("pyarrow")
        from terrazul.data.execution.pandas_frame import to_pandas  # noqa: PLC0415  # it imports polars

        return to_pandas(rows, times_must_fit=out_of_range_datetime == "fail")

    def to_polars_dataframe(self, on_error: str = "null") -> pl.DataFrame:
        """The rows as polars has them; Terrazul's own. ``on_error`` as in ``to_pandas_dataframe``."""
        check.one_of("on_error", on_error, _OUTCOMES)
        need("polars")
        if isinstance(self._plan.source, SqlQuery):
            return self._collect([], must_fit=on_error == "fail")
        files = relevant(self._plan, self.dataset_files())
        wanted = self._plan.first_rows
        count = len(files) if wanted is None else 1
        while True:
            rows = self._collect(files[:count], must_fit=on_error == "fail")
            if count >= len(files) or (wanted is not None and rows.height >= wanted):
                return rows
            count *= _GROWTH

    def to_arrow_table(self, on_error: str = "null") -> pa.Table:
        """The rows as Arrow has them; Terrazul's own. ``on_error`` as in ``to_pandas_dataframe``."""
        need("pyarrow")
        return self.to_polars_dataframe(on_error).to_arrow()

    def to_dask_dataframe(
        self,
        sample_size: int = 10000,
        dtypes: Optional[Dict[str, Any]] = None,
        on_error: str = "null",
        out_of_range_datetime: str = "null",
    ) -> Any:
        """The rows as dask has them, in as many partitions as there are files; they are read now."""
        del sample_size
        need("dask.dataframe", "dask[dataframe]")
        from dask import dataframe  # noqa: PLC0415  # optional

        rows = self.to_pandas_dataframe(on_error, out_of_range_datetime)
        count = 1 if isinstance(self._plan.source, SqlQuery) else max(1, len(self.dataset_files()))
        return dataframe.from_pandas(rows.astype(dtypes) if dtypes else rows, npartitions=count)  # type: ignore[no-untyped-call]  # dask has no types

    def to_csv_files(self, separator: str = ",", target: Any = None, guard_formulas: bool = True) -> FileDataset:
        """The rows as a CSV file on a datastore, and the dataset of it.

        It lies in a new folder below ``target``, which is ``exported`` on the default datastore unless it is given;
        both that and the next are Terrazul's own. A text that a spreadsheet would take for a formula gets a ``'``
        before it, unless ``guard_formulas`` is false.
        """
        need("polars")
        from terrazul.data.execution.writing import write_csv  # noqa: PLC0415  # it imports polars

        rows = self.to_polars_dataframe()
        return self._export(
            lambda file: write_csv(rows, file, separator, guard_formulas=guard_formulas), "part-00000.csv", target
        )

    def to_parquet_files(self, target: Any = None) -> FileDataset:
        """The rows as a Parquet file on a datastore, and the dataset of it. ``target`` as in ``to_csv_files``."""
        need("polars")
        from terrazul.data.execution.writing import write_parquet  # noqa: PLC0415  # as above

        rows = self.to_polars_dataframe()
        return self._export(lambda file: write_parquet(rows, file), "part-00000.parquet", target)

    def partition_by(
        self,
        partition_keys: Union[str, Sequence[str]],
        target: Any,
        name: Optional[str] = None,
        show_progress: bool = True,
        partition_as_file_dataset: bool = False,
    ) -> Any:
        """Write the rows in Parquet files, one for each combination of values of some columns; the dataset of them.

        The columns are read from the paths of the files then, as texts. With a name it is registered.
        """
        keys = _names(partition_keys)
        datastore, folder = target_of(target)
        need("polars")
        from terrazul.data.execution.steps import check_columns  # noqa: PLC0415  # it imports polars
        from terrazul.data.execution.writing import write_partitions  # noqa: PLC0415  # as above

        rows = self.to_polars_dataframe()
        check_columns(rows.lazy(), keys)
        if len(set(keys)) == len(rows.columns):
            message = "All columns are partition keys, so nothing would be left to be written."
            raise InvalidInput(message, target="partition_keys")
        with tempfile.TemporaryDirectory() as written:
            write_partitions(rows, keys, Path(written))
            datastore.upload(written, folder, overwrite=True, show_progress=show_progress)
        pattern = "/".join([*filter(None, [folder]), *["*"] * len(keys), "*.parquet"])
        form = "/" + "/".join(f"{{{key}}}" for key in keys) + "/*.parquet"
        factory = class_of(f"dataset.{'file' if partition_as_file_dataset else 'tabular'}_factory")
        read = factory.from_files if partition_as_file_dataset else factory.from_parquet_files
        made = read((datastore, pattern), validate=False, partition_format=form)
        return made.register(datastore.workspace, name, create_new_version=True) if name else made

    def head(self, count: int = 5) -> pd.DataFrame:
        """The first rows as pandas has them; Terrazul's own."""
        return self.take(count).to_pandas_dataframe()

    def make_profile(
        self, workspace: Optional[Workspace] = None, progress: Optional[Progress] = None
    ) -> DatasetProfile:
        """Look at all rows on this machine: what each column holds, as a ``DatasetProfile``; Terrazul's own.

        The workspace keeps it, unless the data lies on this machine only, or the caller may not write there.
        ``progress`` is told how many columns are done, and how many there are. Raises ``DatasetExecutionError``.
        """
        made: DatasetProfile = class_of("dataset.dataset_profile").make(self, workspace, progress)
        return made

    def get_profile(self, workspace: Optional[Workspace] = None) -> DatasetProfile:
        """The profile that the workspace keeps of this dataset. Raises ``NotFound`` where nobody has made one."""
        found: DatasetProfile = class_of("dataset.dataset_profile").find(self, workspace)
        return found

    def submit_profile_run(
        self, compute_target: Any, experiment: Any, cache_datastore_name: Optional[str] = None
    ) -> DatasetProfileRun:
        """Have a run look at all rows, on a compute; the run, whose ``get_profile()`` gives what it found.

        The run has read this dataset, and the workspace keeps the profile.
        """
        config = class_of("dataset.profile_run_config")(self, compute_target, cache_datastore_name)
        run: DatasetProfileRun = experiment.submit(config)
        return run

    def get_profile_runs(self, workspace: Optional[Workspace] = None) -> Iterator[DatasetProfileRun]:
        """The runs that were submitted to make a profile of this dataset, the newest first."""
        found: Iterator[DatasetProfileRun] = class_of("dataset.profile_run").list_of(self, workspace)
        return found

    def compare(
        self, other: TabularDataset, key: Union[str, Sequence[str], None] = None, progress: Optional[Progress] = None
    ) -> DatasetDifference:
        """How another table, usually a later version, differs from this one: a ``DatasetDifference``; Terrazul's own.

        Columns, the spread of their values, and files are compared; with ``key``, one column or several, the rows
        too. Profiles that are not kept, or are stale, are made. Raises ``DatasetExecutionError``.
        """
        keys = None if key is None else _names(key)
        found: DatasetDifference = class_of("dataset.dataset_difference").of(self, other, keys, progress)
        return found

    to_spark_dataframe = not_yet("TabularDataset.to_spark_dataframe", "Spark")

    def download(
        self,
        stream_column: str,
        target_path: Optional[str] = None,
        overwrite: bool = False,
        ignore_not_found: bool = True,
    ) -> List[str]:
        """Copy the files that a column names into a folder, a new one unless it is named; their paths there.

        A value is ``AmlDatastore://datastore/path``, ``azureml://datastores/datastore/paths/path`` or a web address.
        Raises ``DatasetExecutionError`` for one that names no file, ``AlreadyExists`` where one is in the folder
        already, unless ``overwrite``; ``DataNotFound`` where one is not there, unless ``ignore_not_found``.
        """
        files = self._files_named(stream_column, ignore_not_found=ignore_not_found)
        return copy_to(files, self.reach, target_path, overwrite=overwrite)

    def mount(self, stream_column: str, mount_point: Optional[str] = None) -> MountContext:
        """A folder in which the files are found that a column names, between ``start()`` and ``stop()``."""
        return MountContext(lambda: self._files_named(stream_column, ignore_not_found=True), self.reach, mount_point)

    def _files_named(self, column: str, *, ignore_not_found: bool) -> List[DatasetFile]:
        values = self.keep_columns(column).to_polars_dataframe().to_series().to_list()
        return files_named(values, column, self.reach, ignore_not_found=ignore_not_found)

    def _collect(self, files: Sequence[DatasetFile], *, must_fit: bool) -> pl.DataFrame:
        with tempfile.TemporaryDirectory(prefix="terrazul-") as scratch, self.reach.here(files) as places:
            return self._rows(files, places, Path(scratch)).collect(warn, must_fit=must_fit)

    def _rows(self, files: Sequence[DatasetFile], places: Sequence[Path], scratch: Path) -> Rows:
        """The rows that are to be read, of files that are here, or of the answer of a database, which is fetched."""
        from terrazul.data.execution.preparation import SourceFile  # noqa: PLC0415  # beside what imports polars
        from terrazul.data.execution.table import Rows  # noqa: PLC0415  # it imports polars

        source = self._plan.source
        if isinstance(source, SqlQuery):
            answer = scratch / "answer.arrow"
            link = self.reach.link(self._plan.locations[0].datastore)
            with link.query(source.query, source.timeout_seconds) as chunks, answer.open("wb") as file:
                file.writelines(chunks)
            return Rows(self._plan, [SourceFile(answer, "the answer of the database")], scratch)
        found = [
            SourceFile(place, f"/{file.file.path}" if file.datastore else file.file.path, file.partition)
            for file, place in zip(files, places)
        ]
        return Rows(self._plan, found, scratch)

    @contextmanager
    def stored_rows(self, scratch: Path, tell: Callable[[str], None]) -> Iterator[StoredRows]:
        """The rows in Parquet files until the end of the block, for Terrazul's own modules.

        Not all of them are in memory at once. What does not fit is missing, as ``tell`` is told.
        """
        from terrazul.data.execution.table import StoredRows  # noqa: PLC0415  # it imports polars
        from terrazul.data.execution.writing import write_parquet  # noqa: PLC0415  # as above

        if self._plan.first_rows is not None:
            rows = self.to_polars_dataframe()
            file = scratch / "first.parquet"
            write_parquet(rows, file)
            yield StoredRows([file], rows.columns)
            return
        files = [] if isinstance(self._plan.source, SqlQuery) else relevant(self._plan, self.dataset_files())
        with self.reach.here(files) as places:
            yield self._rows(files, places, scratch).stored(tell)

    def schema(self) -> pl.Schema:
        """The columns and their types, by the beginning of the data; Terrazul's own."""
        need("polars")
        files = [] if isinstance(self._plan.source, SqlQuery) else self.dataset_files()[:1]
        with tempfile.TemporaryDirectory(prefix="terrazul-") as scratch, self.reach.here(files) as places:
            return self._rows(files, places, Path(scratch)).lazy().collect_schema()

    def check_times(self) -> None:
        """Raise ``DatasetExecutionError`` where a timestamp column is not there, or holds no times; Terrazul's own."""
        schema = self.schema()
        for name in filter(None, self.timestamp_columns):
            if name not in schema:
                message = f"The dataset has no column {name!r}."
                raise DatasetExecutionError(message, target=name, hint=f"Its columns are {', '.join(schema)}.")
            if str(schema[name]).partition("(")[0] not in {"Datetime", "Date"}:
                message = f"The column {name!r} holds no times but {schema[name]}."
                hint = f"Pass set_column_types={{{name!r}: DataType.to_datetime('%Y-%m-%d')}} with the format it has."
                raise DatasetExecutionError(message, target=name, hint=hint)

    def _in_time(
        self, start: Optional[datetime], end: Optional[datetime], include_boundary: bool, validate: bool
    ) -> TabularDataset:
        fine, coarse = self.timestamp_columns
        column = fine or coarse
        if column is None:
            message = "The dataset does not say which of its columns tells the time."
            hint = "Say it with with_timestamp_columns('column')."
            raise DatasetTimestampMissingError(message, hint=hint)
        if validate:
            self.check_times()
        conditions: List[node.Node] = []
        for moment, function in ((start, "gt"), (end, "lt")):
            if moment is not None:
                if not isinstance(moment, datetime):
                    check.refuse("A time", moment, "a datetime")
                wanted = {"gt": "ge", "lt": "le"}[function] if include_boundary else function
                conditions.append(_comparison(wanted, column, moment))
        if end is not None and fine and coarse:
            conditions.append(_comparison("le", coarse, end))  # a partition that begins later holds nothing of it
        made = self
        for condition in conditions:
            made = made._then(Filter(condition))
        return made

    def _export(self, write: Any, name: str, target: Any) -> FileDataset:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / name
            write(file)
            if target is None:
                if self._workspace is None:
                    message = "The dataset belongs to no workspace, so it is not known where the files are to lie."
                    raise InvalidInput(message, target="target", hint="Pass target=(datastore, 'a/folder').")
                target = (self._workspace.get_default_datastore(), "exported")
            datastore, root = target_of(target)
            path = "/".join(filter(None, [root, new_guid()]))
            datastore.upload_files([str(file)], folder, path, show_progress=False)
        made: FileDataset = class_of("dataset.file_factory").from_files((datastore, f"{path}/{name}"), validate=False)
        return made


def _comparison(function: str, column: str, moment: datetime) -> node.Node:
    return node.Call(function, (node.Column(column), node.Literal(utc(moment))))


def _names(columns: Union[str, Sequence[str]]) -> List[str]:
    return [columns] if isinstance(columns, str) else check.texts("columns", list(columns))
