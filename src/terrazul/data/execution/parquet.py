"""Rows from Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import List, Sequence

import polars as pl

from terrazul.data.execution.casting import cast_value
from terrazul.data.execution.placing import placed, with_own_columns
from terrazul.data.execution.preparation import Scratch, SourceFile, with_plain_name
from terrazul.data.plan.source import ParquetFiles, Table


def scan(files: Sequence[SourceFile], source: ParquetFiles, scratch: Scratch, *, strict: bool) -> pl.LazyFrame:
    """The rows of all files, in the columns of the first."""
    plain = [with_plain_name(file, scratch) for file in files]
    frames: List[pl.LazyFrame] = [
        with_own_columns(with_types(pl.scan_parquet(str(file.local), glob=False), source, strict=strict), file, source)
        for file in plain
    ]
    return placed(frames)


def plain_files(files: Sequence[SourceFile], source: ParquetFiles, scratch: Scratch) -> List[Path]:
    """The files themselves where they hold just the rows that ``scan`` gives; else none."""
    if source.column_types or source.include_path or any(file.partition for file in files):
        return []
    plain = [with_plain_name(file, scratch).local for file in files]
    schemas = [pl.scan_parquet(str(file), glob=False).collect_schema() for file in plain]
    return plain if all(schema == schemas[0] for schema in schemas) else []


def with_types(frame: pl.LazyFrame, source: Table, *, strict: bool) -> pl.LazyFrame:
    """The rows with the types that the source gives to columns which have some already."""
    schema = frame.collect_schema()
    return frame.with_columns(
        cast_value(pl.col(name), schema[name], wanted, strict=strict).alias(name)
        for name, wanted in source.column_types.items()
        if name in schema
    )
