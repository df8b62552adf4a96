"""What one can do with the activity log: write, read, export and verify it."""

from __future__ import annotations

import asyncio
import csv
import io
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import fields
from functools import partial
from typing import Any

import msgspec

from terrazul.core.clock import Clock, from_text, to_text
from terrazul.core.errors import InvalidInput
from terrazul.server.activity import store
from terrazul.server.activity.rules import FIRST_ERROR, cell, check_result, read_known
from terrazul.server.activity.service.act import Act, Ledger, ServersAct
from terrazul.server.activity.store import Wanted
from terrazul.server.loop import Loop
from terrazul.server.sql.database import Database
from terrazul.server.sql.witness import Witness
from terrazul.wire.activity import ActivityCheck, ActivityLine, ActivityPage, Chain

_log = logging.getLogger(__name__)
_MOST = 1000
_PART = 1000
_LOOK_SECONDS = 5.0
_PAGE_DIGITS = 18
_FIELDS = [each.name for each in fields(ActivityLine)]
FORMATS = {"jsonl": "application/jsonl", "csv": "text/csv; charset=utf-8"}
"""What an export can be, with its media type."""


class Activity:
    """The activity log of one installation."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._ledger = Ledger(clock)
        self._loop = Loop("activity log", self._write_counted, _LOOK_SECONDS)

    def start(self) -> None:
        """Begin to write down refusals that were counted, once their minute is over."""
        self._loop.start()

    async def stop(self) -> None:
        """Write down what was counted so far."""
        await self._loop.stop()
        try:
            await self._write_counted(closing=True)
        except Exception:  # noqa: BLE001  # the server must end
            _log.exception("Refusals that were counted could not be written down")

    def begin(self, method: str, address: str, correlation_id: str) -> Act:
        """A request has come."""
        return Act(self._ledger, method, address, correlation_id)

    def of_the_server(self, workspace_id: str | None = None) -> Witness:
        """Who watches what the server does by itself, in a workspace where one is given."""
        return ServersAct(self._ledger, workspace_id)

    async def conclude(self, act: Act, status: int) -> None:
        """Write what is still to be told of a request, before it is answered with a status.

        Raises what hinders it, but for an answer that tells an error anyway: then the server's log tells it.
        """
        lines = act.conclude(status)
        act.is_recorded = True  # so that this write, which it watches too, adds nothing
        try:
            await self._write(lines)
        except Exception:
            if status < FIRST_ERROR:
                raise
            _log.exception("A line of the activity log was not written")

    async def list_newest(self, wanted: Wanted, limit: int, page: str | None) -> ActivityPage:
        """Lines, newest first. Raises ``InvalidInput`` for a limit, a mark or a filter that cannot be one."""
        if not 1 <= limit <= _MOST:
            raise InvalidInput(f"A page holds 1 to {_MOST} lines, not {limit}.", target="limit")
        if page is not None and not (page.isascii() and page.isdigit() and len(page) <= _PAGE_DIGITS):
            hint = "Pass next_page of the answer before."
            raise InvalidInput("The page mark is not valid.", target="page", hint=hint)
        before = None if page is None else int(page)
        work = partial(store.newest, wanted=checked(wanted), before=before, limit=limit + 1)
        lines = await self._database.read(work)
        more = len(lines) > limit
        return ActivityPage(lines[:limit], str(lines[limit - 1].sequence) if more else None)

    def export(self, wanted: Wanted, form: str) -> AsyncIterator[bytes]:
        """The lines that there are now, the oldest first, as JSON Lines or CSV. Raises ``InvalidInput``."""
        if form not in FORMATS:
            raise InvalidInput(f"{form[:80]!r} is no form of an export.", target="form", hint="Use jsonl or csv.")
        return self._exported(checked(wanted), form)

    async def verify(self, known: str | None) -> ActivityCheck:
        """Follow the chain from the first line to the last that there is now.

        ``known`` is a line's number and hash that somebody noted. Raises ``InvalidInput`` for another text.
        """
        chain = Chain(known=read_known(known))
        async for lines in self._parts(Wanted()):
            if not await asyncio.to_thread(chain.follow_all, lines):
                break
        return chain.check()

    async def _exported(self, wanted: Wanted, form: str) -> AsyncIterator[bytes]:
        if form == "csv":
            yield _csv([_FIELDS])
        async for lines in self._parts(wanted):
            if form == "csv":
                yield _csv([[cell(getattr(line, name)) for name in _FIELDS] for line in lines])
            else:
                yield b"".join(msgspec.json.encode(line) + b"\n" for line in lines)

    async def _parts(self, wanted: Wanted) -> AsyncIterator[Sequence[ActivityLine]]:
        until = await self._database.read(store.last_sequence)
        after = 0
        while True:
            work = partial(store.following, wanted=wanted, after=after, until=until, limit=_PART)
            lines = await self._database.read(work)
            if not lines:
                return
            yield lines
            after = lines[-1].sequence

    async def _write_counted(self, *, closing: bool = False) -> float:
        await self._write(self._ledger.lines_of(self._ledger.due(closing=closing)))
        return _LOOK_SECONDS

    async def _write(self, lines: list[dict[str, Any]]) -> None:
        if lines:
            await self._database.write(partial(store.add, lines=lines))


def checked(wanted: Wanted) -> Wanted:
    """What is asked for, with times as lines have them. Raises ``InvalidInput``."""
    check_result(wanted.result)
    return wanted._replace(since=_time("since", wanted.since), until=_time("until", wanted.until))


def _time(name: str, text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return to_text(from_text(text))
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"{text[:80]!r} is not a time.", target=name, hint="Write it as 2026-11-23 or 2026-11-23T11:43:46Z."
        ) from None


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()
