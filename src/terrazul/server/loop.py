"""Work that is looked for again and again, and at once when somebody says that there is some."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

_log = logging.getLogger(__name__)


class Loop:
    """``look`` does what there is to do, and returns after how many seconds it is to be called again.

    An error of it is told in the log, and after ``pause`` seconds it is called again.
    """

    def __init__(self, name: str, look: Callable[[], Awaitable[float]], pause: float) -> None:
        self._name = name
        self._look = look
        self._pause = pause
        self._awake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, with a look at once."""
        self._task = asyncio.get_running_loop().create_task(self._run_forever())

    async def stop(self) -> None:
        """End, after the transaction that it is in."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def wake(self) -> None:
        """Look at once."""
        self._awake.set()

    async def _run_forever(self) -> None:
        while True:
            self._awake.clear()
            seconds = self._pause
            try:
                seconds = await self._look()
            except Exception:  # noqa: BLE001  # the edge of the loop, which must go on
                _log.exception("The %s met an error and goes on", self._name)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._awake.wait(), seconds)
