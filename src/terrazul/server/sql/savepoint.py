"""A part of a transaction that is undone by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """Undo what is done inside where it raises; savepoints may stand in each other.

    SQLite's driver is told of it directly: SQLAlchemy's own take longer than most of what is done inside.
    """
    execute: Callable[[str], object] = connection.exec_driver_sql
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.driver_connection
        execute = driver.execute
    execute("SAVEPOINT part")
    try:
        yield
    except BaseException as error:
        _undo(execute, error)
        raise
    execute("RELEASE SAVEPOINT part")


def _undo(execute: Callable[[str], object], error: BaseException) -> None:
    try:
        execute("ROLLBACK TO SAVEPOINT part")
        execute("RELEASE SAVEPOINT part")
    except Exception:
        if not isinstance(error, DBAPIError):
            raise
        # the database has undone all of the transaction already, and the error says why
