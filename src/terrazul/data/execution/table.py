"""From a plan and the files that it is about to rows."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, NoReturn, Optional, Sequence, Tuple, TypeVar

import polars as pl

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import DatasetExecutionError
from terrazul.data.execution import delimited, json_lines, parquet, steps
from terrazul.data.execution.examination import Fault, examine
from terrazul.data.execution.parquet import with_types
from terrazul.data.execution.preparation import Scratch, SourceFile
from terrazul.data.plan.columns import DropColumns, KeepColumns, TimestampColumns
from terrazul.data.plan.plan import Plan
from terrazul.data.plan.source import DelimitedFiles, JsonLinesFiles, ParquetFiles, SqlQuery

_TOLD = 5
_UNCLOSED = "Look for a quote that is not closed; a file that is no text reads like this too."
_ROW_GROUP = 100_000
Warn = Callable[[str], None]
T = TypeVar("T")


class Source(NamedTuple):
    """What the first step of a plan gives, and the Parquet files that hold just that, where there are such."""

    frame: pl.LazyFrame
    files: Sequence[Path] = ()


class StoredRows(NamedTuple):
    """Rows that lie in Parquet files, in columns of these names; those that the files have besides are left out."""

    files: Sequence[Path]
    columns: List[str]


@dataclass(frozen=True)
class Rows:
    """What is to be read: a plan, its files on this machine, and a folder for what is made on the way."""

    plan: Plan
    files: Sequence[SourceFile]
    scratch: Path

    def lazy(self) -> pl.LazyFrame:
        """The rows as a plan of polars, which raises where a value does not fit.

        Raises ``DatasetExecutionError`` for what is seen before rows are read, such as a column that is not there.
        """
        try:
            return steps.apply(self._source().frame, self.plan.steps)
        except (pl.exceptions.PolarsError, OSError) as error:
            self._tell(error)

    def collect(self, warn: Warn, *, must_fit: bool = False) -> pl.DataFrame:
        """The rows. With ``must_fit`` a value that is not of the type of its column is an error.

        Without it, it is missing, the superfluous fields of a row are dropped, and a warning tells how often and where.
        Raises ``DatasetExecutionError``.
        """
        return self._carried_out(
            lambda source: steps.apply(source.frame, self.plan.steps).collect(), warn, must_fit=must_fit
        )

    def stored(self, warn: Warn) -> StoredRows:
        """The rows in Parquet files, for what reads them several times: without all of them in memory.

        They are files of the dataset where those are read as they are, else files in the scratch folder. What does not
        fit is missing, with a warning, as in ``collect``. Raises ``DatasetExecutionError``.
        """
        return self._carried_out(self._store, warn, must_fit=False, is_sparing=self.plan.first_rows is None)

    def _store(self, source: Source) -> StoredRows:
        frame = steps.apply(source.frame, self.plan.steps)
        names = names_of(frame)
        whole = all(isinstance(step, (KeepColumns, DropColumns, TimestampColumns)) for step in self.plan.steps)
        if whole and source.files:
            return StoredRows(source.files, names)
        target = Scratch(self.scratch).place(".parquet")
        try:
            frame.sink_parquet(target, row_group_size=_ROW_GROUP)
        except pl.exceptions.InvalidOperationError:  # older versions of polars write only some plans piece by piece
            frame.collect().write_parquet(target, row_group_size=_ROW_GROUP)
        return StoredRows([target], names)

    def _carried_out(self, finish: Callable[[Source], T], warn: Warn, *, must_fit: bool, is_sparing: bool = False) -> T:
        """What ``finish`` makes of the source: of the strict one, or where something does not fit, of the other."""
        before = self._marks()
        try:
            return self._finished(finish, warn, must_fit=must_fit, is_sparing=is_sparing)
        finally:
            self._check_unchanged(before)

    def _finished(self, finish: Callable[[Source], T], warn: Warn, *, must_fit: bool, is_sparing: bool) -> T:
        try:
            return finish(self._source(is_sparing=is_sparing))
        except OSError as error:
            self._tell(error)
        except (pl.exceptions.PolarsError, DatasetExecutionError) as error:
            if isinstance(error, DatasetExecutionError) and not isinstance(error.__cause__, pl.exceptions.PolarsError):
                raise
            first = error
        if isinstance(self.plan.source, DelimitedFiles):
            layout = self._examined(self.plan.source, first, warn, must_fit=must_fit)
            return self._forgiven(finish, layout, is_sparing=is_sparing)
        if must_fit or not isinstance(self.plan.source, (ParquetFiles, JsonLinesFiles, SqlQuery)):
            self._tell(first)
        return self._forgiven(finish, None, is_sparing=is_sparing)

    def _forgiven(self, finish: Callable[[Source], T], layout: Optional[delimited.Layout], *, is_sparing: bool) -> T:
        """What ``finish`` makes of the rows where what does not fit is missing."""
        source = self.plan.source
        try:
            if layout is not None and isinstance(source, DelimitedFiles):
                return finish(self._delimited(layout, source, strict=False, is_sparing=is_sparing))
            return finish(Source(self._tolerant()))
        except pl.exceptions.PolarsError as error:
            self._tell(error)

    def _examined(self, source: DelimitedFiles, first: Exception, warn: Warn, *, must_fit: bool) -> delimited.Layout:
        """The layout that the values ask for, with warnings of what is wrong with them."""
        try:
            layout, faults = examine(delimited.layout_of(self.files, source, Scratch(self.scratch)), source)
        except pl.exceptions.PolarsError:
            self._tell(first)
        if faults and must_fit:
            message = f"{_capital(faults[0].sentence)}."
            hint = "With on_error='null' such values are missing, and superfluous fields are dropped."
            raise DatasetExecutionError(message, exception=first, target=faults[0].file.path, hint=hint) from first
        for fault in faults[:_TOLD]:
            warn(f"{_capital(fault.sentence)}: {_outcome(fault)}.")
        if len(faults) > _TOLD:
            warn(f"And {len(faults) - _TOLD} more faults of that kind in the files of the dataset.")
        return layout

    def _source(self, *, is_sparing: bool = False) -> Source:
        source, scratch = self.plan.source, Scratch(self.scratch)
        if isinstance(source, DelimitedFiles):
            layout = delimited.layout_of(self.files, source, scratch)
            return self._delimited(layout, source, strict=True, is_sparing=is_sparing)
        if isinstance(source, JsonLinesFiles):
            return Source(json_lines.scan(self.files, source, scratch, strict=True))
        if isinstance(source, ParquetFiles):
            files = parquet.plain_files(self.files, source, scratch) if is_sparing else []
            return Source(parquet.scan(self.files, source, scratch, strict=True), files)
        return Source(self._answer(strict=True))

    def _delimited(self, layout: delimited.Layout, source: DelimitedFiles, *, strict: bool, is_sparing: bool) -> Source:
        if not is_sparing:
            return Source(delimited.scan(layout, source, strict=strict))
        written = delimited.write_in_blocks(layout, source, Scratch(self.scratch), strict=strict)
        files = written[0] if len(written) == 1 else []
        return Source(delimited.scan_written(written, source), files)

    def _tolerant(self) -> pl.LazyFrame:
        source, scratch = self.plan.source, Scratch(self.scratch)
        if isinstance(source, JsonLinesFiles):
            return json_lines.scan(self.files, source, scratch, strict=False)
        if isinstance(source, ParquetFiles):
            return parquet.scan(self.files, source, scratch, strict=False)
        return self._answer(strict=False)

    def _answer(self, *, strict: bool) -> pl.LazyFrame:
        """The rows of a query, which lie in one file as a stream of Arrow."""
        source = self.plan.source
        frame = pl.read_ipc_stream(str(self.files[0].local)).lazy()
        return with_types(frame, source, strict=strict) if isinstance(source, SqlQuery) else frame

    def _marks(self) -> Dict[Path, Optional[Tuple[int, int]]]:
        return {file.local: _mark_of(file.local) for file in self.files}

    def _check_unchanged(self, before: Dict[Path, Optional[Tuple[int, int]]]) -> None:
        for file in self.files:
            if _mark_of(file.local) != before[file.local]:
                message = f"The file {file.path!r} was changed while it was read."
                raise DatasetExecutionError(message, target=file.path, hint="Try again.")

    def _tell(self, error: Exception) -> NoReturn:
        if isinstance(error, DatasetExecutionError):
            raise error
        if isinstance(self.plan.source, JsonLinesFiles):
            json_lines.tell_wrong_line(self.files, self.plan.source, Scratch(self.scratch), error)
        reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        message = f"The rows of the dataset cannot be read: {reason}."
        target = self.files[0].path if len(self.files) == 1 else None
        if target:
            message = f"The rows of {target!r} cannot be read: {reason}."
        hint = _UNCLOSED if isinstance(self.plan.source, DelimitedFiles) else None
        raise DatasetExecutionError(message, exception=error, target=target, hint=hint) from error


def _mark_of(path: Path) -> Optional[Tuple[int, int]]:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_size, facts.st_mtime_ns


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _outcome(fault: Fault) -> str:
    return "the superfluous fields are dropped" if fault.what.startswith("a row") else "it is missing"


def names_of(frame: pl.LazyFrame) -> List[str]:
    """The names of the columns."""
    return frame.collect_schema().names()
