"""Rows from files with a JSON object in each line."""

from __future__ import annotations

import json
from typing import Iterator, List, Sequence, Tuple

import polars as pl

from terrazul.core.errors import DatasetExecutionError, DatasetWithoutData
from terrazul.data.execution.parquet import with_types
from terrazul.data.execution.placing import placed, with_own_columns
from terrazul.data.execution.preparation import Scratch, SourceFile, as_text
from terrazul.data.plan.source import JsonLinesFiles

_SHOWN = 60


def scan(files: Sequence[SourceFile], source: JsonLinesFiles, scratch: Scratch, *, strict: bool) -> pl.LazyFrame:
    """The rows of all files, with all keys that there are.

    Lines that are no JSON objects are left out where the source says so. Raises ``DatasetExecutionError`` for them
    otherwise, ``DatasetWithoutData`` where no line is left.
    """
    frames: List[pl.LazyFrame] = []
    for given in files:
        file = as_text(given, source.encoding, scratch)
        if source.invalid_lines == "drop":
            file = _without_wrong_lines(file, scratch)
        if _has_something(file):
            frames.append(with_own_columns(with_types(_scan(file), source, strict=strict), file, source))
    if not frames:
        message = "No file of the dataset has a line of JSON."
        raise DatasetWithoutData(message, target=files[0].path if files else None)
    return placed(frames, is_combined=True)


def tell_wrong_line(files: Sequence[SourceFile], source: JsonLinesFiles, scratch: Scratch, error: Exception) -> None:
    """Raise ``DatasetExecutionError`` for the first line that is no JSON object, if there is one."""
    for given in files:
        file = as_text(given, source.encoding, scratch)
        for number, line, is_right in _lines(file):
            if not is_right:
                shown = line.strip()[:_SHOWN].decode(errors="replace")
                message = f"Line {number} of {file.path!r} is no JSON object: {shown!r}."
                hint = "Pass invalid_lines='drop' to leave such lines out."
                raise DatasetExecutionError(message, exception=error, target=file.path, hint=hint) from error


def _scan(file: SourceFile) -> pl.LazyFrame:
    frame = pl.scan_ndjson(str(file.local), infer_schema_length=None)
    frame.collect_schema()  # it looks at all lines here
    return frame


def _without_wrong_lines(file: SourceFile, scratch: Scratch) -> SourceFile:
    if all(is_right for _number, _line, is_right in _lines(file)):
        return file
    target = scratch.place(".jsonl")
    with target.open("wb") as sink:
        for _number, line, is_right in _lines(file):
            if is_right:
                sink.write(line if line.endswith(b"\n") else line + b"\n")
    return file._replace(local=target)


def _lines(file: SourceFile) -> Iterator[Tuple[int, bytes, bool]]:
    """The lines that are not empty, each with its number and whether it is a JSON object."""
    with file.local.open("rb") as text:
        for number, line in enumerate(text, 1):
            if line.strip():
                yield number, line, _is_object(line)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _has_something(file: SourceFile) -> bool:
    return next(_lines(file), None) is not None
