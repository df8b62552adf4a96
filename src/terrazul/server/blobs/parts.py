"""Large contents that come in parts: through the server, or put into the storage by the clients themselves.

What a client puts is no content yet. It is read, and its digest found, where only the server writes.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.errors import InvalidInput, NotFound
from terrazul.core.ids import check_digest
from terrazul.server.blobs import expected, store
from terrazul.server.blobs.expected import Expected
from terrazul.server.blobs.service import Contents, Named, in_thread
from terrazul.server.blobs.storage import SignedPlace, Storage
from terrazul.server.blobs.store import Content, not_held
from terrazul.server.blobs.threads import aside
from terrazul.server.sql.database import Database

_MOST_PARTS = 10_000
_MOST_DIRECT_BYTES = 4 << 30
"""No service takes much more in one request."""
_EXPECTED_MICROSECONDS = 60 * 60 * 1_000_000
"""Longer than an address is good for, and than it takes to send what was begun before that."""
_AT_ONCE = 50


class Offer(NamedTuple):
    """What is said of a part that a client has: where it may be put, or that it is there."""

    digest: str
    place: SignedPlace | None


class Parts:
    """Takes in the contents of all workspaces that come in parts.

    What is ``bounded`` raises ``QuotaExceeded`` where the quota of the workspace leaves no room for it. A ``sender`` is
    one who may name only what they have sent.
    """

    def __init__(self, database: Database, contents: Contents, storage: Storage, clock: Clock) -> None:
        self._database = database
        self._contents = contents
        self._storage = storage
        self._clock = clock
        self._joining: dict[tuple[int, str], asyncio.Task[None]] = {}

    async def offer(
        self, workspace: int, sizes: Mapping[str, int], *, bounded: bool = False, sender: int | None = None
    ) -> list[Offer]:
        """Where parts may be put, by their digests: those that the storage takes from clients.

        A part that was put at an earlier attempt has no place. Raises ``InvalidInput``.
        """
        check_number_of_parts(len(sizes))
        wanted = [check_digest(digest) for digest, size in sizes.items() if 0 < size <= _MOST_DIRECT_BYTES]
        if not self._storage.is_remote or not wanted:
            return []
        if bounded:
            await self._contents.check_room(workspace, {digest: sizes[digest] for digest in wanted})
        arrived = await self._arrived(workspace, wanted, sender)
        there = [digest for digest in wanted if digest in arrived and arrived[digest].size == sizes[digest]]
        fresh = [Expected(_key_in(workspace), digest, 0) for digest in wanted if digest not in there]
        places = await self._signed(workspace, fresh, sender)
        return [
            *(Offer(digest, None) for digest in there),
            *(Offer(each.upload, place) for each, place in zip(fresh, places, strict=False)),
        ]

    async def offer_numbered(
        self, workspace: int, upload: str, number: int, sender: int | None = None
    ) -> list[SignedPlace]:
        """Where the parts of an upload may be put whose digests nobody knows; nowhere if the storage takes none."""
        check_number_of_parts(number)
        if not self._storage.is_remote:
            return []
        wanted = [Expected(_key_in(workspace), upload, each) for each in range(1, number + 1)]
        return await self._signed(workspace, wanted, sender)

    async def _signed(self, workspace: int, wanted: Sequence[Expected], sender: int | None) -> list[SignedPlace]:
        """The places of all, or none."""
        places = await aside(self._sign_all, wanted)
        if places:
            note = partial(expected.add, workspace=workspace, objects=wanted, user=sender, now=self._clock())
            await self._database.write(note)
        return places

    def _sign_all(self, wanted: Iterable[Expected]) -> list[SignedPlace]:
        places: list[SignedPlace] = []
        for each in wanted:
            place = self._storage.place_for(each.key)
            if place is None:
                return []
            places.append(place)
        return places

    async def join(
        self, workspace: int, digest: str, parts: Sequence[str], *, bounded: bool = False, sender: int | None = None
    ) -> None:
        """Make one content of parts that have come; who asks for the same meanwhile waits for the same.

        It goes on when the caller goes away. Raises ``NotFound`` where a part has not come, or not from the ``sender``
        if there is one, ``InvalidInput`` where the parts together are other bytes.
        """
        check_number_of_parts(len(parts))
        if not await self._contents.missing(workspace, [digest], sender):
            return
        come = await self._come(workspace, parts, sender)
        key = (workspace, digest)
        if key not in self._joining:
            task = asyncio.get_running_loop().create_task(self._join(workspace, digest, come, bounded=bounded))
            self._joining[key] = task
            task.add_done_callback(partial(self._end_join, key))
        await asyncio.shield(self._joining[key])

    def _end_join(self, key: tuple[int, str], task: asyncio.Task[None]) -> None:
        del self._joining[key]
        if not task.cancelled():
            task.exception()  # whoever still waits is told

    async def _join(self, workspace: int, digest: str, come: Sequence[Content], *, bounded: bool) -> None:
        if len(come) == 1 and _was_put(come[0]):
            await self._contents.take_in(workspace, come[0], digest=digest, bounded=bounded)
        else:
            await self._contents.receive(workspace, digest, self._joined(come), bounded=bounded)
        await self._release(workspace, digest, come)

    async def join_unnamed(
        self,
        workspace: int,
        parts: Sequence[str],
        *,
        bounded: bool = False,
        name: Named | None = None,
        sender: int | None = None,
    ) -> Content:
        """As ``join``, of parts whose whole has a digest that nobody has told; returns where it lies."""
        check_number_of_parts(len(parts))
        come = await self._come(workspace, parts, sender)
        return await self._join_unnamed(workspace, come, bounded=bounded, name=name)

    async def join_numbered(
        self,
        workspace: int,
        upload: str,
        numbers: Sequence[int],
        *,
        bounded: bool = False,
        name: Named | None = None,
        sender: int | None = None,
    ) -> Content | None:
        """As ``join_unnamed``, of parts that were put where ``offer_numbered`` said; None where it said nothing."""
        rows = await self._database.read(partial(expected.find, workspace=workspace, uploads=[upload], user=sender))
        if not rows:
            return None
        check_number_of_parts(len(numbers))
        keys = {each.number: each.key for each in rows}
        for number in numbers:
            if number not in keys:
                raise InvalidInput(f"The upload has no part {number}.", target=str(number))
        sizes = await aside(self._sizes_of, [keys[number] for number in numbers])
        for number in numbers:
            if keys[number] not in sizes:
                raise NotFound(f"Part {number} of the upload has not come.", target=str(number), hint="Send it again.")
        come = [Content(upload, sizes[keys[number]], keys[number], 0) for number in numbers]
        return await self._join_unnamed(workspace, come, bounded=bounded, name=name)

    async def _join_unnamed(
        self, workspace: int, come: Sequence[Content], *, bounded: bool, name: Named | None
    ) -> Content:
        if len(come) == 1 and _was_put(come[0]):
            content = await self._contents.take_in(workspace, come[0], bounded=bounded, name=name)
        else:
            joined = self._joined(come)
            content = await self._contents.receive_unnamed(workspace, joined, bounded=bounded, name=name)
        await self._release(workspace, content.digest, come)
        return content

    async def _come(self, workspace: int, parts: Sequence[str], sender: int | None) -> list[Content]:
        """Where the parts lie, in their order. Raises ``NotFound`` where one has not come."""
        asked = dict.fromkeys(map(check_digest, parts))
        held = await self._database.read(partial(_held, workspace=workspace, digests=list(asked), sender=sender))
        found = {**held, **await self._arrived(workspace, [each for each in asked if each not in held], sender)}
        for digest in asked:
            if digest not in found:
                raise not_held(digest)
        return [found[part] for part in parts]

    async def _arrived(self, workspace: int, digests: Sequence[str], sender: int | None) -> dict[str, Content]:
        """Those of the parts that clients have put, the latest of each."""
        if not self._storage.is_remote or not digests:
            return {}
        rows = await self._database.read(partial(expected.find, workspace=workspace, uploads=digests, user=sender))
        sizes = await aside(self._sizes_of, [each.key for each in rows])
        return {each.upload: Content(each.upload, sizes[each.key], each.key, 0) for each in rows if each.key in sizes}

    def _sizes_of(self, keys: Iterable[str]) -> dict[str, int]:
        """How large the objects are that are there."""
        found = ((key, self._storage.size_of(key)) for key in keys)
        return {key: size for key, size in found if size is not None}

    def _joined(self, come: Iterable[Content]) -> AsyncIterator[bytes]:
        """The bytes of contents one after another, in chunks."""
        return in_thread(chunk for part in come for chunk in self._contents.read_now(part))

    async def _release(self, workspace: int, whole: str, come: Sequence[Content]) -> None:
        """Let go of parts: what was put is removed, and of the others those that are not files of their own."""
        for each in filter(_was_put, come):
            await self._contents.remove_object(workspace, each.key)
        going = sorted({each.digest for each in come if not _was_put(each)} - {whole})
        await self._database.write(partial(store.release, workspace=workspace, digests=going, now=self._clock()))

    async def forget_old(self) -> None:
        """Have what clients may have put removed once they cannot put it any more."""

        def work(connection: Connection, old: Sequence[tuple[str, int]]) -> None:
            for key, workspace in old:
                store.bury(connection, workspace, [key])
            expected.remove(connection, [key for key, _ in old])

        before = self._clock() - _EXPECTED_MICROSECONDS
        while old := await self._database.read(partial(expected.asked_before, time=before, limit=_AT_ONCE)):
            await self._database.write(partial(work, old=old))


def check_number_of_parts(number: int) -> None:
    """Raise ``InvalidInput`` for a number of parts that no content has."""
    if not 1 <= number <= _MOST_PARTS:
        raise InvalidInput(
            f"A content has 1 to {_MOST_PARTS} parts, not {number}.", target="parts", hint="Make the parts larger."
        )


def _held(connection: Connection, workspace: int, digests: list[str], sender: int | None) -> dict[str, Content]:
    """Those of the contents that are held; with a ``sender`` those that they have sent."""
    if sender is not None:
        digests = sorted(store.sent_by(connection, workspace, sender, digests))
    return store.find(connection, workspace, digests)


def _key_in(workspace: int) -> str:
    return f"{workspace}/arriving/{uuid.uuid4().hex}"


def _was_put(content: Content) -> bool:
    return content.key.split("/")[1:2] == ["arriving"]
