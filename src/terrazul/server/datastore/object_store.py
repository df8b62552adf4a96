"""Stores of objects over ``obstore``: what all kinds of them share. The library is imported when one is opened."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import quote

from terrazul.core.clock import from_text, now, to_text
from terrazul.core.errors import (
    AlreadyExists,
    DatastoreRefused,
    DatastoreUnreachable,
    InvalidInput,
    TerrazulError,
)
from terrazul.server.datastore.kind import NoLists, Part, Step
from terrazul.server.datastore.rules import folder_page, span_of
from terrazul.server.datastore.steps import looked, steps_towards
from terrazul.server.network.outgoing import Outgoing
from terrazul.server.network.rules import read_destination
from terrazul.wire.datastore import DataFile, FileAccess, FolderPage

if TYPE_CHECKING:
    from obstore import ObjectMeta

T = TypeVar("T")
LEASE_SECONDS = 900
"""How long an address counts that a store has signed."""
_AT_ONCE = 1000
_CHUNK = 4 << 20
_SMALL = 8 << 20
"""So much is sent in one request, which a store can refuse where the file is there already."""
_PART = 8 << 20
_PARTS_AT_ONCE = 4
_SECOND = 1_000_000
_STATUS = re.compile(r"\b(?:status code|status|Client error with status|HTTP status client error \()\D{0,3}(\d{3})\b")
_CODE = re.compile(r"<Code>(\w{1,80})</Code>")
_BLOCK_BLOB = {"x-ms-blob-type": "BlockBlob"}
_UNAUTHORISED = {"401", "403"}
_NO_CONTAINER = {"ContainerNotFound", "NoSuchBucket", "ContainerBeingDeleted", "ContainerDisabled"}
Create = Callable[[], Awaitable[str]]
"""Makes the container; why that went wrong, or an empty text."""


class Place(NamedTuple):
    """Where objects lie."""

    store: Any
    """obstore's store of the container."""
    url: str
    """The address of the service that is called."""
    container: str
    container_word: str = "container"
    signs: bool = False
    """Whether it can sign addresses with what it was given."""
    public_url: str = ""
    """Where every file can be read without a credential: this and its path."""
    is_azure: bool = False
    lists: bool = True


def client_options(url: str, proxy: str) -> dict[str, Any]:
    """How the library calls a store: through the proxy, whatever the surroundings of the server say."""
    return {
        "proxy_url": proxy,
        "allow_http": url.startswith("http://"),
        "connect_timeout": timedelta(seconds=5),
        "read_timeout": timedelta(seconds=30),
        "timeout": timedelta(days=1),
    }


RETRIES: Any = {"max_retries": 2, "retry_timeout": timedelta(seconds=20)}


def made(kind: str, make: Callable[[], T]) -> T:
    """What the library makes of settings. Raises ``InvalidInput``, which tells none of them, where it makes nothing."""
    from obstore import exceptions  # noqa: PLC0415  # loaded with the first datastore that needs it

    try:
        return make()
    except (exceptions.BaseError, ValueError, TypeError):
        raise InvalidInput(
            f"The settings or the credential of {kind} have a form that it does not take.",
            target=kind,
            hint=f"`terrazul datastore kinds` tells what {kind} takes.",
        ) from None


