"""One service: its address, and the revision that answers behind it. All that a supervisor calls."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from pathlib import Path
from typing import List, Optional, Sequence

from terrazul.scoring.connection import HttpConnection
from terrazul.scoring.figures import Figures
from terrazul.scoring.front import Front
from terrazul.scoring.log import ServiceLog
from terrazul.scoring.plan import RevisionFailed, ServingOptions, Trouble, WorkerPlan
from terrazul.scoring.pool import Pool

__all__ = ["Figures", "RevisionFailed", "Service", "ServingOptions", "Trouble", "WorkerPlan"]

_DRAIN_SECONDS = 60.0
_KILL_SECONDS = 3.0
_LOOK_SECONDS = 0.02
_FLUSH_SECONDS = 0.2
_BACKLOG = 1024


class Service:
    """Answers HTTP on a listening socket, for as long as it is open, whichever revision is behind.

    Args:
        listener: a bound socket, which stays the caller's.
        log_file: where workers print and requests are noted; standard error without it.
        tls: for HTTPS.
        name: the name of the model in the addresses of the Open Inference Protocol.
        version: its version there.
    """

    def __init__(
        self,
        listener: socket.socket,
        log_file: Optional[Path],
        *,
        tls: Optional[ssl.SSLContext] = None,
        name: str = "",
        version: str = "1",
    ) -> None:
        self.log = ServiceLog(log_file)
        self._front = Front(name or "model", version, self.log)
        self._listener = listener
        self._tls = tls
        self._server: Optional[asyncio.AbstractServer] = None
        self._pools: List[Pool] = []
        """The one that answers, and those before it that finish what they have."""
        self._draining: List[asyncio.Task[None]] = []
        self._former_restarts = 0
        self._taking = asyncio.Lock()
        self._tick: Optional[asyncio.TimerHandle] = None

    @property
    def ready_workers(self) -> int:
        """Workers that can score."""
        return self._front.pool.ready_workers if self._front.pool else 0

    @property
    def restarts(self) -> int:
        """Workers that have been replaced because they ended."""
        return self._former_restarts + (self._front.pool.restarts if self._front.pool else 0)

    @property
    def trouble(self) -> Optional[Trouble]:
        """What went wrong with workers last, until all has been well for a while."""
        return self._front.pool.trouble if self._front.pool else None

    @property
    def figures(self) -> Figures:
        """What has been counted, as of now."""
        figures = self._front.figures
        figures.restarts = self.restarts
        figures.workers = self.ready_workers
        figures.waiting = self._front.pool.waiting if self._front.pool else 0
        figures.connections = len(self._front.connections)
        return figures

    async def open(self) -> None:
        """Begin to answer. Until there is a revision, every request is told to come again."""
        loop = asyncio.get_running_loop()
        self.log.buffer_with(lambda flush: loop.call_later(_FLUSH_SECONDS, flush))
        await self._listen()
        self._tick = loop.call_later(1.0, self._look_after)

    async def take(self, plan: WorkerPlan, options: ServingOptions) -> None:
        """Have a new revision answer, from the moment in which all its workers are ready.

        Raises ``RevisionFailed`` where they do not become so; whatever answered before goes on. The workers of the
        revision before finish what they have, for a minute at most, after which it is given to the new ones.
        """
        async with self._taking:
            pool = Pool(plan, options, self.log)
            try:
                await pool.start()
            except BaseException:
                await asyncio.shield(pool.drained(_KILL_SECONDS))
                raise
            former, self._front.pool = self._front.pool, pool
            self._front.body_limit = options.body_limit
            self._front.strike()
            self._pools.append(pool)
            if former is not None:
                former.hand_over(pool)
                task = asyncio.get_running_loop().create_task(self._drain(former))
                self._draining.append(task)
                task.add_done_callback(self._draining.remove)

    async def reload(self) -> None:
        """Start all workers anew, one after another; no request is lost. Raises ``RevisionFailed``."""
        async with self._taking:
            if self._front.pool:
                await self._front.pool.reload()

    def set_keys(self, keys: Optional[Sequence[str]]) -> None:
        """Ask for one of these keys from the next request on; None lets everybody in."""
        self._front.set_keys(keys)

    async def set_tls(self, tls: Optional[ssl.SSLContext]) -> None:
        """Have new connections use another certificate, or none; those that are open go on as they are."""
        self._tls = tls
        former = self._server
        await self._listen()
        if former is not None:
            former.close()

    async def close(self, drain_seconds: float = 10.0) -> None:
        """Take no more connections, finish what is being scored, and end all workers."""
        if self._server is not None:
            self._server.close()
        if self._tick is not None:
            self._tick.cancel()
        deadline = time.monotonic() + drain_seconds
        while self._is_busy() and time.monotonic() < deadline:  # noqa: ASYNC110  # once, at the end
            await asyncio.sleep(_LOOK_SECONDS)
        for pool in self._pools:
            pool.kill()
        await asyncio.gather(*(pool.drained(_KILL_SECONDS) for pool in self._pools), *self._draining)
        for connection in list(self._front.connections):
            connection.close()
        self.log.close()

    async def _drain(self, former: Pool) -> None:
        await former.drained(_DRAIN_SECONDS)
        self._former_restarts += former.restarts
        self._pools.remove(former)

    def _is_busy(self) -> bool:
        return any(each.busy for each in self._front.connections)

    async def _listen(self) -> None:
        """Answer on a copy of the socket, so that there can be two servers for a moment and no gap between them."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: HttpConnection(self._front), sock=self._listener.dup(), ssl=self._tls, backlog=_BACKLOG
        )

    def _look_after(self) -> None:
        """What has to be looked at once a second."""
        self._front.strike()
        self.log.look_after()
        for pool in self._pools:
            pool.look_after()
        self._tick = asyncio.get_running_loop().call_later(1.0, self._look_after)
