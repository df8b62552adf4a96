"""The database as the services see it: ``write`` and ``read``.

Group commit: one thread takes all writes that wait, runs each inside a savepoint of one transaction, commits once and
only then answers each. So a write is durable when it is acknowledged (SQLite runs with ``synchronous=FULL``), and many
small writes share the cost of one flush to the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from terrazul.core.errors import InsufficientStorage, TerrazulError, Unavailable
from terrazul.server.sql.savepoint import savepoint

T = TypeVar("T")
Work = Callable[[Connection], T]

_log = logging.getLogger(__name__)
_BATCH_LIMIT = 512
_READERS = 3
_MAPPED = 2_000_000_000
"""So many bytes of the file are read where the system keeps them, without a call for each page."""
_AFTER_COMMIT = "after_commit"


def after_commit(connection: Connection, action: Callable[[], None]) -> None:
    """Have an action done in the writer's thread once this write is on disk, or perhaps for nothing if it is undone."""
    connection.info.setdefault(_AFTER_COMMIT, []).append(action)


@dataclass(frozen=True)
class _Pending(Generic[T]):
    work: Work[T]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[T]


class _Outcome(NamedTuple):
    pending: _Pending[Any]
    value: Any
    error: BaseException | None


class Database:
    """One database file. ``close`` finishes what was accepted."""

    def __init__(self, path: Path) -> None:
        self.engine = _sqlite_engine(path)
        self._queue: queue.SimpleQueue[_Pending[Any] | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="reader")
        self._local = threading.local()
        self._reader_connections: list[Connection] = []
        self._writer = threading.Thread(target=self._write_forever, name="writer", daemon=True)
        self._writer.start()
        self.commits = 0
        self.writes = 0

    async def write(self, work: Work[T]) -> T:
        """Run ``work`` in the writer's thread and return its result once it is on disk.

        What ``work`` raises is raised here, and its changes are undone. Raises ``InsufficientStorage`` where the disk
        is full; nothing of the write is kept then.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.put(_Pending(work, loop, future))
        return await future

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` on a consistent view of what has been committed; it must not write."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    def close(self) -> None:
        """Commit what waits, then let go of the file."""
        self._queue.put(None)
        self._writer.join()
        self._readers.shutdown()
        for connection in self._reader_connections:
            connection.close()
        self.engine.dispose()

    def _read(self, work: Work[T]) -> T:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self.engine.connect()
            self._local.connection = connection
            self._reader_connections.append(connection)
        try:
            return work(connection)
        except DBAPIError as error:
            raise _explain(error) from error
        finally:
            connection.rollback()

    def _write_forever(self) -> None:
        with self.engine.connect() as connection:
            while True:
                batch, closing = self._take()
                if batch:
                    self._commit(connection, batch)
                if closing:
                    return

    def _take(self) -> tuple[list[_Pending[Any]], bool]:
        batch: list[_Pending[Any]] = []
        item = self._queue.get()
        while item is not None:
            batch.append(item)
            if len(batch) == _BATCH_LIMIT:
                return batch, False
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _commit(self, connection: Connection, batch: list[_Pending[Any]]) -> None:
        try:
            with connection.begin():
                outcomes = [_run(connection, pending) for pending in batch]
        except Exception as error:  # noqa: BLE001  # the edge of the writer's thread: each caller is told
            _log.exception("A transaction of %d writes was undone", len(batch))
            explained = _explain(error) if isinstance(error, DBAPIError) else error
            outcomes = [_Outcome(pending, None, explained) for pending in batch]
        else:
            self.commits += 1
            self.writes += len(batch)
        actions = connection.info.pop(_AFTER_COMMIT, [])
        _answer(outcomes)
        for action in actions:
            action()


def _run(connection: Connection, pending: _Pending[Any]) -> _Outcome:
    """One write in its own savepoint. A full disk undoes the whole transaction, so that error goes up."""
    try:
        with savepoint(connection):
            value = pending.work(connection)
    except DBAPIError as error:
        explained = _explain(error)
        if isinstance(explained, InsufficientStorage) or error.connection_invalidated:
            raise
        return _Outcome(pending, None, explained)
    except Exception as error:  # noqa: BLE001  # whatever the work raises belongs to its caller
        return _Outcome(pending, None, error)
    return _Outcome(pending, value, None)


def _answer(outcomes: list[_Outcome]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome.pending.loop, []).append(outcome)
    for loop, group in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, group)


def _settle(outcomes: list[_Outcome]) -> None:
    for pending, value, error in outcomes:
        if pending.future.done():
            continue
        if error is None:
            pending.future.set_result(value)
        else:
            pending.future.set_exception(error)


def _explain(error: DBAPIError) -> TerrazulError | DBAPIError:
    text = str(error.orig)
    if "disk is full" in text or "disk I/O error" in text or "No space left" in text:
        return InsufficientStorage(
            "The disk of the server is full, so nothing more can be recorded.",
            hint="Free some space on it; the server goes on by itself.",
        )
    if "database is locked" in text:
        return Unavailable("The database is busy.", hint="Try again in a moment.")
    return error


def _sqlite_engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=NullPool,
        hide_parameters=True,  # an error's text goes to the log, where no value of a user's belongs
        connect_args={"check_same_thread": False, "cached_statements": 512},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        # Transactions are begun by the listener below; the driver's own way would commit before savepoints.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "busy_timeout=10000",
            "foreign_keys=ON",
            "cache_size=-8000",
            "temp_store=MEMORY",
            f"mmap_size={_MAPPED}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine
