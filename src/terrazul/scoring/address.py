"""The address of a web service, over all its revisions: one listening socket, whichever service is behind it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Callable

from terrazul.scoring import tls
from terrazul.scoring.plan import ServingOptions, WorkerPlan
from terrazul.scoring.service import Service
from terrazul.wire.endpoint import Revision, ServiceError, ServiceJob, ServiceSettings, WebserviceKeys

_TRY_AGAIN_SECONDS = 1.0
_DRAIN_SECONDS = 60.0
_BACKLOG = 1024


class Address:
    """Listens, and hands each revision to the service that answers for it.

    There is one service as long as the revisions agree on TLS; where they do not, one takes the place of the other on
    the same socket.
    """

    def __init__(self, job: ServiceJob, log_file: Path) -> None:
        self.serving: Revision | None = None
        self._job = job
        self._log_file = log_file
        self._listener: socket.socket | None = None
        self._service: Service | None = None
        self._context: ssl.SSLContext | None = None
        self._keys: WebserviceKeys | None = None
        self._closing: list[asyncio.Task[None]] = []

    @property
    def ready_workers(self) -> int:
        """Workers that can score."""
        return self._service.ready_workers if self._service else 0

    @property
    def trouble(self) -> ServiceError | None:
        """Why workers do not stay alive, where that is so."""
        trouble = self._service.trouble if self._service else None
        return ServiceError(trouble.code, trouble.message, trouble.details, trouble.hint) if trouble else None

    async def listen(self, tell: Callable[[ServiceError | None], None]) -> None:
        """Take the service's port, as soon as it can be had; ``tell`` is told while it cannot."""
        told = False
        while self._listener is None:
            try:
                self._listener = _listen(self._job.host, self._job.port)
            except OSError as problem:  # noqa: PERF203  # once a second at most
                if not told:
                    tell(_port_taken(self._job, problem))
                told = True
                await asyncio.sleep(_TRY_AGAIN_SECONDS)

    async def open(self, settings: ServiceSettings) -> None:
        """Begin to answer: until there is a revision, with the request to come again."""
        if self._service is None:
            self._context = tls.context_of(settings) if settings.ssl_enabled else None
            self._service = self._new_service(self._context)
            await self._service.open()

    async def take(self, revision: Revision, plan: WorkerPlan, options: ServingOptions) -> None:
        """Have a revision answer once all its workers are ready. Raises ``RevisionFailed``; the former goes on then."""
        settings = revision.settings
        if self._service is None:
            raise RuntimeError("a revision is taken before there is an address")
        if settings.ssl_enabled == (self._context is not None):
            await self._service.take(plan, options)
            if self._context is not None:
                tls.renew(self._context, settings)
        else:
            context = tls.context_of(settings) if settings.ssl_enabled else None
            await self._replace(self._service, self._new_service(context), plan, options)
            self._context = context
        self.serving = revision
        self._apply_keys()

    async def reload(self) -> None:
        """Start all workers anew, one after another. Raises ``RevisionFailed``."""
        if self._service is not None:
            await self._service.reload()

    def set_keys(self, keys: WebserviceKeys | None) -> None:
        """Ask for one of these keys from the next request on, where the serving revision asks for keys."""
        self._keys = keys
        self._apply_keys()

    async def close(self, drain_seconds: float) -> None:
        """Take no more connections, finish what is being scored, and end all workers."""
        if self._listener is not None:
            self._listener.close()
        if self._service is not None:
            await self._service.close(drain_seconds)

    async def _replace(self, former: Service, service: Service, plan: WorkerPlan, options: ServingOptions) -> None:
        """Have another service answer at the same socket."""
        try:
            await service.take(plan, options)
        except BaseException:
            await service.close(0.0)
            raise
        self._service = service
        service.set_keys([])  # nobody comes in before it is known who may
        await service.open()
        task = asyncio.get_running_loop().create_task(former.close(_DRAIN_SECONDS))
        self._closing.append(task)
        task.add_done_callback(self._closing.remove)

    def _apply_keys(self) -> None:
        if self._service is None or self.serving is None:
            return
        if not self.serving.settings.auth_enabled:
            self._service.set_keys(None)
        else:
            self._service.set_keys([self._keys.primary, self._keys.secondary] if self._keys else [])

    def _new_service(self, context: ssl.SSLContext | None) -> Service:
        if self._listener is None:
            raise RuntimeError("a revision is taken before its port")
        return Service(self._listener.dup(), self._log_file, tls=context, name=self._job.name)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _port_taken(job: ServiceJob, problem: OSError) -> ServiceError:
    return ServiceError(
        "port_taken",
        f"Port {job.port} of {job.host} cannot be used: {problem.strerror}.",
        hint="End the program that has it; the web service takes the port as soon as it is free.",
    )
