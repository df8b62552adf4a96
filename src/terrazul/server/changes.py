"""Waiting for a change instead of asking again and again.

What another process of the server changes is told to this one; should the word be lost, a waiter looks for itself every
half second.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Hashable
from typing import TypeVar

T = TypeVar("T")
_LOOK_AGAIN_SECONDS = 0.5
LONGEST_WAIT = 30.0


class Changes:
    """Who waits for which thing. Used from the event loop, but for ``notify_from_thread``."""

    def __init__(self) -> None:
        self._events: dict[Hashable, asyncio.Event] = {}
        self._listeners: dict[Hashable, Callable[[], None]] = {}
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Remember the running event loop."""
        self._loop = asyncio.get_running_loop()

    def listen(self, thing: Hashable, listener: Callable[[], None]) -> None:
        """Call a listener whenever a thing changes."""
        self._listeners[thing] = listener

    def notify_from_thread(self, thing: Hashable) -> None:
        """As ``notify``, from another thread; who waits or listens looks once the loop comes to it."""
        if self._loop and (thing in self._events or thing in self._listeners):
            self._loop.call_soon_threadsafe(self.notify, thing)

    def notify(self, thing: Hashable) -> None:
        """Wake all who wait for a change of this thing, and who listens."""
        listener = self._listeners.get(thing)
        if listener:
            listener()
        event = self._events.pop(thing, None)
        if event:
            event.set()

    def notify_all(self) -> None:
        """Wake all who wait for anything."""
        for thing in list(self._events):
            self.notify(thing)
        for listener in self._listeners.values():
            listener()

    async def wait_until(self, thing: Hashable, look: Callable[[], Awaitable[T | None]], seconds: float) -> T | None:
        """What ``look`` returns as soon as it is not None, or None when the time (at most ``LONGEST_WAIT``) is over."""
        within = min(seconds, LONGEST_WAIT) if seconds > 0 else 0.0  # a NaN is no time to wait
        deadline = asyncio.get_running_loop().time() + within
        while True:
            event = self._events.setdefault(thing, asyncio.Event())
            found = await look()
            rest = deadline - asyncio.get_running_loop().time()
            if found is not None or rest <= 0 or self._closing:
                return found
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(event.wait(), min(rest, _LOOK_AGAIN_SECONDS))

    def close(self) -> None:
        """Let all waiters go, so that the server can stop."""
        self._closing = True
        for event in self._events.values():
            event.set()
        self._events.clear()
