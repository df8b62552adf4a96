"""Listing, reading, writing and deleting files of datastores."""

from __future__ import annotations

from collections.abc import AsyncIterator

from terrazul.core.errors import DataNotFound, InvalidInput
from terrazul.core.paths import check_relative_path
from terrazul.data.pattern import PathPattern, normal
from terrazul.server.datastore import rules
from terrazul.server.datastore.kind import NoLists, Part
from terrazul.server.datastore.service.built_in import BuiltIn
from terrazul.server.datastore.service.datastores import Datastores
from terrazul.server.workspace.store import WorkspaceRow
from terrazul.wire.datastore import AccessRequest, DataFile, FileAccess, FilePage, FolderPage, Query

_PAGE = 10_000
_MOST_LOOKED_AT = 100_000
"""A page of a pattern that few files meet ends after so many, so that no request takes long."""


class DataFiles:
    """The files of all datastores. Every method raises ``NotFound`` for a datastore that is not there."""

    def __init__(self, datastores: Datastores, built_in: BuiltIn) -> None:
        self._datastores = datastores
        self._built_in = built_in

    async def browse(self, workspace: WorkspaceRow, name: str, folder: str, page: str | None) -> FolderPage:
        """What lies in one folder of a datastore."""
        files = await self._datastores.files(workspace, name)
        return await files.browse(normal(folder), page or "", _PAGE)

    async def find(self, workspace: WorkspaceRow, name: str, pattern: str, page: str | None) -> FilePage:
        """The files that a pattern means, by path; more may follow also after a page that holds none.

        Raises ``NoLists`` for a pattern, or for all files, where the store tells no lists.
        """
        wanted = PathPattern(pattern)
        files = await self._datastores.files(workspace, name)
        found: list[DataFile] = []
        looked_at, last = 0, page or ""
        try:
            async for batch in files.walk(wanted.folder, last):
                for file in batch:
                    last = file.path
                    looked_at += 1
                    if wanted.matches(file.path):
                        found.append(file)
                    if len(found) == _PAGE or looked_at == _MOST_LOOKED_AT:
                        return FilePage(found, last)
        except NoLists:
            if wanted.is_wild or not wanted.text:
                raise
        return FilePage(found)

    async def access(
        self, workspace: WorkspaceRow, name: str, request: AccessRequest, *, is_near: bool
    ) -> list[FileAccess]:
        """The short way to each of some files. Raises ``DataNotFound`` where one is found missing."""
        rules.check_number_of_paths(len(request.paths))
        paths = [check_relative_path(path) for path in request.paths]
        files = await self._datastores.files(workspace, name)
        return await files.access(paths, is_writing=request.is_writing, is_near=is_near)

    async def read(self, workspace: WorkspaceRow, name: str, path: str, header: str | None) -> Part:
        """A file, or what a ``Range`` header asks for of it. Raises ``DataNotFound``."""
        start, end = rules.read_range(header)
        files = await self._datastores.files(workspace, name)
        part = await files.read(check_relative_path(path), start, end)
        if part is None:
            raise _no_such(name, path)
        return part

    async def write(
        self,
        workspace: WorkspaceRow,
        name: str,
        path: str,
        chunks: AsyncIterator[bytes],
        *,
        overwrite: bool,
        bounded: bool,
        announced: int | None,
    ) -> DataFile:
        """Write a file as a whole, or not at all; ``announced`` is its size where that is known.

        Raises ``AlreadyExists``, ``QuotaExceeded`` in a datastore that comes with the workspace.
        """
        check_relative_path(path)
        files = await self._datastores.files(workspace, name, bounded=bounded)
        if bounded and rules.key_of(name) in rules.BUILT_IN:
            there = await files.find(path)
            await self._built_in.check_room(workspace, (announced or 0) - (there.size if there else 0))
        return await files.write(path, _whole(chunks, announced), overwrite=overwrite)

    async def delete(self, workspace: WorkspaceRow, name: str, path: str) -> None:
        """Remove a file. Raises ``DataNotFound``."""
        files = await self._datastores.files(workspace, name)
        if not await files.delete(check_relative_path(path)):
            raise _no_such(name, path)

    async def query(self, workspace: WorkspaceRow, name: str, query: Query) -> AsyncIterator[bytes]:
        """What a query of a datastore that holds tables gives, as an Arrow stream."""
        rules.check_query(query)
        tables = await self._datastores.tables(workspace, name)
        return await _begun(tables.query(query.text, query.timeout_seconds))


async def _whole(chunks: AsyncIterator[bytes], announced: int | None) -> AsyncIterator[bytes]:
    """The bytes. Raises ``InvalidInput`` where they end before all that was announced has come."""
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        yield chunk
    if announced is not None and size != announced:
        raise InvalidInput(f"{announced} bytes were announced, and {size} came.", hint="Send the file again.")


async def _begun(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same, whose columns and first rows are there: what goes wrong before them is told as an error."""
    first = [await anext(chunks, b""), await anext(chunks, b"")]

    async def rest() -> AsyncIterator[bytes]:
        for chunk in first:
            yield chunk
        async for chunk in chunks:
            yield chunk

    return rest()


def _no_such(name: str, path: str) -> DataNotFound:
    return DataNotFound(
        f"There is no file {path[:200]!r} in the datastore {name}.",
        target=path[:200],
        hint=f"`terrazul datastore browse {name}` shows what there is.",
    )
