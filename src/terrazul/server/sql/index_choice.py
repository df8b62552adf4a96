"""Which index a statement uses, where the database chooses by rule, or holds only the beginnings of texts in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import Boolean, ColumnElement, Text, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

T = TypeVar("T")
_BEGINNING = 256
"""So many characters of a text stand in an index of PostgreSQL, which takes at most 2,700 bytes."""


class _Unindexed(FunctionElement[Any]):
    name = "unindexed"
    inherit_cache = True


class _Indexed(FunctionElement[str]):
    name = "indexed"
    type = Text()
    inherit_cache = True


class _OneOf(FunctionElement[bool]):
    """Column, and the texts of which it is to be one."""

    name = "one_of"
    type = Boolean()
    inherit_cache = True


class _Ascending(FunctionElement[str]):
    name = "ascending"
    type = Text()
    inherit_cache = True


class _Descending(_Ascending):
    name = "descending"
    inherit_cache = True


def unindexed(column: ColumnElement[T]) -> ColumnElement[T]:
    """The column; SQLite looks up no index for it. Other databases count what is in their tables, and choose."""
    element = _Unindexed(column)
    element.type = column.type
    return element


def indexed(column: ColumnElement[str]) -> ColumnElement[str]:
    """A text of any length as an index holds it."""
    return _Indexed(column)


def one_of(column: ColumnElement[str], values: Sequence[str]) -> ColumnElement[bool]:
    """The condition that an indexed text is one of several."""
    return _OneOf(column, *(literal(value, Text) for value in values))


def sorted_by(column: ColumnElement[str], *, descending: bool) -> ColumnElement[str]:
    """What ORDER BY says of an indexed text."""
    return (_Descending if descending else _Ascending)(column)


@compiles(_Unindexed)
def _render(element: FunctionElement[Any], compiler: SQLCompiler, **options: Any) -> str:
    (column,) = element.clauses
    return compiler.process(column, **options)


@compiles(_Unindexed, "sqlite")
def _render_on_sqlite(element: _Unindexed, compiler: SQLCompiler, **options: Any) -> str:
    return "+" + _render(element, compiler, **options)


@compiles(_Indexed)
def _render_beginning(element: _Indexed, compiler: SQLCompiler, **options: Any) -> str:
    return _beginning(_render(element, compiler, **options))


@compiles(_Indexed, "sqlite")
def _render_whole(element: _Indexed, compiler: SQLCompiler, **options: Any) -> str:
    return _render(element, compiler, **options)


@compiles(_OneOf)
def _render_one_of_beginnings(element: _OneOf, compiler: SQLCompiler, **options: Any) -> str:
    column, *values = (compiler.process(each, **options) for each in element.clauses)
    found = f"{_beginning(column)} IN ({', '.join(map(_beginning, values))})"
    return f"({found} AND {column} IN ({', '.join(values)}))"


@compiles(_OneOf, "sqlite")
def _render_one_of(element: _OneOf, compiler: SQLCompiler, **options: Any) -> str:
    column, *values = (compiler.process(each, **options) for each in element.clauses)
    return f"({column} = {values[0]})" if len(values) == 1 else f"({column} IN ({', '.join(values)}))"


@compiles(_Ascending)
def _render_order_of_beginnings(element: _Ascending, compiler: SQLCompiler, **options: Any) -> str:
    column, word = _render(element, compiler, **options), _direction(element)
    return f"{_beginning(column)} {word}, {column} {word}"


@compiles(_Descending)
def _render_falling_order_of_beginnings(element: _Descending, compiler: SQLCompiler, **options: Any) -> str:
    return _render_order_of_beginnings(element, compiler, **options)


@compiles(_Ascending, "sqlite")
@compiles(_Descending, "sqlite")
def _render_order(element: _Ascending, compiler: SQLCompiler, **options: Any) -> str:
    return f"{_render(element, compiler, **options)} {_direction(element)}"


def _direction(element: _Ascending) -> str:
    return "DESC" if isinstance(element, _Descending) else "ASC"


def _beginning(column: str) -> str:
    return f"left({column}, {_BEGINNING})"
