"""Statements that every call needs. SQLAlchemy's share in executing one is ten times what SQLite takes for it.

So on SQLite these go to the driver as they were compiled once; on other databases they take SQLAlchemy's way. Rows are
plain tuples either way.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, cast

from sqlalchemy import Connection, Executable, Insert, Select
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import DBAPIError

from terrazul.server.sql.metadata import primary_key

Values = Mapping[str, Any]
Row = Sequence[Any]
Convert = Callable[[Any], Any]
_DIRECT = "sqlite"


class Statement:
    """One statement; ``columns`` are those that an insert without values fills."""

    def __init__(self, statement: Executable, *columns: str) -> None:
        self._statement = statement
        self._columns = columns
        self._compiled: _Compiled | None = None

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
        """Execute it once for each of these values."""
        if not rows:
            return
        if connection.dialect.name != _DIRECT:
            connection.execute(self._statement, list(rows))
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


def _compile(statement: Any, columns: Sequence[str], dialect: Dialect) -> _Compiled:
    options = {"column_keys": list(columns)} if isinstance(statement, Insert) and columns else {}
    compiled = statement.compile(dialect=dialect, **options)
    names: list[str] = list(compiled.positiontup or ())
    fixed = compiled.params
    free = [name for name in names if compiled.binds[name].required or name in columns]
    to_database = [
        (index, convert)
        for index, name in enumerate(names)
        if (convert := compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
    ]
    found = statement.selected_columns if isinstance(statement, Select) else ()
    from_database = [
        (index, convert)
        for index, column in enumerate(found)
        if (convert := column.type.dialect_impl(dialect).result_processor(dialect, None))
    ]
    return _Compiled(str(compiled), _picking(names, free, fixed), to_database, from_database)


def _picking(names: Sequence[str], free: Sequence[str], fixed: Values) -> Callable[[Values], tuple[Any, ...]]:
    if not names:
        return lambda _values: ()
    if len(names) == 1 and free:
        return lambda values: (values[names[0]],)
    if len(free) == len(names):
        return itemgetter(*names)
    return lambda values: tuple(values.get(name, fixed[name]) for name in names)
