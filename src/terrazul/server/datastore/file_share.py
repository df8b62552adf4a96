"""Shares of Azure Files over Azure's own library, which is imported when one is opened."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

from terrazul.core.clock import from_text, to_text
from terrazul.core.errors import DatastoreRefused, DatastoreUnreachable, InvalidInput, TerrazulError
from terrazul.server.datastore.kind import Part, Step
from terrazul.server.datastore.object_store import LEASE_SECONDS, there_already
from terrazul.server.datastore.rules import folder_page, span_of
from terrazul.server.datastore.steps import looked, steps_towards
from terrazul.server.network.outgoing import Outgoing
from terrazul.wire.datastore import DataFile, FileAccess, FolderPage

T = TypeVar("T")
_RANGE = 4 << 20
"""The service takes no more in one request."""
_PARTIAL = ".terrazul-{}.part"
_IS_PARTIAL = re.compile(r"\.terrazul-[0-9a-f]{32}\.part\Z")
_NEVER_IN_NAMES = re.compile(r'["\\:|<>*?\x00-\x1f]')
_TRAILING_DOTS = {"x-ms-allow-trailing-dot": "true"}
_CALLS_AT_ONCE = 8
_MISSING = {"ResourceNotFound", "ParentNotFound", "ResourceTypeMismatch", "ShareNotFound", "ShareBeingDeleted"}
_NO_SHARE = {"ShareNotFound", "ShareBeingDeleted"}
_UNAUTHORISED = {401, 403}


class Share(NamedTuple):
    """A share, and what is known of it."""

    client: Any
    """The library's client of it."""
    url: str
    """The address of the service."""
    account: str
    name: str
    key: str
    """The key of the account; empty where there is a signature only."""


