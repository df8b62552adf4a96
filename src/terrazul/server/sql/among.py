"""The condition that a column's value is one of many, which travel as one parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Dialect, String, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import ARRAY, NullType, TypeDecorator, TypeEngine

from terrazul.core.errors import InvalidInput

_NUL = "\\u0000"


class _Many(TypeDecorator[Sequence[Any]]):
    impl = Text
    cache_ok = True

    def __init__(self, *, texts: bool) -> None:
        super().__init__()
        self.texts = texts

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """JSON on SQLite, else an array."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(ARRAY(Text() if self.texts else BigInteger()))

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        """To the database."""
        values = list(value or ())
        if dialect.name != "sqlite":
            return values
        text = msgspec.json.encode(values).decode()
        if self.texts and _NUL in text and any("\0" in each for each in values):
            raise InvalidInput(  # as PostgreSQL does: what SQLite reads of JSON ends there
                "A name holds the character NUL, which cannot be looked up.", hint="Take it out of the name."
            )
        return text


class _Among(FunctionElement[Any]):
    name = "among"
    type = NullType()  # to a Boolean, SQLAlchemy would add "= 1" for SQLite, which then looks up no index
    inherit_cache = True


def among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """The condition that the column's value is one of those that the parameter of this name holds."""
    return _Among(column, bindparam(name, type_=_Many(texts=isinstance(column.type, String))))


@compiles(_Among)
def _render(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(each, **options) for each in element.clauses)
    return f"({column} = ANY({values}))"


@compiles(_Among, "sqlite")
def _render_on_sqlite(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(each, **options) for each in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({values})))"  # noqa: S608  # a column, and a bound parameter
