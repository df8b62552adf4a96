"""Rows written into files."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import List, Sequence

import polars as pl

from terrazul.core.errors import DatasetExecutionError

_FORMULA = r"^[=+\-@\t\r]"
_NO_NAME = re.compile(r"[/\\%\x00-\x1f]")
_ROW_GROUP = 100_000
WITHOUT_VALUE = "null"
"""The name of the folder of rows whose partition has no value."""


def write_csv(frame: pl.DataFrame, file: Path, separator: str, *, guard_formulas: bool) -> None:
    """Write a CSV file with a header.

    With ``guard_formulas`` a text that a spreadsheet would take for a formula gets a ``'`` before it. Raises
    ``DatasetExecutionError`` for columns that CSV cannot hold.
    """
    nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
    if nested:
        message = f"The column {nested[0]!r} holds lists or records, which CSV cannot hold."
        raise DatasetExecutionError(message, target=nested[0], hint="Drop it, or write Parquet files.")
    (guarded(frame) if guard_formulas else frame).write_csv(file, separator=separator)


def guarded(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows with a ``'`` before each text, and each name of a column, that looks like a formula."""
    texts = [
        pl.when(pl.col(name).str.contains(_FORMULA))
        .then(pl.lit("'") + pl.col(name))
        .otherwise(pl.col(name))
        .alias(name)
        for name, kind in frame.schema.items()
        if kind == pl.String
    ]
    names = {name: f"'{name}" for name in frame.columns if name[:1] in "=+-@\t\r"}
    return frame.with_columns(texts).rename(names)


def write_parquet(frame: pl.DataFrame, file: Path, row_group_size: int = 0) -> None:
    """Write a Parquet file that every reader of the format knows."""
    frame.write_parquet(file, row_group_size=row_group_size or _ROW_GROUP)


def write_partitions(frame: pl.DataFrame, keys: Sequence[str], folder: Path) -> List[Path]:
    """Write a Parquet file for each combination of values, in a folder for each value; the files.

    Raises ``DatasetExecutionError`` where there are too many.
    """
    files: List[Path] = []
    for values, part in frame.partition_by(list(keys), maintain_order=True, as_dict=True, include_key=False).items():
        file = folder.joinpath(*map(folder_of, values), "part-00000.parquet")
        file.parent.mkdir(parents=True, exist_ok=True)
        write_parquet(part, file)
        files.append(file)
    return files


def folder_of(value: object) -> str:
    """The name of the folder of a value: the value, with what no name of a folder may have written as ``%2F``."""
    if value is None or value == "":
        return WITHOUT_VALUE
    text = value.strftime("%Y-%m-%d-%H-%M-%S") if isinstance(value, datetime) else str(value)
    plain = _NO_NAME.sub(lambda sign: f"%{ord(sign[0]):02X}", text)
    return plain if plain.strip(".") else plain.replace(".", "%2E")