class ShareFiles:
    """The files of one share. A file is filled under another name, which it loses when it is whole."""

    def __init__(self, share: Share, outgoing: Outgoing) -> None:
        self._share = share
        self._outgoing = outgoing
        self._threads = ThreadPoolExecutor(_CALLS_AT_ONCE, thread_name_prefix="azure-files")
        """Its own: what it calls goes through the server's tunnel, which needs a thread of the server's others."""

    async def steps(self, *, create: bool) -> AsyncIterator[Step]:
        """Resolve the name, connect, sign in, find the share, list."""
        async for step in steps_towards(self._share.url, self._outgoing, self._look, self._make if create else None):
            yield step

    async def find(self, path: str) -> DataFile | None:
        """The file of a path."""
        if _refusal_of(path):
            return None
        try:
            return _file_of(path, await self._told(self._file(path).get_file_properties))
        except FileNotFoundError:
            return None

    async def browse(self, folder: str, after: str, limit: int) -> FolderPage:
        """What lies in one folder."""
        try:
            entries = await self._entries(folder)
        except FileNotFoundError:
            return FolderPage([], [])
        folders = [name for name, file in entries if file is None]
        return folder_page(folders, {name: file for name, file in entries if file is not None}, after, limit)

    async def walk(self, folder: str, after: str) -> AsyncIterator[Sequence[DataFile]]:
        """All files below a folder."""
        if folder and (single := await self.find(folder)) is not None:
            if single.path > after:
                yield [single]
            return
        async for batch in self._below(folder, after):
            yield batch

    async def read(self, path: str, start: int | None, end: int | None) -> Part | None:
        """A file, or a part of it."""
        file = await self.find(path)
        if file is None:
            return None
        first, size = span_of(start, end, file.size)
        if size == 0:
            return Part(file, first, 0, _nothing())
        try:
            download = await self._told(lambda: self._file(path).download_file(first, size))
        except FileNotFoundError:
            return None
        if str(download.properties.etag).strip('"') != file.etag:
            raise _changed()
        return Part(file, first, size, self._chunks(download))

    async def write(self, path: str, chunks: AsyncIterator[bytes], *, overwrite: bool) -> DataFile:
        """Fill a file under another name, then have it take the place."""
        if why := _refusal_of(path):
            raise InvalidInput(f"{path!r} cannot be the path of a file of a share: {why}.", target=path)
        folder = path.rpartition("/")[0]
        partial = self._file(_within(folder, _PARTIAL.format(secrets.token_hex(16))))
        try:
            await self._fill(partial, folder, chunks, "" if overwrite else path)
            await self._told(lambda: partial.rename_file(path, overwrite=overwrite), path)
        except BaseException:
            with contextlib.suppress(TerrazulError, FileNotFoundError):
                await self._told(partial.delete_file)
            raise
        file = await self.find(path)
        if file is None:
            raise DatastoreUnreachable(f"{path!r} was written and is not there.", target=path, hint="Send it again.")
        return file

    async def delete(self, path: str) -> bool:
        """Remove a file."""
        if _refusal_of(path):
            return False
        try:
            await self._told(self._file(path).delete_file)
        except FileNotFoundError:
            return False
        return True

    async def access(self, paths: Sequence[str], *, is_writing: bool, is_near: bool) -> list[FileAccess]:
        """Signed addresses to read from; what is written takes several requests, and goes through the server."""
        del is_near
        if is_writing or not self._share.key:
            return [FileAccess(path) for path in paths]
        return [self._signed(path, datetime.now(timezone.utc) + timedelta(seconds=LEASE_SECONDS)) for path in paths]

    def _signed(self, path: str, expiry: datetime) -> FileAccess:
        from azure.storage.fileshare import generate_file_sas  # noqa: PLC0415  # loaded with the first share

        share = self._share
        signature = generate_file_sas(
            share.account, share.name, path.split("/"), share.key, permission="r", expiry=expiry
        )
        url = f"{share.url}/{share.name}/{quote(path)}?{signature}"
        return FileAccess(
            path, url=url, headers=dict(_TRAILING_DOTS), expires_at=to_text(from_text(expiry.isoformat()))
        )

    async def _below(self, folder: str, after: str) -> AsyncIterator[Sequence[DataFile]]:
        batch: list[DataFile] = []
        try:
            entries = await self._entries(folder)
        except FileNotFoundError:
            return
        for name, file in entries:
            path = _within(folder, name)
            if file is not None:
                batch += [file] if path > after else []
            elif path + "/" > after or after.startswith(path + "/"):
                if batch:
                    yield batch
                    batch = []
                async for inner in self._below(path, after):
                    yield inner
        if batch:
            yield batch

    async def _entries(self, folder: str) -> list[tuple[str, DataFile | None]]:
        """The names in a folder with their files, in the order of the paths below; no file for a folder."""
        if folder and _refusal_of(folder):
            raise FileNotFoundError(folder)
        directory = self._share.client.get_directory_client(folder or None)

        def listed() -> list[Any]:
            return list(directory.list_directories_and_files(include=["timestamps", "Etag"]))

        found = [
            (each.name, None if each.is_directory else _file_of(_within(folder, each.name), each))
            for each in await self._told(listed)
            if not _IS_PARTIAL.match(each.name)
        ]
        return sorted(found, key=lambda each: each[0] if each[1] else each[0] + "/")

    async def _fill(self, partial: Any, folder: str, chunks: AsyncIterator[bytes], not_there: str) -> None:
        """Send the bytes. Raises ``AlreadyExists`` before much is sent where there is a file of the path."""
        size, room = 0, -1
        async for part in _ranges(chunks):
            end = size + len(part)
            if room < 0:
                room = end
                await self._create(partial, folder, room)
            elif end > room:
                if not_there and await self.find(not_there) is not None:
                    raise there_already(not_there)
                room = max(end, 2 * room)
                await self._told(lambda size=room: partial.resize_file(size))  # type: ignore[misc]  # bound as it is now
            await self._told(lambda data=part, at=size: partial.upload_range(data, at, len(data)))  # type: ignore[misc]  # as above
            size = end
        if room < 0:
            await self._create(partial, folder, 0)
        elif room > size:
            await self._told(lambda: partial.resize_file(size))

    async def _create(self, partial: Any, folder: str, size: int) -> None:
        try:
            await self._told(lambda: partial.create_file(size))
        except FileNotFoundError as missing:
            if not folder or missing.args[0] in _NO_SHARE:
                raise self._no_share() from None
            await self._make_folders(folder)
            await self._told(lambda: partial.create_file(size))

    async def _make_folders(self, folder: str) -> None:
        from azure.core.exceptions import ResourceExistsError  # noqa: PLC0415  # as above

        parts = folder.split("/")

        def make() -> None:
            for count in range(1, len(parts) + 1):
                with contextlib.suppress(ResourceExistsError):
                    self._share.client.get_directory_client("/".join(parts[:count])).create_directory()

        await self._told(make)

    async def _look(self) -> tuple[str, str]:
        """Try to list; the step that failed and why, or two empty texts."""

        def look() -> None:
            next(self._share.client.list_directories_and_files(results_per_page=1).by_page(), None)

        return await looked(self._told(look), f"share {self._share.name!r}")

    async def _make(self) -> str:
        if not self._share.key:
            return "a share is made with the key of the account only. Make it in the store, then register it."
        try:
            await self._told(self._share.client.create_share)
        except TerrazulError as problem:
            return str(problem).replace("\n", " ")
        return ""

    async def _chunks(self, download: Any) -> AsyncIterator[bytes]:
        chunks = iter(download.chunks())
        while chunk := await self._told(lambda: next(chunks, b"")):
            yield bytes(chunk)

    def _file(self, path: str) -> Any:
        return self._share.client.get_file_client(path)

    async def _told(self, call: Callable[[], T], path: str = "") -> T:
        """What a call gives. What the library raises is told in our words: its own may hold what was signed."""
        from azure.core.exceptions import AzureError  # noqa: PLC0415  # as above

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except AzureError as error:
            raise self._explained(error, path) from None

    def _explained(self, error: Any, path: str) -> Exception:
        from azure.core import exceptions  # noqa: PLC0415  # as above

        status = getattr(error, "status_code", None)
        code = str(getattr(getattr(error, "error_code", ""), "value", getattr(error, "error_code", "")) or "")
        if code in _MISSING or isinstance(error, exceptions.ResourceNotFoundError):
            return FileNotFoundError(code)
        if isinstance(error, exceptions.ResourceExistsError):
            return there_already(path)
        if isinstance(error, exceptions.ResourceModifiedError):
            return _changed()
        if isinstance(error, exceptions.ClientAuthenticationError) or status in _UNAUTHORISED:
            return self._refused(code)
        answer = (
            f"it answered {' '.join(filter(None, (str(status or ''), code)))}" if status else "no sound answer came"
        )
        return DatastoreUnreachable(
            f"The share at {self._share.url} did not do its part: {answer}.",
            target=self._share.url,
            hint="`terrazul datastore test NAME` shows which step fails.",
        )

    def _refused(self, code: str) -> DatastoreRefused:
        return DatastoreRefused(
            f"The share at {self._share.url} refuses the credential of this datastore{f' ({code})' if code else ''}.",
            target=self._share.url,
            hint="Register it again with overwrite and one that is valid for the share.",
        )

    def _no_share(self) -> DatastoreUnreachable:
        return DatastoreUnreachable(
            f"There is no share {self._share.name!r} any more.",
            target=self._share.name,
            hint="Make it in the store, or register the datastore again with create_if_not_exists.",
        )


def _refusal_of(path: str) -> str:
    """Why the service has no file of a path, or an empty text."""
    if match := _NEVER_IN_NAMES.search(path):
        return f"names hold no {match[0]!r} there"
    return ""


def _file_of(path: str, known: Any) -> DataFile:
    modified = from_text(known.last_modified.isoformat())
    return DataFile(path, int(known.size), to_text(max(0, modified)), str(known.etag or "").strip('"'))


async def _ranges(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The bytes in pieces of which each but the last is as large as one request takes."""
    held = bytearray()
    async for chunk in chunks:
        held += chunk
        while len(held) >= _RANGE:
            yield bytes(held[:_RANGE])
            del held[:_RANGE]
    if held:
        yield bytes(held)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def _within(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _changed() -> InvalidInput:
    return InvalidInput("The file was changed while it was read.", hint="Read it again.")
