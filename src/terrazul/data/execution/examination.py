"""What is wrong with delimited files that could not be read as they should: which values, which rows, in which line."""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import Dict, Iterator, List, Sequence, Tuple

import polars as pl

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import DatasetExecutionError
from terrazul.data.execution.casting import cast_text
from terrazul.data.execution.delimited import Layout, scan_texts
from terrazul.data.execution.header import Group, unreadable
from terrazul.data.execution.preparation import SourceFile
from terrazul.data.plan.column_type import FLOAT, LONG, STRING, ColumnType
from terrazul.data.plan.source import DelimitedFiles

_SHOWN = 60


@dataclass(frozen=True)
class Fault:
    """One kind of fault in a file: how often it is there, and where first."""

    count: int
    file: SourceFile
    line: int
    what: str

    @property
    def sentence(self) -> str:
        """For people, without what becomes of it."""
        times = "once" if self.count == 1 else f"{self.count} times"
        return f"{self.what} in line {self.line} of {self.file.path!r} ({times} in that file)"


def examine(layout: Layout, source: DelimitedFiles) -> Tuple[Layout, List[Fault]]:
    """The layout with the types that the values ask for, and what is wrong with the files then.

    Whole numbers become numbers with fractions where those are among them. Raises ``DatasetExecutionError`` for bytes
    that are not of the encoding.
    """
    inferred = {name for name in layout.types if name not in source.column_types}
    types = dict(layout.types)
    for group, file in _files_of(layout):
        types.update(_widened(Group([file], group.names, group.has_header), source, types, inferred))
    faults: List[Fault] = []
    for group, file in _files_of(layout):
        alone = Group([file], group.names, group.has_header)
        faults += _misfits(alone, source, types)
        faults += _broken_rows(alone, source)
    return replace(layout, types=types), faults


def _files_of(layout: Layout) -> Iterator[Tuple[Group, SourceFile]]:
    return ((group, file) for group in layout.groups for file in group.files)


def _widened(
    group: Group, source: DelimitedFiles, types: Dict[str, ColumnType], inferred: set[str]
) -> Dict[str, ColumnType]:
    whole = [name for name in group.names if name in inferred and types[name].kind == LONG]
    if not whole:
        return {}
    wider = ColumnType(FLOAT)
    asked = [(_misfit(name, types[name]) & ~_misfit(name, wider)).any().alias(name) for name in whole]
    row = _collected(scan_texts(group, source).select(asked), group.files[0]).row(0, named=True)
    return {name: wider for name in whole if row[name]}


def _misfits(group: Group, source: DelimitedFiles, types: Dict[str, ColumnType]) -> List[Fault]:
    names = [name for name in group.names if types[name].kind != STRING]
    if not names:
        return []
    asked: List[pl.Expr] = []
    for place, name in enumerate(names):
        misfit = _misfit(name, types[name])
        asked += [
            misfit.sum().alias(f"count {place}"),
            misfit.arg_max().alias(f"row {place}"),
            pl.col(name).filter(misfit).first().alias(f"value {place}"),
        ]
    file = group.files[0]
    row = _collected(scan_texts(group, source).select(asked), file).row(0, named=True)
    faults: List[Fault] = []
    for place, name in enumerate(names):
        if row[f"count {place}"]:
            line = _line_of(group, source, int(row[f"row {place}"]))
            value = str(row[f"value {place}"])[:_SHOWN]
            what = f"{value!r} in the column {name!r} is no {types[name].kind}"
            faults.append(Fault(int(row[f"count {place}"]), file, line, what))
    return faults


def _misfit(name: str, given: ColumnType) -> pl.Expr:
    column = pl.col(name)
    return (column.is_not_null() & cast_text(column, given, strict=False).is_null()).fill_null(value=False)


def _collected(frame: pl.LazyFrame, file: SourceFile) -> pl.DataFrame:
    try:
        return frame.collect()
    except pl.exceptions.PolarsError as error:
        raise unreadable(file, str(error).partition("\\n")[0]) from error


def _broken_rows(group: Group, source: DelimitedFiles) -> List[Fault]:
    """The rows with more fields than there are columns; those with fewer have missing values."""
    width, count, first, fields = len(group.names), 0, 0, 0
    for line, record in _records(group.files[0], source):
        if len(record) > width:
            count += 1
            if count == 1:
                first, fields = line, len(record)
    what = f"a row with {fields} fields where there are {width} columns"
    return [Fault(count, group.files[0], first, what)] if count else []


def _line_of(group: Group, source: DelimitedFiles, row: int) -> int:
    place = row + int(group.has_header)
    for number, (line, _record) in enumerate(_records(group.files[0], source)):
        if number == place:
            return line
    return 0


def _records(file: SourceFile, source: DelimitedFiles) -> Iterator[Tuple[int, Sequence[str]]]:
    """The records of a file, each with the line in which it begins."""
    begins = 1
    try:
        with file.local.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.reader(text, delimiter=source.separator)
            for record in reader:
                if record:
                    yield begins, record
                begins = reader.line_num + 1
    except UnicodeError as error:
        raise unreadable(file, str(error)) from error
    except csv.Error as error:
        message = f"The file {file.path!r} is broken in line {begins}: {error}."
        raise DatasetExecutionError(message, exception=error, target=file.path) from error
