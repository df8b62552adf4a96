"""The first rows of a table, as a program: a request on the standard input, the answer as JSON on the other side.

What files that others wrote make of a table library is no matter of the process that asks: this one has bounds, and can
be ended.
"""

from __future__ import annotations

import math
import sys
import tempfile
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import TerrazulError
from terrazul.data.execution.libraries import need
from terrazul.data.plan.plan import read
from terrazul.data.plan.rows import Take
from terrazul.wire import codec
from terrazul.wire.dataset import DatasetDefinition
from terrazul.wire.dataset_profile import DatasetColumn, DatasetHead, Value
from terrazul.wire.error import ErrorBody

if TYPE_CHECKING:
    import polars as pl

_CPU_SECONDS = 20
_MEMORY = 2 << 30
_LARGEST = 2 << 20
"""Of the answer, in signs."""
_LONGEST_TEXT = 1000
_MOST_COLUMNS = 1000
_LARGEST_NUMBER = 1 << 63


@dataclass(frozen=True)
class LookRequest:
    """Which rows are wanted, and the file that holds them: its place here, and what it is called."""

    definition: DatasetDefinition
    rows: int
    file: str
    path: str
    is_whole: bool = False
    """Whether this file is all that there is of the dataset."""


@dataclass(frozen=True)
class LookAnswer:
    """One of the two."""

    head: Any = None
    error: Any = None


def look(request: LookRequest) -> DatasetHead:
    """The first rows. Raises ``MissingLibrary``, ``DatasetExecutionError``."""
    need("polars")
    from terrazul.data.execution.preparation import SourceFile  # noqa: PLC0415  # beside what imports polars
    from terrazul.data.execution.table import Rows  # noqa: PLC0415  # it imports polars

    plan = read(request.definition).then(Take(request.rows + 1))
    warnings: List[str] = []
    with tempfile.TemporaryDirectory(prefix="terrazul-") as scratch:
        file = SourceFile(Path(request.file), request.path, _partition(request))
        rows = Rows(plan, [file], Path(scratch)).collect(warnings.append)
    return head_of(rows, request.rows, warnings, is_whole=request.is_whole)


def head_of(rows: pl.DataFrame, count: int, warnings: List[str], *, is_whole: bool) -> DatasetHead:
    """The first rows of a frame as they travel: as many as are wanted, and as fit."""
    columns = [DatasetColumn(name, str(kind)) for name, kind in list(rows.schema.items())[:_MOST_COLUMNS]]
    told: List[List[Value]] = []
    size = 0
    for row in rows.head(count).iter_rows():
        cells = [cell(value) for value in row[:_MOST_COLUMNS]]
        size += sum(len(str(each)) for each in cells)
        if size > _LARGEST:
            break
        told.append(cells)
    return DatasetHead(columns, told, is_whole and len(told) == rows.height, warnings)


def cell(value: Any) -> Value:
    """A value as it travels: what JSON has not as text, long texts cut."""
    if value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) < _LARGEST_NUMBER):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    text = value.isoformat() if isinstance(value, date) else str(value)
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


def main() -> int:
    """Answer one request."""
    _bound()
    request = codec.decode(LookRequest, sys.stdin.buffer.read())
    try:
        answer = LookAnswer(head=look(request))
    except TerrazulError as error:
        answer = LookAnswer(error=ErrorBody(error.code, error.message, error.target, error.hint))
    sys.stdout.buffer.write(codec.encode(answer))
    return 0


def _partition(request: LookRequest) -> Dict[str, Any]:
    """The values of the path, which are texts on their way here."""
    from terrazul.data.plan.partition import read_format  # noqa: PLC0415  # as in look
    from terrazul.data.plan.source import partition_format_of  # noqa: PLC0415  # as in look

    form = partition_format_of(read(request.definition).source)
    return dict(read_format(form).values_of(request.path.lstrip("/"))) if form else {}


def _bound() -> None:
    with suppress(ImportError):  # Windows has no such bounds
        import resource  # noqa: PLC0415  # as said

        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))


if __name__ == "__main__":
    raise SystemExit(main())
