"""Statements that every call needs. SQLAlchemy's share in executing one is ten times what SQLite takes for it.

So on SQLite these go to the driver as they were compiled once; on other databases they take SQLAlchemy's way. Rows are
plain tuples either way. Where a statement is executed for many rows, these travel to PostgreSQL as one array for each
column: it takes a fifth of the time that a statement for each takes.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, cast

from sqlalchemy import Connection, Delete, Executable, Insert, Select, Update
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import DBAPIError

from terrazul.server.sql.metadata import primary_key

Values = Mapping[str, Any]
Row = Sequence[Any]
Convert = Callable[[Any], Any]
_DIRECT = "sqlite"
_PLACE = re.compile(r"%\((\w+)\)s(?:::[A-Z]+(?: PRECISION)?(?:\(\d+\))?)?")
"""Where a value stands in a compiled statement, with its type."""
_VALUES = re.compile(r"VALUES \((.*?)\)")
_FROM = {Update: "FROM", Delete: "USING"}


class Statement:
    """One statement; ``columns`` are those that an insert without values fills."""

    def __init__(self, statement: Executable, *columns: str) -> None:
        self._statement = statement
        self._columns = columns
        self._compiled: _Compiled | None = None
        self._together: _Together | None = None

    def all(self, connection: Connection, values: Values) -> Sequence[Row]:
        """The rows that it finds."""
        if connection.dialect.name != _DIRECT:
            return [tuple(row) for row in connection.execute(self._statement, values)]
        compiled = self._of(connection.dialect)
        arguments = compiled.arguments(values)
        with _told(connection, compiled.text) as driver:
            return compiled.rows(driver.execute(compiled.text, arguments).fetchall())

    def first(self, connection: Connection, values: Values) -> Row | None:
        """The one row that it finds, if any."""
        return next(iter(self.all(connection, values)), None)

    def run(self, connection: Connection, *rows: Values) -> None:
        """Execute it once for each of these values, of which no two may concern the same row."""
        if not rows:
            return
        if connection.dialect.name != _DIRECT:
            if len(rows) == 1:
                connection.execute(self._statement, rows[0])
            else:
                self._together = self._together or _compile_together(self._statement, self._columns, connection.dialect)
                connection.exec_driver_sql(self._together.text, self._together.arguments(rows))
            return
        compiled = self._of(connection.dialect)
        with _told(connection, compiled.text) as driver:
            driver.executemany(compiled.text, map(compiled.arguments, rows))

    def insert(self, connection: Connection, values: Values) -> int:
        """Enter one row; returns the key that the database gives it."""
        if connection.dialect.name != _DIRECT:
            return primary_key(connection.execute(self._statement, values))
        compiled = self._of(connection.dialect)
        arguments = compiled.arguments(values)
        with _told(connection, compiled.text) as driver:
            return int(driver.execute(compiled.text, arguments).lastrowid or 0)

    def _of(self, dialect: Dialect) -> _Compiled:
        if self._compiled is None:
            self._compiled = _compile(self._statement, self._columns, dialect)
        return self._compiled


class _told:  # noqa: N801  # reads as a verb; a generator would take as long as the statement
    """The driver's connection, in a transaction; its errors are told as SQLAlchemy tells them."""

    def __init__(self, connection: Connection, text: str) -> None:
        self._connection = connection
        self._text = text

    def __enter__(self) -> sqlite3.Connection:
        if not self._connection.in_transaction():
            self._connection.begin()
        driver: Any = self._connection.connection.driver_connection
        return cast("sqlite3.Connection", driver)

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, sqlite3.Error):
            dialect = self._connection.dialect
            raise DBAPIError.instance(
                self._text, None, error, sqlite3.Error, hide_parameters=True, dialect=dialect
            ) from error


class _Compiled(NamedTuple):
    text: str
    pick: Callable[[Values], tuple[Any, ...]]
    to_database: list[tuple[int, Convert]]
    from_database: Sequence[tuple[int, Convert]]

    def arguments(self, values: Values) -> tuple[Any, ...]:
        """The values as the driver takes them."""
        picked = self.pick(values)
        if not self.to_database:
            return picked
        converted = list(picked)
        for index, convert in self.to_database:
            converted[index] = convert(converted[index])
        return tuple(converted)

    def rows(self, found: list[Row]) -> list[Row]:
        """The rows with the values that their columns' types give."""
        if not self.from_database:
            return found
        converted = [list(row) for row in found]
        for row in converted:
            for index, convert in self.from_database:
                row[index] = convert(row[index])
        return [tuple(row) for row in converted]


class _Together(NamedTuple):
    """A statement that takes an array for each of its values."""

    text: str
    each: _Compiled

    def arguments(self, rows: Sequence[Values]) -> tuple[list[Any], ...]:
        """The arrays."""
        return tuple(map(list, zip(*map(self.each.arguments, rows), strict=True)))


def _compile_together(statement: Any, columns: Sequence[str], dialect: Dialect) -> _Together:
    """Put ``given``, a table of the arrays, where the statement has its values."""
    options = {"column_keys": list(columns)} if isinstance(statement, Insert) and columns else {}
    compiled = statement.compile(dialect=dialect, **options)
    names = list(dict.fromkeys(_PLACE.findall(compiled.string)))
    column_of = {name: f"value_{index}" for index, name in enumerate(names)}
    text = _PLACE.sub(lambda found: f"given.{column_of[found[1]]}", compiled.string)
    types = [compiled.binds[name].type.compile(dialect=dialect) for name in names]
    given = f"unnest({', '.join(f'%s::{each}[]' for each in types)}) AS given({', '.join(column_of.values())})"
    if isinstance(statement, Insert):
        text = _VALUES.sub(lambda found: f"SELECT {found[1]} FROM {given}", text, count=1)  # noqa: S608  # columns
    else:
        text = text.replace(" WHERE ", f" {_FROM[type(statement)]} {given} WHERE ", 1)
    return _Together(text, _arguments_of(compiled, names, columns, dialect))


def _compile(statement: Any, columns: Sequence[str], dialect: Dialect) -> _Compiled:
    options = {"column_keys": list(columns)} if isinstance(statement, Insert) and columns else {}
    compiled = statement.compile(dialect=dialect, **options)
    found = statement.selected_columns if isinstance(statement, Select) else ()
    from_database = [
        (index, convert)
        for index, column in enumerate(found)
        if (convert := column.type.dialect_impl(dialect).result_processor(dialect, None))
    ]
    names = list(compiled.positiontup or ())
    return _arguments_of(compiled, names, columns, dialect)._replace(from_database=from_database)


def _arguments_of(compiled: Any, names: Sequence[str], columns: Sequence[str], dialect: Dialect) -> _Compiled:
    """The statement, with its values in the order of these names."""
    free = [name for name in names if compiled.binds[name].required or name in columns]
    to_database = [
        (index, convert)
        for index, name in enumerate(names)
        if (convert := compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
    ]
    return _Compiled(str(compiled), _picking(names, free, compiled.params), to_database, ())


def _picking(names: Sequence[str], free: Sequence[str], fixed: Values) -> Callable[[Values], tuple[Any, ...]]:
    if not names:
        return lambda _values: ()
    if len(names) == 1 and free:
        return lambda values: (values[names[0]],)
    if len(free) == len(names):
        return itemgetter(*names)
    return lambda values: tuple(values.get(name, fixed[name]) for name in names)
