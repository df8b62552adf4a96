"""``Dataset.Tabular``: making tables."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping, Optional

from terrazul.core.errors import DatasetExecutionError
from terrazul.core.ids import new_guid
from terrazul.data.execution.libraries import need
from terrazul.data.plan import check
from terrazul.data.plan.operation import Operation
from terrazul.data.plan.plan import Plan, checked
from terrazul.data.plan.source import DelimitedFiles, JsonLinesFiles, ParquetFiles, SqlQuery
from terrazul.sdk.client import concept
from terrazul.sdk.dataset.data_type import column_types
from terrazul.sdk.dataset.enumerations import encoding_of, header_of
from terrazul.sdk.dataset.locations import locations_of, target_of
from terrazul.sdk.dataset.tabular_dataset import TabularDataset
from terrazul.sdk.dataset.validation import check_rows
from terrazul.sdk.unsupported import not_yet
from terrazul.wire.dataset import TABULAR, DataLocation

if TYPE_CHECKING:
    import pandas as pd

_PAIR = 2


@concept("dataset.tabular_factory")
class TabularDatasetFactory:
    """Makes tables. With ``validate`` the beginning of the first file is read now, to see whether it can be."""

    @staticmethod
    def from_delimited_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        infer_column_types: bool = True,
        set_column_types: Optional[Mapping[Any, Any]] = None,
        separator: str = ",",
        header: Any = True,
        partition_format: Optional[str] = None,
        support_multi_line: bool = False,
        empty_as_string: bool = False,
        encoding: Any = "utf8",
    ) -> TabularDataset:
        """A table from text files with separators.

        ``path`` is a web address, a path of this machine, ``(datastore, "a/path/*.csv")``, a ``DataPath``, or a list of
        these. Quoted line breaks are parts of values, whether or not ``support_multi_line`` says so. Raises
        ``DatasetValidationError`` where there is nothing, or it cannot be read.
        """
        source = DelimitedFiles(
            column_types(set_column_types),
            bool(include_path),
            partition_format or "",
            separator,
            header_of(header),
            bool(infer_column_types),
            bool(support_multi_line),
            bool(empty_as_string),
            encoding_of(encoding),
        )
        return _table(path, source, validate)

    @staticmethod
    def from_parquet_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        set_column_types: Optional[Mapping[Any, Any]] = None,
        partition_format: Optional[str] = None,
    ) -> TabularDataset:
        """A table from Parquet files; ``path`` and errors as in ``from_delimited_files``."""
        source = ParquetFiles(column_types(set_column_types), bool(include_path), partition_format or "")
        return _table(path, source, validate)

    @staticmethod
    def from_json_lines_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        set_column_types: Optional[Mapping[Any, Any]] = None,
        partition_format: Optional[str] = None,
        invalid_lines: str = "error",
        encoding: Any = "utf8",
    ) -> TabularDataset:
        """A table from files with a JSON object in each line; ``path`` and errors as in ``from_delimited_files``.

        Lines that are none are an error, or are left out with ``invalid_lines="drop"``.
        """
        source = JsonLinesFiles(
            column_types(set_column_types),
            bool(include_path),
            partition_format or "",
            invalid_lines,
            encoding_of(encoding),
        )
        return _table(path, source, validate)

    @staticmethod
    def from_sql_query(
        query: Any,
        validate: bool = True,
        set_column_types: Optional[Mapping[Any, Any]] = None,
        query_timeout: int = 30,
    ) -> TabularDataset:
        """A table that a database answers a query with; ``query`` is ``(datastore, "SELECT ...")`` or a ``DataPath``.

        The server asks the database each time that rows are wanted.
        """
        pair = (query.datastore, query.path_on_datastore) if hasattr(query, "path_on_datastore") else query
        if not isinstance(pair, tuple) or len(pair) != _PAIR or not hasattr(pair[0], "workspace"):
            check.refuse("query", query, "a pair of a datastore and a text, such as (datastore, 'SELECT 1 AS a')")
        datastore, text = pair
        source = SqlQuery(text, column_types(set_column_types), query_timeout)
        plan = checked(Plan(TABULAR, (DataLocation("", datastore.name),), source))
        made = TabularDataset.of(plan, datastore.workspace)
        return check_rows(made) if validate else made

    @staticmethod
    def register_pandas_dataframe(
        dataframe: pd.DataFrame,
        target: Any,
        name: str,
        description: Optional[str] = None,
        tags: Optional[Mapping[str, Any]] = None,
        show_progress: bool = True,
        row_group_size: Optional[int] = None,
        make_target_path_unique: bool = True,
    ) -> TabularDataset:
        """Upload a frame of pandas as a Parquet file, and register the table of it as the next version of a name.

        ``target`` is a datastore, ``(datastore, "a/path")`` or a ``DataPath``. Raises ``DatasetExecutionError`` for
        columns that Parquet cannot hold.
        """
        datastore, folder = target_of(target)
        need("pyarrow")
        parts = [folder, new_guid() if make_target_path_unique else ""]
        path = "/".join(filter(None, parts))
        options = {"row_group_size": row_group_size} if row_group_size else {}
        with tempfile.TemporaryDirectory(prefix="terrazul-") as written:
            file = Path(written) / "part-00000.parquet"
            try:
                dataframe.to_parquet(file, engine="pyarrow", index=False, **options)
            except (ValueError, TypeError) as error:
                reason = str(error).strip().rstrip(".")
                message = f"The frame cannot be written as Parquet: {reason}."
                hint = "Columns need text names, and values of one kind each: frame['a'] = frame['a'].astype(str)."
                raise DatasetExecutionError(message, exception=error, hint=hint) from error
            datastore.upload_files([str(file)], written, path or None, overwrite=True, show_progress=show_progress)
        place = "/".join(filter(None, [path, file.name]))
        made = TabularDatasetFactory.from_parquet_files((datastore, place), validate=False)
        registered: TabularDataset = made.register(
            datastore.workspace, name, description, tags, create_new_version=True
        )
        return registered

    register_spark_dataframe = staticmethod(not_yet("TabularDatasetFactory.register_spark_dataframe", "Spark"))

    @staticmethod
    def register_dask_dataframe(
        dataframe: Any,
        target: Any,
        name: str,
        description: Optional[str] = None,
        tags: Optional[Mapping[str, Any]] = None,
        show_progress: bool = True,
    ) -> TabularDataset:
        """As ``register_pandas_dataframe``, of a frame of dask, which is computed."""
        return TabularDatasetFactory.register_pandas_dataframe(
            dataframe.compute(), target, name, description, tags, show_progress
        )


def _table(path: Any, source: Operation, validate: bool) -> TabularDataset:
    places, workspace = locations_of(path)
    made = TabularDataset.of(checked(Plan(TABULAR, tuple(places), source)), workspace)
    return check_rows(made) if validate else made
