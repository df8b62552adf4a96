"""What only one process may do, where several share a database: the one that leads does it.

Each process holds a link to the database, over which it also hears what the others have changed. A link that is cut
ends the lead at once; another process takes it within a second, and whoever had it joins again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from terrazul.core.errors import Unavailable
from terrazul.server.changes import Changes
from terrazul.server.sql.kind import DatabaseKind, Link

_log = logging.getLogger(__name__)
_ASK_SECONDS = 0.5
"""So often a process that does not lead asks whether it may."""
_JOIN_SECONDS = 0.5


class Leadership:
    """One process's part; ``begin`` and ``end`` are called when its lead begins and ends."""

    def __init__(
        self,
        kind: DatabaseKind,
        changes: Changes,
        begin: Callable[[], None],
        end: Callable[[], Awaitable[None]],
    ) -> None:
        self._kind = kind
        self._changes = changes
        self._begin = begin
        self._end = end
        self._task: asyncio.Task[None] | None = None
        self.leads = False

    def start(self) -> None:
        """Take part; a process that is alone with its database leads at once."""
        if self._kind.link() is None:
            self._take_lead()
        else:
            self._task = asyncio.get_running_loop().create_task(self._take_part())

    async def stop(self) -> None:
        """Give up the lead, so that another process can take it."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._give_up_lead()

    async def _take_part(self) -> None:
        while True:
            try:
                joined = self._kind.link()
                if joined is not None:
                    async with joined as link:
                        await self._follow(link)
            except Unavailable as error:
                _log.warning("Not joined with the other processes: %s", error.message)
            except Exception:  # noqa: BLE001  # the edge of the loop, which must go on
                _log.exception("The link to the other processes met an error and is made anew")
            finally:
                await self._give_up_lead()
            await asyncio.sleep(_JOIN_SECONDS)

    async def _follow(self, link: Link) -> None:
        self._changes.notify_all()  # of what changed before, nothing was heard
        while True:
            if not self.leads and await link.lead():
                self._take_lead()
            for thing in await link.hear(_ASK_SECONDS):
                self._changes.notify(thing)

    def _take_lead(self) -> None:
        _log.info("This process leads: it looks after runs and web services")
        self.leads = True
        self._begin()

    async def _give_up_lead(self) -> None:
        if self.leads:
            self.leads = False
            await self._end()
