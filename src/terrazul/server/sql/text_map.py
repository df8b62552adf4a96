"""Texts under keys as one JSON object: made of rows by the database, which costs far less than the rows, or kept so."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Dialect, Text, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

_decode = msgspec.json.Decoder(dict[str, str]).decode


class _TextMapType(TypeDecorator[dict[str, str]]):
    impl = Text
    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> dict[str, str]:  # noqa: ARG002  # SQLAlchemy's signature
        """From the database."""
        return {} if value is None else _decode(value)


class _TextMap(FunctionElement[dict[str, str]]):
    name = "text_map"
    type = _TextMapType()
    inherit_cache = True


def text_map(key: ColumnElement[str], value: ColumnElement[str]) -> ColumnElement[dict[str, str]]:
    """The aggregate of all rows as a dictionary; an empty one where there are none."""
    return _TextMap(key, value)


@compiles(_TextMap)
def _render(element: _TextMap, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(json_object_agg({compiler.process(element.clauses, **options)}) AS TEXT)"


@compiles(_TextMap, "sqlite")
def _render_on_sqlite(element: _TextMap, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_group_object({compiler.process(element.clauses, **options)})"


class _TextAt(FunctionElement[str]):
    name = "text_at"
    type = Text()
    inherit_cache = True


def text_at(column: ColumnElement[Any], key: str) -> ColumnElement[str]:
    """The text under a key of a JSON object that a column holds; NULL where there is none."""
    return _TextAt(column, literal(key, Text))


@compiles(_TextAt)
def _render_text_at(element: _TextAt, compiler: SQLCompiler, **options: Any) -> str:
    column, key = (compiler.process(each, **options) for each in element.clauses)
    return f"(CAST({column} AS JSON) ->> {key})"


@compiles(_TextAt, "sqlite")
def _render_text_at_on_sqlite(element: _TextAt, compiler: SQLCompiler, **options: Any) -> str:
    column, key = (compiler.process(each, **options) for each in element.clauses)
    return f"(SELECT value FROM json_each({column}) WHERE key = {key})"  # noqa: S608  # both are ours, or bound parameters
