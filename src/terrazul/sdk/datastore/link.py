"""The way to one datastore through the server."""

from __future__ import annotations

import contextlib
from typing import BinaryIO, Iterator, List, Optional
from urllib.parse import quote

from terrazul.core.errors import Unavailable
from terrazul.sdk.client import Client, Request
from terrazul.wire.codec import decode, encode
from terrazul.wire.datastore import AccessRequest, DataFile, FileAccess, FilePage, FolderPage, Query


class DatastoreLink:
    """What ``terrazul.data`` needs of a server, over the client of a workspace."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._path = address_of(name)

    def access(self, paths: List[str], is_writing: bool) -> List[FileAccess]:
        """The short way to each file."""
        return self._client.post(List[FileAccess], f"{self._path}/access", AccessRequest(paths, is_writing))

    @contextlib.contextmanager
    def read(self, path: str, start: int, end: Optional[int]) -> Iterator[Iterator[bytes]]:
        """A part of a file, in pieces."""
        headers = {}
        if start or end is not None:
            headers["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        with self._client.open(Request("GET", f"{self._path}/file", {"path": path}, headers=headers)) as answer:
            yield answer.chunks()

    def write(self, path: str, file: BinaryIO, length: int, overwrite: bool) -> DataFile:
        """Write a file."""
        headers = {} if overwrite else {"If-None-Match": "*"}
        request = Request(
            "PUT",
            f"{self._path}/file",
            {"path": path},
            file,
            length,
            "application/octet-stream",
            headers,
            repeatable=overwrite,
        )
        return decode(DataFile, self._client.send(request))

    def delete(self, path: str) -> None:
        """Remove a file."""
        self._client.send(Request("DELETE", f"{self._path}/file", {"path": path}))

    def find(self, pattern: str) -> Iterator[DataFile]:
        """The files that a pattern means, by path; pages are asked for as they are needed."""
        page: Optional[str] = None
        while True:
            found = self._client.get(FilePage, f"{self._path}/files", {"pattern": pattern, "page": page})
            yield from found.files
            page = found.next_page
            if page is None:
                return

    def browse(self, folder: str) -> FolderPage:
        """All that lies in one folder."""
        whole = FolderPage([], [])
        page: Optional[str] = None
        while True:
            found = self._client.get(FolderPage, f"{self._path}/folder", {"folder": folder, "page": page})
            whole.folders.extend(found.folders)
            whole.files.extend(found.files)
            page = found.next_page
            if page is None:
                return whole

    @contextlib.contextmanager
    def query(self, text: str, timeout_seconds: int) -> Iterator[Iterator[bytes]]:
        """What an SQL query gives, as an Arrow stream in pieces.

        Raises ``Unavailable`` where it breaks off after its first rows.
        """
        body = encode(Query(text, timeout_seconds))
        with self._client.open(Request("POST", f"{self._path}/query", body=body)) as answer:
            yield _told(answer.chunks(), timeout_seconds)


def _told(chunks: Iterator[bytes], timeout_seconds: int) -> Iterator[bytes]:
    try:
        yield from chunks
    except Unavailable as problem:
        message = "The rows of the query broke off after the first of them had come."
        hint = (
            f"It may have taken longer than {timeout_seconds} s: allow it more by query_timeout, or let it give fewer."
        )
        raise Unavailable(message, hint=hint) from problem


def address_of(name: str) -> str:
    """The address of a datastore within its workspace."""
    return f"/datastores/{quote(name, safe='')}"
