"""A folder of this machine as a datastore, for one that was registered and for those that come with a workspace."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

from terrazul.core.errors import AlreadyExists, DataNotFound
from terrazul.server.blobs.service import in_thread
from terrazul.server.datastore.kind import Part, Step
from terrazul.server.datastore.local_files import LocalFiles, LocalWriting, file_of, read_part
from terrazul.server.datastore.rules import span_of
from terrazul.wire.datastore import DataFile, FileAccess, FolderPage

Reserve = Callable[[int], Awaitable[None]]
"""Counts bytes that a folder is about to have more, or less. Raises ``QuotaExceeded``."""


async def _uncounted(_change: int) -> None:
    pass


class FolderFiles:
    """The files below a folder.

    ``reserve`` is asked before a file appears, and told when one has gone; who counts the same files holds ``putting``
    meanwhile.
    """

    def __init__(
        self, root: Path, beyond: Path | None, putting: asyncio.Lock | None = None, reserve: Reserve = _uncounted
    ) -> None:
        self._files = LocalFiles(root, beyond)
        self._reserve = reserve
        self._putting = putting or asyncio.Lock()

    async def steps(self, *, create: bool) -> AsyncIterator[Step]:
        """Find the folder, which lists it too."""
        yield Step("find the folder", await asyncio.to_thread(partial(self._files.check, create=create)))

    async def find(self, path: str) -> DataFile | None:
        """The file of a path."""
        return await asyncio.to_thread(self._files.find, path)

    async def browse(self, folder: str, after: str, limit: int) -> FolderPage:
        """What lies in one folder."""
        return await asyncio.to_thread(self._files.browse, folder, after, limit)

    async def walk(self, folder: str, after: str) -> AsyncIterator[Sequence[DataFile]]:
        """All files below a folder."""
        found = self._files.walk(folder, after)
        while (batch := await asyncio.to_thread(next, found, None)) is not None:
            yield batch

    async def read(self, path: str, start: int | None, end: int | None) -> Part | None:
        """A file, or a part of it."""
        descriptor = await asyncio.to_thread(self._files.open, path)
        if descriptor is None:
            return None
        file = file_of(path, os.fstat(descriptor))
        try:
            first, size = span_of(start, end, file.size)
        except BaseException:
            os.close(descriptor)
            raise
        return Part(file, first, size, in_thread(read_part(descriptor, first, size)))

    async def write(self, path: str, chunks: AsyncIterator[bytes], *, overwrite: bool) -> DataFile:
        """Write a file."""
        if not overwrite and await self.find(path) is not None:
            raise AlreadyExists(
                f"{path!r} is there already.", target=path, hint="Pass overwrite=True to have it replaced."
            )
        writing = await asyncio.to_thread(self._files.begin, path)
        try:
            async for chunk in chunks:
                await asyncio.to_thread(writing.write, chunk)
            return await self._put(writing, overwrite=overwrite)
        except BaseException:
            writing.abort()
            raise

    async def delete(self, path: str) -> bool:
        """Remove a file."""
        async with self._putting:
            file = await asyncio.to_thread(self._files.delete, path)
            if file is not None:
                await self._reserve(-file.size)
        return file is not None

    async def access(self, paths: Sequence[str], *, is_writing: bool, is_near: bool) -> list[FileAccess]:
        """The files themselves, for who is on this machine and reads; who writes goes through the server."""
        if is_writing or not is_near:
            return [FileAccess(path) for path in paths]
        return await asyncio.to_thread(lambda: [self._local(path) for path in paths])

    async def _put(self, writing: LocalWriting, *, overwrite: bool) -> DataFile:
        async with self._putting:
            change = writing.size - writing.size_there()
            await self._reserve(change)
            try:
                return await asyncio.to_thread(partial(writing.commit, overwrite=overwrite))
            except BaseException:
                await self._reserve(-change)
                raise

    def _local(self, path: str) -> FileAccess:
        found = self._files.place_of(path)
        if found is None:
            raise DataNotFound(f"There is no file {path!r} in this datastore.", target=path)
        real, info = found
        return FileAccess(
            path, local_path=str(real), size=info.st_size, modified_ns=info.st_mtime_ns, inode=info.st_ino
        )
