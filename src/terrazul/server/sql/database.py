"""The database as the services see it: ``write`` and ``read``.

Group commit: one thread takes all writes that wait, runs each inside a savepoint of one transaction, commits once and
only then answers each. So a write is durable when it is acknowledged, and many small writes share the cost of one flush
to the disk. Where several processes share the database, the writers of all take turns.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import InsufficientStorage
from terrazul.server.sql.kind import DatabaseKind, Thing
from terrazul.server.sql.savepoint import savepoint
from terrazul.server.sql.witness import Witness, watch, witness

T = TypeVar("T")
Work = Callable[[Connection], T]

_log = logging.getLogger(__name__)
_BATCH_LIMIT = 512
_AFTER_COMMIT = "after_commit"
_TOLD = "told"


def after_commit(connection: Connection, action: Callable[[], None]) -> None:
    """Have an action done in the writer's thread once this write is on disk, or perhaps for nothing if it is undone."""
    connection.info.setdefault(_AFTER_COMMIT, []).append(action)


def tell(connection: Connection, thing: Thing) -> None:
    """Let other processes that share the database hear of a change, once this write is on disk."""
    connection.info.setdefault(_TOLD, []).append(thing)


@dataclass(frozen=True)
class _Pending(Generic[T]):
    work: Work[T]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[T]
    witness: Witness | None


class _Outcome(NamedTuple):
    pending: _Pending[Any]
    value: Any
    error: BaseException | None


class Database:
    """One database, opened by this process; ``shared`` with others. ``close`` finishes what was accepted."""

    def __init__(self, kind: DatabaseKind, *, shared: bool = False) -> None:
        self.kind = kind
        self.engine = kind.engine()
        self._shared = shared
        self._queue: queue.SimpleQueue[_Pending[Any] | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(kind.readers, thread_name_prefix="reader")
        self._local = threading.local()
        self._reader_connections: set[Connection] = set()
        self._writer_connection: Connection | None = None
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
        self._queue.put(_Pending(work, loop, future, witness.get()))
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
        try:
            return self._read_once(work)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise self._explained(error) from error
        try:
            return self._read_once(work)  # the database was away for a while, and is there again
        except DBAPIError as error:
            raise self._explained(error) from error

    def _read_once(self, work: Work[T]) -> T:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self.kind.reading(self.engine)
            self._local.connection = connection
            self._reader_connections.add(connection)
        try:
            return work(connection)
        finally:
            if connection.invalidated:
                self._local.connection = None
                self._reader_connections.discard(connection)
                connection.close()
            else:
                connection.rollback()

    def _write_forever(self) -> None:
        closing = False
        while not closing:
            batch, closing = self._take()
            if batch:
                self._commit(batch)
        if self._writer_connection is not None:
            self._writer_connection.close()

    def _explained(self, error: BaseException) -> BaseException:
        return self.kind.explain(error) if isinstance(error, DBAPIError) else error

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

    def _commit(self, batch: list[_Pending[Any]]) -> None:
        actions: list[Callable[[], None]] = []
        try:
            outcomes = self._run_all(self._begin(), batch, actions)
        except Exception as error:  # noqa: BLE001  # the edge of the writer's thread: each caller is told
            _log.exception("A transaction of %d writes was undone", len(batch))
            explained = self._explained(error)
            outcomes = [_Outcome(pending, None, explained) for pending in batch]
        else:
            self.commits += 1
            self.writes += len(batch)
        _answer(outcomes)
        for action in actions:
            action()

    def _begin(self) -> Connection:
        """The writer's connection, at the start of a transaction that has its turn."""
        try:
            return self._try_to_begin()
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            return self._try_to_begin()  # the database was away for a while, and is there again

    def _try_to_begin(self) -> Connection:
        connection = self._writer_connection
        if connection is None:
            connection = self._writer_connection = self.kind.writing(self.engine)
        try:
            connection.begin()
            self.kind.take_turn(connection)
        except BaseException:
            self._leave(connection)
            raise
        return connection

    def _run_all(
        self, connection: Connection, batch: list[_Pending[Any]], actions: list[Callable[[], None]]
    ) -> list[_Outcome]:
        told: list[Thing] = []
        connection.info.update({_AFTER_COMMIT: actions, _TOLD: told})
        try:
            outcomes = [self._run(connection, pending, alone=len(batch) == 1) for pending in batch]
            if len(batch) == 1 and outcomes[0].error is not None:
                self._leave(connection)
                return outcomes
            if told and self._shared:
                self.kind.tell(connection, told)
            connection.commit()
        except BaseException:
            self._leave(connection)
            raise
        return outcomes

    def _leave(self, connection: Connection) -> None:
        """Undo a transaction; a connection that is cut is not used again."""
        if connection.invalidated:
            self._writer_connection = None
            connection.close()
        else:
            connection.rollback()

    def _run(self, connection: Connection, pending: _Pending[Any], *, alone: bool) -> _Outcome:
        """One write, in its own savepoint where others share the transaction.

        A full disk undoes the whole transaction, so that error goes up.
        """
        watch(connection, pending.witness)
        try:
            with contextlib.nullcontext() if alone else savepoint(connection):
                value = _watched(connection, pending)
        except DBAPIError as error:
            explained = self._explained(error)
            if isinstance(explained, InsufficientStorage) or error.connection_invalidated:
                raise
            return _Outcome(pending, None, explained)
        except Exception as error:  # noqa: BLE001  # whatever the work raises belongs to its caller
            return _Outcome(pending, None, error)
        return _Outcome(pending, value, None)


def _watched(connection: Connection, pending: _Pending[T]) -> T:
    if pending.witness is None:
        return pending.work(connection)
    pending.witness.begins()
    value = pending.work(connection)
    pending.witness.ends(connection)
    return value


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
