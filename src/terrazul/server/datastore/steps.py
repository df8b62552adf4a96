"""The steps towards a store that is called by HTTP: what all kinds of them share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from terrazul.core.errors import TerrazulError
from terrazul.server.datastore.kind import Step
from terrazul.server.network.outgoing import Outgoing
from terrazul.server.network.rules import read_destination

SIGN_IN, FIND, LIST = "sign in", "find the container", "list"
_CREATE = "create the container"
_CONNECT_SECONDS = 5
Look = Callable[[], Awaitable[tuple[str, str]]]
"""Tries to list; the step that failed and why, or two empty texts."""
Make = Callable[[], Awaitable[str]]
"""Makes the container; why that went wrong, or an empty text."""


async def steps_towards(url: str, outgoing: Outgoing, look: Look, make: Make | None) -> AsyncIterator[Step]:
    """Resolve the name, connect, sign in, find the container (which ``make`` makes where it is missing), list."""
    try:
        await outgoing.check(url)
    except TerrazulError as refusal:
        yield Step("resolve", str(refusal).replace("\n", " "))
        return
    yield Step("resolve")
    if problem := await _connect(url, outgoing):
        yield Step("connect", problem)
        return
    yield Step("connect")
    failed, problem = await look()
    if failed == FIND and make is not None:
        problem = await make()
        failed, problem = (_CREATE, problem) if problem else await look()
    for step in (SIGN_IN, FIND, LIST):
        if failed in {step, _CREATE}:
            yield Step(failed, problem)
            return
        yield Step(step)


async def _connect(url: str, outgoing: Outgoing) -> str:
    destination = read_destination(url)
    for address in await outgoing.addresses_of(destination):
        try:
            opening = asyncio.open_connection(address, destination.port)
            _reader, writer = await asyncio.wait_for(opening, _CONNECT_SECONDS)
        except (OSError, asyncio.TimeoutError):
            continue
        writer.close()
        return ""
    return f"nothing answers at {destination.place}. Check the address, and whether a firewall lies between."
