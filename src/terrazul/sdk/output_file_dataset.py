"""Outputs of runs as files and as tables, under v1's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional, Sequence, Union

from terrazul.data.plan.columns import DropColumns, KeepColumns
from terrazul.data.plan.operation import Operation, to_step
from terrazul.data.plan.source import DelimitedFiles, Files, ParquetFiles
from terrazul.sdk.dataset.data_type import column_types
from terrazul.sdk.dataset.enumerations import PromoteHeadersBehavior, header_of
from terrazul.sdk.output_dataset import OutputDatasetConfig, UploadOptions
from terrazul.sdk.unsupported import not_yet
from terrazul.wire.run_configuration import MOUNT, UPLOAD

if TYPE_CHECKING:
    from terrazul.sdk.output_dataset import Output


class _Placed(OutputDatasetConfig):
    """An output whose files are sent to a datastore when the script is over."""

    def as_mount(self: Output, disable_metadata_cache: bool = False) -> Output:  # Self is too young
        """Also what a script has written that fails in the end is sent."""
        del disable_metadata_cache
        return self._with(mode=MOUNT)

    def as_upload(  # as above
        self: Output, overwrite: bool = False, source_globs: Union[str, Sequence[str], None] = None
    ) -> Output:
        """What fits the patterns is sent when the script has succeeded; files are replaced where ``overwrite``."""
        return self._with(mode=UPLOAD, _upload=UploadOptions(overwrite, source_globs))


class TransformationMixin:
    """What makes a table of the files of an output."""

    def read_delimited_files(
        self,
        include_path: bool = False,
        separator: str = ",",
        header: Any = PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS,
        partition_format: Optional[str] = None,
        path_glob: Optional[str] = None,
        set_column_types: Optional[Mapping[Any, Any]] = None,
    ) -> OutputTabularDatasetConfig:
        """The table in text files with separators, in all of the files or in those that fit a pattern."""
        source = DelimitedFiles(
            column_types(set_column_types), bool(include_path), partition_format or "", separator, header_of(header)
        )
        return OutputTabularDatasetConfig(_made_of=self, _source=source, _glob=path_glob)

    def read_parquet_files(
        self,
        include_path: bool = False,
        partition_format: Optional[str] = None,
        path_glob: Optional[str] = None,
        set_column_types: Optional[Mapping[Any, Any]] = None,
    ) -> OutputTabularDatasetConfig:
        """The table in Parquet files, in all of the files or in those that fit a pattern."""
        source = ParquetFiles(column_types(set_column_types), bool(include_path), partition_format or "")
        return OutputTabularDatasetConfig(_made_of=self, _source=source, _glob=path_glob)


class OutputFileDatasetConfig(_Placed, TransformationMixin):
    """Files that a run writes: sent to ``destination`` when its script is over, and made a dataset of.

    ``destination`` is a pair of a datastore and a path, in which ``{run-id}`` and ``{output-name}`` are filled in;
    ``source`` is where the script writes them, a folder of the runner's own without it.
    """

    def __init__(
        self,
        name: Optional[str] = None,
        destination: Any = None,
        source: Optional[str] = None,
        partition_format: Optional[str] = None,
    ) -> None:
        super().__init__(MOUNT, name)
        self.destination = destination
        self.source = source
        if partition_format:
            self._steps = [to_step(Files(partition_format))]


class OutputTabularDatasetConfig(_Placed):
    """A table in the files that a run writes; made by ``read_delimited_files`` and ``read_parquet_files``."""

    def __init__(self, **kwargs: Any) -> None:
        made_of: Optional[OutputDatasetConfig] = kwargs.get("_made_of")
        super().__init__(MOUNT, made_of.name if made_of else None)
        if made_of is not None:
            made_of.give_to(self)
            self._steps = [to_step(kwargs["_source"])]
            self._pattern = kwargs.get("_glob") or ""

    def keep_columns(self, columns: Union[str, Sequence[str]]) -> OutputTabularDatasetConfig:
        """The table with these columns only."""
        return self._then(KeepColumns(_names(columns)))

    def drop_columns(self, columns: Union[str, Sequence[str]]) -> OutputTabularDatasetConfig:
        """The table without these columns."""
        return self._then(DropColumns(_names(columns)))

    random_split = not_yet("OutputTabularDatasetConfig.random_split", "pipelines")

    def _then(self, step: Operation) -> OutputTabularDatasetConfig:
        return self._with(_steps=[*self._steps, to_step(step)])


def _names(columns: Union[str, Sequence[str]]) -> Any:
    return [columns] if isinstance(columns, str) else list(columns)
