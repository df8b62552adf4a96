"""The files of runs: artifacts, and logs that grow."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from terrazul.core.clock import Clock, to_text
from terrazul.core.errors import Conflict, InvalidInput, NotFound, TooLarge
from terrazul.core.paths import check_relative_path
from terrazul.server.blobs import store as contents
from terrazul.server.blobs.service import Contents, in_thread
from terrazul.server.blobs.storage import Storage
from terrazul.server.blobs.store import Content
from terrazul.server.changes import Changes
from terrazul.server.run.service.lifecycle import Notify
from terrazul.server.run.store import artifact as artifacts
from terrazul.server.run.store import log as logs
from terrazul.server.run.store import logged_model
from terrazul.server.run.store import run as runs
from terrazul.server.run.store.log import LogRow
from terrazul.server.run.store.run import RunRow
from terrazul.server.sql.database import Database
from terrazul.wire.artifact import Artifact, LogFile

_INLINE_LIMIT = 16 << 10
_READ_LIMIT = 1 << 20
_WHOLE = 1 << 62


class LogPart(NamedTuple):
    """Bytes of a log, and how far the log has come."""

    data: bytes
    size: int
    open: bool


class Files:
    """Artifacts and logs of the runs of all workspaces."""

    def __init__(
        self,
        database: Database,
        content: Contents,
        storage: Storage,
        changes: Changes,
        clock: Clock,
        notify: Notify,
        *,
        log_limit: int,
    ) -> None:
        self._database = database
        self._contents = content
        self._storage = storage
        self._changes = changes
        self._clock = clock
        self._notify = notify
        self._log_limit = log_limit

    async def list_all(self, workspace: int, run_id: str, prefix: str) -> list[Artifact]:
        """The files of a run by path, logs that still grow among them (those without a digest).

        Those of the models that it logged are among them too, in a folder of the model's name.
        """

        def work(connection: Connection) -> list[Artifact]:
            row = runs.existing(connection, workspace, run_id)
            own = {each.path: each for each in self._own(connection, row, prefix)}
            found = {**_of_models(connection, row, prefix), **own}
            return [found[path] for path in sorted(found)]

        return await self._database.read(work)

    async def list_own(self, workspace: int, run_id: str, prefix: str) -> list[Artifact]:
        """As ``list_all``, without those of logged models."""

        def work(connection: Connection) -> list[Artifact]:
            return self._own(connection, runs.existing(connection, workspace, run_id), prefix)

        return await self._database.read(work)

    async def find(self, workspace: int, run_id: str, path: str) -> Content | None:
        """Where the bytes of an artifact lie; None for a log that still grows. Raises ``NotFound``."""

        def work(connection: Connection) -> Content | None:
            row = runs.existing(connection, workspace, run_id)
            artifact = artifacts.find(connection, row.key, path)
            log = logs.find(connection, row.key, path)
            if artifact is None and log is None:
                artifact = _of_models(connection, row, path).get(path)
            if artifact:
                return contents.find(connection, workspace, [artifact.digest])[artifact.digest]
            if log is None:
                raise NotFound(
                    f"The run {run_id} has no file {path[:200]!r}.",
                    target=path[:200],
                    hint="`run.get_file_names()` lists its files.",
                )
            return None

        return await self._database.read(work)

    async def list_logs(self, workspace: int, run_id: str) -> list[LogFile]:
        """The logs of a run, by path."""

        def work(connection: Connection) -> list[LogFile]:
            row = runs.existing(connection, workspace, run_id)
            return [LogFile(log.path, log.size, log.open) for log in logs.list_all(connection, row.key)]

        return await self._database.read(work)

    async def read_log(self, workspace: int, run_id: str, path: str, offset: int, wait: float) -> LogPart:
        """The bytes of a log from an offset, at most a megabyte.

        Waits where there are none yet and the log (or the run, which may still begin it) is open. Raises ``NotFound``
        for a log that a run which has ended never had.
        """
        _check_offset(offset)
        row = await self._database.read(lambda connection: runs.existing(connection, workspace, run_id))

        async def look() -> LogPart | None:
            part = await self._look_at_log(row.key, workspace, path, offset)
            return part if part and (part.data or not part.open) else None

        found = await self._changes.wait_until(row.key, look, wait)
        return found or await self._look_at_log(row.key, workspace, path, offset) or LogPart(b"", 0, open=True)

    async def append_log(
        self, workspace: int, run_id: str, path: str, offset: int, data: bytes, *, close: bool
    ) -> LogFile:
        """Add bytes to a log; those that are there already are skipped. ``close`` makes the log an artifact.

        Raises ``Conflict`` where bytes before the offset are missing, or the log is closed.
        """
        check_relative_path(path)
        _check_offset(offset)
        row = await self._database.read(lambda connection: runs.existing(connection, workspace, run_id))
        key = None
        if len(data) > _INLINE_LIMIT:
            key = f"{workspace}/logs/{uuid.uuid4().hex}"
            await asyncio.to_thread(self._store_object, key, data)
        log = await self._database.write(lambda connection: self._append(connection, row, path, offset, data, key))
        if close and log.open:
            log = await self._seal(workspace, row, log)
        return LogFile(log.path, log.size, log.open)

    def _own(self, connection: Connection, row: RunRow, prefix: str) -> list[Artifact]:
        now = to_text(self._clock())
        growing = [
            Artifact(log.path, log.size, "", now)
            for log in logs.list_all(connection, row.key)
            if log.open and log.path.startswith(prefix)
        ]
        return sorted(artifacts.list_all(connection, row.key, prefix) + growing, key=lambda each: each.path)

    def _append(
        self, connection: Connection, row: RunRow, path: str, offset: int, data: bytes, key: str | None
    ) -> LogRow:
        self._notify(connection, row.key)
        log = logs.find(connection, row.key, path) or logs.add(connection, row.workspace, row.key, path)
        if offset > log.size:
            raise Conflict(
                f"The log {path!r} has {log.size} bytes; those from there to {offset} are missing.",
                target=path,
                hint=f"Send it from offset {log.size}.",
            )
        if offset + len(data) <= log.size:
            return log
        if not log.open:
            raise Conflict(f"The log {path!r} is closed.", target=path)
        if offset + len(data) > self._log_limit:
            raise TooLarge(
                f"The log {path!r} has reached the limit of {self._log_limit} bytes.",
                target=path,
                hint="An administrator can raise TERRAZUL_LOG_LIMIT.",
            )
        fresh = data[log.size - offset :]
        if key is None or len(fresh) < len(data):
            return logs.append(connection, row.workspace, log, fresh, None, len(fresh))
        return logs.append(connection, row.workspace, log, None, key, len(fresh))

    async def _seal(self, workspace: int, row: RunRow, log: LogRow) -> LogRow:
        chunks = await self._database.read(partial(logs.chunks, key=log.key, offset=0, limit=_WHOLE))
        digest, size = await asyncio.to_thread(self._digest_of, chunks)
        if await self._contents.missing(workspace, [digest]):
            await self._contents.receive(workspace, digest, in_thread(self._bytes_of(chunks)))

        def work(connection: Connection) -> LogRow:
            artifacts.put(connection, workspace, row.key, log.path, digest, size, self._clock())
            logs.seal(connection, log.key)
            self._notify(connection, row.key)
            return log._replace(open=False)

        sealed = await self._database.write(work)
        for chunk in chunks:
            if chunk.key:
                await asyncio.to_thread(self._storage.delete, chunk.key)
        return sealed

    async def _look_at_log(self, run: int, workspace: int, path: str, offset: int) -> LogPart | None:
        def work(connection: Connection) -> tuple[LogRow | None, list[logs.Chunk], Artifact | None]:
            log = logs.find(connection, run, path)
            chunks = logs.chunks(connection, log.key, offset, _READ_LIMIT) if log and log.open else []
            artifact = artifacts.find(connection, run, path) if not (log and log.open) else None
            if log is None and artifact is None:
                row = runs.find_by_key(connection, run)
                if row and row.state.terminal:
                    raise NotFound(f"The run {row.run_id} has no log {path[:200]!r}.", target=path[:200])
            return log, chunks, artifact

        log, chunks, artifact = await self._database.read(work)
        if artifact:
            size = max(0, min(_READ_LIMIT, artifact.size - offset))
            content = (await self._contents.find(workspace, [artifact.digest]))[artifact.digest]
            data = b"".join([part async for part in self._contents.read(content, offset, size)]) if size else b""
            return LogPart(data, artifact.size, open=False)
        if log is None:
            return None
        data = await asyncio.to_thread(self._cut, chunks, offset)
        return LogPart(data, log.size, log.open)

    def _cut(self, chunks: list[logs.Chunk], offset: int) -> bytes:
        if not chunks:
            return b""
        data = b"".join(self._bytes_of(chunks))
        start = offset - chunks[0].offset
        return data[start : start + _READ_LIMIT]

    def _bytes_of(self, chunks: list[logs.Chunk]) -> Iterator[bytes]:
        for chunk in chunks:
            if chunk.data is not None:
                yield chunk.data
            elif chunk.key:
                yield from self._storage.read(chunk.key, 0, chunk.size)

    def _digest_of(self, chunks: list[logs.Chunk]) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        for data in self._bytes_of(chunks):
            digest.update(data)
            size += len(data)
        return digest.hexdigest(), size

    def _store_object(self, key: str, data: bytes) -> None:
        sink = self._storage.create(key)
        try:
            sink.write(data)
            sink.commit()
        except BaseException:
            sink.abort()
            raise


def _of_models(connection: Connection, row: RunRow, prefix: str) -> dict[str, Artifact]:
    """The files of the models that a run logged, by path; of two models of one name, those of the later."""
    found: dict[str, Artifact] = {}
    for model in logged_model.of_run(connection, row.key):
        folder = f"{model.name}/"
        if folder.startswith(prefix) or prefix.startswith(folder):
            for each in logged_model.files_of(connection, model.key, prefix[len(folder) :]):
                found[folder + each.path] = replace(each, path=folder + each.path)
    return found


def _check_offset(offset: int) -> None:
    if not 0 <= offset < _WHOLE:
        raise InvalidInput(f"No log has an offset {offset}.", target="offset")