class ObjectFiles:
    """The objects of one container as files."""

    def __init__(self, place: Place, outgoing: Outgoing, create: Create | None = None) -> None:
        self._place = place
        self._outgoing = outgoing
        self._create = create
        self._destination = read_destination(place.url)

    async def steps(self, *, create: bool) -> AsyncIterator[Step]:
        """Resolve the name, connect, sign in, find the container, list."""
        async for step in steps_towards(self._place.url, self._outgoing, self._look, self._make if create else None):
            yield step

    async def find(self, path: str) -> DataFile | None:
        """The object of a path."""
        import obstore  # noqa: PLC0415  # a store's library is loaded with the first datastore that needs it

        try:
            return _file_of(await self._told(obstore.head_async(self._place.store, path)))
        except FileNotFoundError:
            return None

    async def browse(self, folder: str, after: str, limit: int) -> FolderPage:
        """What lies in one folder."""
        import obstore  # noqa: PLC0415  # as above

        self._check_lists()
        try:
            listing = obstore.list_with_delimiter_async(self._place.store, folder or None)
            found = await self._told(listing)
        except FileNotFoundError:
            return FolderPage([], [])
        folders = {each.rstrip("/").rpartition("/")[2]: None for each in found["common_prefixes"]}
        files = {each["path"].rpartition("/")[2]: _file_of(each) for each in found["objects"]}
        return folder_page(folders, files, after, limit)

    async def walk(self, folder: str, after: str) -> AsyncIterator[Sequence[DataFile]]:
        """All objects below a folder."""
        import obstore  # noqa: PLC0415  # as above

        if folder and (single := await self.find(folder)) is not None:
            if single.path > after:
                yield [single]
            return
        self._check_lists()
        stream = obstore.list(self._place.store, folder or None, offset=after or None, chunk_size=_AT_ONCE)
        while True:
            try:
                batch = await self._told(_next(stream))
            except FileNotFoundError:
                return
            if batch is None:
                return
            yield [_file_of(each) for each in batch if each["path"] > after]  # an emulator starts anywhere

    async def read(self, path: str, start: int | None, end: int | None) -> Part | None:
        """An object, or a part of it."""
        import obstore  # noqa: PLC0415  # as above

        file = await self.find(path)
        if file is None:
            return None
        first, size = span_of(start, end, file.size)
        if size == 0:
            return Part(file, first, 0, _nothing())
        options: Any = {"if_match": f'"{file.etag}"'} if file.etag else {}
        if size < file.size:  # not every web server gives parts
            options["range"] = (first, first + size)
        try:
            result = await self._told(obstore.get_async(self._place.store, path, options=options))
        except FileNotFoundError:
            return None
        return Part(file, first, size, self._chunks(result))

    async def write(self, path: str, chunks: AsyncIterator[bytes], *, overwrite: bool) -> DataFile:
        """Write an object: a small one in one request, a large one in parts that count once all are there."""
        import obstore  # noqa: PLC0415  # as above

        store = self._place.store
        begun = bytearray()
        async for chunk in chunks:
            begun += chunk
            if len(begun) > _SMALL:
                break
        else:
            mode: Any = "overwrite" if overwrite else "create"
            await self._told(obstore.put_async(store, path, bytes(begun), mode=mode, use_multipart=False), path)
            return await self._written(path)
        await self._check_free(path, overwrite)
        options: Any = {"use_multipart": True, "chunk_size": _PART, "max_concurrency": _PARTS_AT_ONCE}

        async def rest() -> AsyncIterator[bytes]:
            yield bytes(begun)
            async for chunk in chunks:
                yield chunk
            await self._check_free(path, overwrite)  # parts that count together are put without a condition

        await self._told(obstore.put_async(store, path, rest(), **options), path)
        return await self._written(path)

    async def delete(self, path: str) -> bool:
        """Remove an object."""
        import obstore  # noqa: PLC0415  # as above

        if await self.find(path) is None:
            return False
        await self._told(obstore.delete_async(self._place.store, path))
        return True

    async def access(self, paths: Sequence[str], *, is_writing: bool, is_near: bool) -> list[FileAccess]:
        """Addresses that the store has signed, or public ones."""
        import obstore  # noqa: PLC0415  # as above

        del is_near
        place = self._place
        if place.public_url and not is_writing:
            return [FileAccess(path, url=f"{place.public_url}/{quote(path)}") for path in paths]
        if not place.signs or not paths:
            return [FileAccess(path) for path in paths]
        method: Any = "PUT" if is_writing else "GET"
        signing = obstore.sign_async(place.store, method, list(paths), timedelta(seconds=LEASE_SECONDS))
        urls = await self._told(signing)
        expires_at = to_text(now() + LEASE_SECONDS * _SECOND)
        headers = _BLOCK_BLOB if is_writing and place.is_azure else {}
        return [
            FileAccess(path, url=url, headers=dict(headers), expires_at=expires_at)
            for path, url in zip(paths, urls, strict=True)
        ]

    async def _check_free(self, path: str, overwrite: bool) -> None:
        if not overwrite and await self.find(path) is not None:
            raise there_already(path)

    def _check_lists(self) -> None:
        if not self._place.lists:
            raise NoLists("This datastore has no lists of its files.", hint="Name each file by its path.")

    async def _look(self) -> tuple[str, str]:
        """Try to list; the step that failed and why, or two empty texts."""
        listing = self._list_one() if self._place.lists else self.find("terrazul-looks-whether-it-is-let-in")
        return await looked(listing, f"{self._place.container_word} {self._place.container!r}")

    async def _list_one(self) -> None:
        import obstore  # noqa: PLC0415  # as above

        await self._told(_next(obstore.list(self._place.store, chunk_size=1)))

    async def _make(self) -> str:
        word = self._place.container_word
        if self._create is None:
            return f"a {word} of this kind cannot be made from here. Make it in the store, then register it."
        try:
            return await self._create()
        except TerrazulError as problem:
            return str(problem).replace("\n", " ")

    async def _written(self, path: str) -> DataFile:
        file = await self.find(path)
        if file is None:
            raise DatastoreUnreachable(f"{path!r} was written and is not there.", target=path, hint="Send it again.")
        return file

    async def _chunks(self, result: Any) -> AsyncIterator[bytes]:
        stream = result.stream(min_chunk_size=_CHUNK)
        while True:
            chunk = await self._told(_next(stream))
            if chunk is None:
                return
            yield bytes(chunk)

    async def _told(self, call: Awaitable[T], path: str = "") -> T:
        """What a call gives. What the library raises is told in our words: its own may hold what was signed."""
        from obstore import exceptions  # noqa: PLC0415  # as above

        try:
            return await call
        except FileNotFoundError:
            raise
        except exceptions.AlreadyExistsError:
            raise there_already(path) from None
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
            raise self._refused(str(error)) from None
        except exceptions.PreconditionError:
            raise InvalidInput("The file was changed while it was read.", hint="Read it again.") from None
        except exceptions.BaseError as error:
            raise self._explained(str(error)) from None
        except ValueError as error:
            raise InvalidInput(f"The store takes this in none of its forms: {_plain(str(error))}.") from None

    def _explained(self, text: str) -> Exception:
        status, code = _found(_STATUS, text), _found(_CODE, text)
        if code in _NO_CONTAINER:
            return FileNotFoundError(self._place.container)
        if status in _UNAUTHORISED:
            return self._refused(text)
        answer = f"it answered {' '.join(filter(None, (status, code)))}" if status or code else "no sound answer came"
        return DatastoreUnreachable(
            f"The store at {self._destination.place} did not do its part: {answer}.",
            target=self._destination.place,
            hint="`terrazul datastore test NAME` shows which step fails.",
        )

    def _refused(self, text: str) -> DatastoreRefused:
        code = _found(_CODE, text)
        return DatastoreRefused(
            f"The store at {self._destination.place} refuses the credential of this datastore"
            f"{f' ({code})' if code else ''}.",
            target=self._destination.place,
            hint="Register it again with overwrite and one that is valid for the container.",
        )


async def _next(stream: Any) -> Any:
    try:
        return await stream.__anext__()
    except StopAsyncIteration:
        return None


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def _file_of(meta: ObjectMeta) -> DataFile:
    modified = from_text(meta["last_modified"].isoformat())
    return DataFile(meta["path"], meta["size"], to_text(max(0, modified)), (meta["e_tag"] or "").strip('"'))


def there_already(path: str) -> AlreadyExists:
    """A file that stays, since nobody said that it may go."""
    return AlreadyExists(f"{path!r} is there already.", target=path, hint="Pass overwrite=True to have it replaced.")


def _found(expression: re.Pattern[str], text: str) -> str:
    match = expression.search(text)
    return match[1] if match else ""


def _plain(text: str) -> str:
    """The first words of a library's own message, which names a field; nothing of what was given."""
    return re.sub(r"[^A-Za-z0-9 _.,'-]", "", text.partition(":")[0])[:120]
