"""The steps towards a store that is called by HTTP: what all kinds of them share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from terrazul.core.errors import DatastoreRefused, TerrazulError
from terrazul.server.datastore.kind import Step
from terrazul.server.network.outgoing import Outgoing
from terrazul.server.network.rules import read_destination

_SIGN_IN, _FIND, _LIST = "sign in", "find the container", "list"
_CREATE = "create the container"
_CONNECT_SECONDS, _STEP_SECONDS = 5, 15.0
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
    if failed == _FIND and make is not None:
        problem = await make()
        failed, problem = (_CREATE, problem) if problem else await look()
    for step in (_SIGN_IN, _FIND, _LIST):
        if failed in {step, _CREATE}:
            yield Step(failed, problem)
            return
        yield Step(step)


async def looked(listing: Awaitable[object], container: str) -> tuple[str, str]:
    """What ``Look`` tells of an attempt to list a container, which is called by its word and its name."""
    try:
        await asyncio.wait_for(listing, _STEP_SECONDS)
    except FileNotFoundError:
        return _FIND, f"there is no {container}. create_if_not_exists makes it."
    except DatastoreRefused as problem:
        return _SIGN_IN, str(problem).replace("\n", " ")
    except TerrazulError as problem:
        return _LIST, str(problem).replace("\n", " ")
    except asyncio.TimeoutError:
        return _LIST, f"no answer came within {_STEP_SECONDS:g} s."
    return "", ""


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
