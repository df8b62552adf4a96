"""From a plan and the files that it is about to rows."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, List, NoReturn, Optional, Sequence, Tuple

import polars as pl

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import DatasetExecutionError
from terrazul.data.execution import delimited, json_lines, parquet, steps
from terrazul.data.execution.examination import Fault, examine
from terrazul.data.execution.parquet import with_types
from terrazul.data.execution.preparation import Scratch, SourceFile
from terrazul.data.plan.plan import Plan
from terrazul.data.plan.source import DelimitedFiles, JsonLinesFiles, ParquetFiles, SqlQuery

_TOLD = 5
_UNCLOSED = "Look for a quote that is not closed; a file that is no text reads like this too."
Warn = Callable[[str], None]


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
            return steps.apply(self._source(), self.plan.steps)
        except (pl.exceptions.PolarsError, OSError) as error:
            self._tell(error)

    def collect(self, warn: Warn, *, must_fit: bool = False) -> pl.DataFrame:
        """The rows. With ``must_fit`` a value that is not of the type of its column is an error.

        Without it, it is missing, the superfluous fields of a row are dropped, and a warning tells how often and where.
        Raises ``DatasetExecutionError``.
        """
        before = self._marks()
        try:
            found = self._collect(warn, must_fit=must_fit)
        finally:
            self._check_unchanged(before)
        return found

    def _collect(self, warn: Warn, *, must_fit: bool) -> pl.DataFrame:
        try:
            return self.lazy().collect()
        except (pl.exceptions.PolarsError, DatasetExecutionError) as error:
            if isinstance(error, DatasetExecutionError) and not isinstance(error.__cause__, pl.exceptions.PolarsError):
                raise
            first = error
        if isinstance(self.plan.source, DelimitedFiles):
            return self._collect_repaired(self.plan.source, first, warn, must_fit=must_fit)
        if must_fit or not isinstance(self.plan.source, (ParquetFiles, JsonLinesFiles, SqlQuery)):
            self._tell(first)
        try:
            return steps.apply(self._tolerant(), self.plan.steps).collect()
        except pl.exceptions.PolarsError as error:
            self._tell(error)

    def _collect_repaired(
        self, source: DelimitedFiles, first: Exception, warn: Warn, *, must_fit: bool
    ) -> pl.DataFrame:
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
        try:
            return steps.apply(delimited.scan(layout, source, strict=False), self.plan.steps).collect()
        except pl.exceptions.PolarsError as error:
            self._tell(error)

    def _source(self) -> pl.LazyFrame:
        source, scratch = self.plan.source, Scratch(self.scratch)
        if isinstance(source, DelimitedFiles):
            return delimited.scan(delimited.layout_of(self.files, source, scratch), source, strict=True)
        if isinstance(source, JsonLinesFiles):
            return json_lines.scan(self.files, source, scratch, strict=True)
        if isinstance(source, ParquetFiles):
            return parquet.scan(self.files, source, scratch, strict=True)
        return self._answer(strict=True)

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
