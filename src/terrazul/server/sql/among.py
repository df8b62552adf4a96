"""The condition that a column's value is one of many, which travel as one parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Dialect, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType, TypeDecorator


class _Many(TypeDecorator[Sequence[Any]]):
    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        """To the database: PostgreSQL's driver takes lists."""
        values = list(value or ())
        return msgspec.json.encode(values).decode() if dialect.name == "sqlite" else values


class _Among(FunctionElement[Any]):
    name = "among"
    type = NullType()  # to a Boolean, SQLAlchemy would add "= 1" for SQLite, which then looks up no index
    inherit_cache = True


def among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """The condition that the column's value is one of those that the parameter of this name holds."""
    return _Among(column, bindparam(name, type_=_Many()))


@compiles(_Among)
def _render(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(each, **options) for each in element.clauses)
    return f"({column} = ANY({values}))"


@compiles(_Among, "sqlite")
def _render_on_sqlite(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(each, **options) for each in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({values})))"  # noqa: S608  # a column, and a bound parameter
