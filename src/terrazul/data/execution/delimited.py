"""Rows from delimited files."""

from __future__ import annotations

from inspect import signature
from typing import Any, Dict, List, Mapping, Sequence

import polars as pl

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import DatasetWithoutData
from terrazul.data.execution.casting import cast_text, native_type
from terrazul.data.execution.header import Group, groups_of, has_rows, without_long_header
from terrazul.data.execution.inference import SAMPLE_ROWS, types_of
from terrazul.data.execution.placing import placed, with_own_columns
from terrazul.data.execution.preparation import Scratch, SourceFile, as_text
from terrazul.data.plan.column_type import STRING, ColumnType
from terrazul.data.plan.source import COMBINED, DelimitedFiles

_SHORT_ROWS: Any = {"missing_columns": "insert"} if "missing_columns" in signature(pl.scan_csv).parameters else {}
"""Newer versions of polars have to be told that rows may be shorter than the header; older ones have no word for it."""


@dataclass(frozen=True)
class Layout:
    """How delimited files are read: their groups, and the types of columns."""

    groups: List[Group]
    types: Dict[str, ColumnType]


def layout_of(files: Sequence[SourceFile], source: DelimitedFiles, scratch: Scratch) -> Layout:
    """Look at headers and first rows. Raises ``DatasetWithoutData`` where all files are empty."""
    groups = groups_of([as_text(file, source.encoding, scratch) for file in files], source)
    groups = [without_long_header(group, scratch) for group in groups]
    if not groups:
        message = "The files of the dataset are empty."
        raise DatasetWithoutData(message, target=files[0].path if files else None)
    types: Dict[str, ColumnType] = {}
    for group in groups if source.header == COMBINED else groups[:1]:
        found = _inferred(group, source) if source.infer_column_types else {}
        for name in group.names:
            types.setdefault(name, found.get(name, ColumnType(STRING)))
    return Layout(groups, {**types, **source.column_types})


def scan(layout: Layout, source: DelimitedFiles, *, strict: bool) -> pl.LazyFrame:
    """The rows of all files.

    With ``strict`` polars raises for values that are not of the type of their column, and for rows with too many
    fields; without it those are missing, and the fields are dropped.
    """
    frames = [
        with_own_columns(_scan_group(part, layout, source, strict=strict), part.files[0], source)
        for group in layout.groups
        for part in _parts(group, source)
    ]
    return placed(frames, is_combined=source.header == COMBINED)


def scan_texts(group: Group, source: DelimitedFiles) -> pl.LazyFrame:
    """The rows of a group as they are written, whatever is wrong with them."""
    schema = {name: pl.String() for name in group.names}
    return _scan(group, source, schema, strict=False)


def _parts(group: Group, source: DelimitedFiles) -> List[Group]:
    if source.include_path or source.partition_format:
        return [group._replace(files=[file]) for file in group.files]
    return [group]


def _scan_group(group: Group, layout: Layout, source: DelimitedFiles, *, strict: bool) -> pl.LazyFrame:
    types = {name: layout.types[name] for name in group.names}
    natives = {name: native_type(each) if strict else None for name, each in types.items()}
    schema = {name: native or pl.String() for name, native in natives.items()}
    frame = _scan(group, source, schema, strict=strict)
    texts = [name for name, native in natives.items() if native is None]
    frame = frame.with_columns(
        cast_text(pl.col(name), types[name], strict=strict).alias(name) for name in texts if types[name].kind != STRING
    )
    if source.empty_as_string:
        frame = frame.with_columns(pl.col(name).fill_null("") for name in texts if types[name].kind == STRING)
    return frame


def _scan(group: Group, source: DelimitedFiles, schema: Mapping[str, pl.DataType], *, strict: bool) -> pl.LazyFrame:
    files = [file for file in group.files if not group.has_header or has_rows(file, source.separator)]
    if not files:
        return pl.LazyFrame(schema=schema)
    return pl.scan_csv(
        [str(file.local) for file in files],
        has_header=False,  # polars would match the names, and what is there twice, or has none, has another one here
        skip_rows=int(group.has_header),
        separator=source.separator,
        schema=schema,
        null_values=[""],
        truncate_ragged_lines=not strict,
        ignore_errors=not strict,
        raise_if_empty=False,
        glob=False,
        **_SHORT_ROWS,
    )


def _inferred(group: Group, source: DelimitedFiles) -> Dict[str, ColumnType]:
    first = group._replace(files=group.files[:1])
    return types_of(scan_texts(first, source).head(SAMPLE_ROWS).collect())
