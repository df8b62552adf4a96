"""A limit to the time that reading may take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

_STEPS = 5_000
"""So many steps of SQLite's machine, less than a millisecond, pass between two looks at the clock."""


class TimeIsOver(Exception):
    """A statement was broken off."""


@contextmanager
def time_limit(connection: Connection, seconds: float) -> Iterator[None]:
    """Raise ``TimeIsOver`` from what is read inside, once the seconds are over."""
    try:
        if connection.dialect.name == "sqlite":
            with _watched(connection.connection.driver_connection, seconds):
                yield
        else:
            connection.execute(text("SELECT set_config('statement_timeout', :limit, true)"), {"limit": f"{seconds}s"})
            yield
    except DBAPIError as error:
        if "interrupted" in str(error.orig) or "statement timeout" in str(error.orig):
            raise TimeIsOver from error
        raise


@contextmanager
def _watched(connection: Any, seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)
