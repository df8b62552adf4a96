"""Saying which index a statement shall not use, where the database would choose by rule and not by counting."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

T = TypeVar("T")


class _Unindexed(FunctionElement[Any]):
    name = "unindexed"
    inherit_cache = True


def unindexed(column: ColumnElement[T]) -> ColumnElement[T]:
    """The column; SQLite looks up no index for it. Other databases count what is in their tables, and choose."""
    element = _Unindexed(column)
    element.type = column.type
    return element


@compiles(_Unindexed)
def _render(element: _Unindexed, compiler: SQLCompiler, **options: Any) -> str:
    (column,) = element.clauses
    return compiler.process(column, **options)


@compiles(_Unindexed, "sqlite")
def _render_on_sqlite(element: _Unindexed, compiler: SQLCompiler, **options: Any) -> str:
    return "+" + _render(element, compiler, **options)
