"""One web service, kept as its orders say: revisions are prepared, take over, and are reported.

All decisions are made in one event loop, in which the front lives too; what takes time is done in threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, Coroutine, Sequence

from terrazul.core.errors import TerrazulError
from terrazul.node.log import TimedLog
from terrazul.node.stop import Stop, Stopped, StopReason
from terrazul.scoring.address import Address
from terrazul.scoring.exchange import Exchange
from terrazul.scoring.folder import ServiceFolder
from terrazul.scoring.plan import RevisionFailed, WorkerPlan
from terrazul.scoring.preparation import Preparation
from terrazul.wire.endpoint import Orders, Revision, ServiceError, ServiceJob, ServiceReport

_USAGE = "usage: python -I -m terrazul.scoring <folder of the web service>"
_GOOD, _MISUSED = 0, 2
_LOOK_SECONDS = 0.2
_DRAIN_SECONDS = 10.0
_LEAVE_SECONDS = 3.0
_LEFTOVER_SECONDS = 90.0
"""Seconds after which the files of a former revision are removed: none of its workers is left then."""


def main(arguments: Sequence[str]) -> int:
    """Serve the web service of a folder until a signal or an order ends it; returns the exit code of the process."""
    if len(arguments) != 1:
        sys.stderr.write(_USAGE + "\n")
        return _MISUSED
    os.umask(0o077)
    folder = ServiceFolder(Path(arguments[0]))
    try:
        job = folder.read_job()
    except TerrazulError as problem:
        sys.stderr.write(f"{problem}\n")
        return _MISUSED
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: PLC0415  # it makes serving cheaper where it is there

        uvloop.install()
    asyncio.run(_serve(job, folder))
    return _GOOD


async def _serve(job: ServiceJob, folder: ServiceFolder) -> None:
    await Supervisor(job, folder).serve()
    os._exit(_GOOD)  # a thread that still fetches or installs something must not hold up the end


class Supervisor:
    """Serves one web service."""

    def __init__(self, job: ServiceJob, folder: ServiceFolder) -> None:
        self._job = job
        self._folder = folder
        self._log = TimedLog(folder.log_file)
        self._loop = asyncio.get_running_loop()
        self._address = Address(job, folder.log_file)
        self._exchange = Exchange(job, self._report, self._obey_from_thread, self._end_from_thread)
        self._ending = asyncio.Event()
        self._lock = threading.Lock()
        self._sequence = 0
        self._known = 0
        self._wanted: Revision | None = None
        self._reloads = 0
        self._phase = ""
        self._error: ServiceError | None = None
        self._under_way: dict[int, asyncio.Task[None]] = {}
        """What is being done, by the order that asked for it."""
        self._stop = Stop()
        self._preparing: asyncio.Future[WorkerPlan] | None = None
        self._drain = _DRAIN_SECONDS
        self._seen: object = None

    async def serve(self) -> None:
        """Serve until the order or the signal to end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._end, "a signal says so")
        self._log.line(f"supervisor {os.getpid()} of {self._job.name!r} begins, attempt {self._job.attempt}")
        self._exchange.start()
        watching = self._loop.create_task(self._watch())
        await self._ending.wait()
        self._exchange.end()
        watching.cancel()
        self._stop.order(StopReason.CANCELED)
        for task in list(self._under_way.values()):
            task.cancel()
        await self._address.close(self._drain)
        if self._preparing is not None:
            await asyncio.wait({self._preparing}, timeout=_LEAVE_SECONDS)  # it ends what it has started
        self._log.line("supervisor ends")

    def _report(self, wait_seconds: float) -> ServiceReport:
        """How the web service is at this moment; called in any thread."""
        with self._lock:
            self._sequence += 1
            return ServiceReport(
                attempt=self._job.attempt,
                sequence=self._sequence,
                known_order=self._known,
                order=min(self._under_way, default=self._known + 1) - 1,
                serving_revision=self._address.serving.number if self._address.serving else 0,
                workers=self._address.ready_workers,
                phase=self._phase,
                error=self._error or self._address.trouble,
                wait_seconds=wait_seconds,
            )

    def _obey_from_thread(self, orders: Orders) -> None:
        asyncio.run_coroutine_threadsafe(self._obey(orders), self._loop).result()

    def _end_from_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._end_at_once, "the server does not know this supervisor any more")

    def _end_at_once(self, reason: str) -> None:
        self._drain = 0.0
        self._end(reason)

    def _end(self, reason: str) -> None:
        self._log.line(f"ends: {reason}")
        self._ending.set()

    async def _obey(self, orders: Orders) -> None:
        if orders.attempt != self._job.attempt:
            self._end_at_once(f"attempt {orders.attempt} has taken over")
        elif orders.stop:
            self._end("the web service is deleted")
        elif orders.order > self._known and orders.revision is not None:
            self._carry_out(orders, orders.revision)

    def _carry_out(self, orders: Orders, revision: Revision) -> None:
        first = self._wanted is None
        self._address.set_keys(orders.keys)
        reload = not first and orders.reloads != self._reloads
        is_new = self._wanted is None or revision.number != self._wanted.number
        serves = self._address.serving is not None and self._address.serving.number == revision.number
        begins = is_new or (reload and not serves and not self._under_way)
        with self._lock:  # one report tells of all this, or of nothing
            self._known, self._reloads, self._wanted = orders.order, orders.reloads, revision
            if begins:
                self._error, self._phase = None, ""
                self._begin(orders.order, self._bring_about(revision, orders.fallback))
            elif reload:
                self._begin(orders.order, self._reload())
        self._exchange.tell()

    def _begin(self, order: int, work: Coroutine[Any, Any, None]) -> None:
        self._under_way[order] = task = self._loop.create_task(work)
        task.add_done_callback(lambda _: self._done(order))

    def _done(self, order: int) -> None:
        with self._lock:
            self._under_way.pop(order, None)
        self._exchange.tell()

    async def _bring_about(self, revision: Revision, fallback: Revision | None) -> None:
        """Have a revision serve, in the place of any that is still being prepared."""
        former, self._stop = self._stop, Stop()
        stop = self._stop
        former.order(StopReason.CANCELED)
        me = asyncio.current_task()
        others = [task for task in self._under_way.values() if task is not me]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._address.listen(lambda error: self._set(error=error))
        await self._address.open((fallback or revision).settings)
        if fallback is not None and self._address.serving is None:
            await self._try(fallback, stop)
        self._set(error=None)
        error = await self._try(revision, stop)
        self._set(error=error, phase="")

    async def _try(self, revision: Revision, stop: Stop) -> ServiceError | None:
        """Have a revision serve; gives the reason where it does not come to that. Whatever served before goes on."""
        try:
            await self._take(revision, stop)
        except RevisionFailed as problem:
            error = ServiceError(problem.code, problem.message, problem.details, problem.hint)
        except TerrazulError as problem:
            error = ServiceError(problem.code, problem.message, hint=problem.hint or "")
        except Stopped:
            raise asyncio.CancelledError from None
        except Exception as problem:  # noqa: BLE001  # the edge of a revision: whatever it is, it must be told
            error = ServiceError("system_error", f"The supervisor failed: {problem!r}.", traceback.format_exc())
        else:
            self._loop.call_later(_LEFTOVER_SECONDS, self._remove_leftovers)
            return None
        self._log.line(f"revision {revision.number} does not serve: {error.message} {error.hint}".rstrip())
        if error.code == "system_error":
            self._log.line(error.details)
        return error

    async def _take(self, revision: Revision, stop: Stop) -> None:
        folder = self._folder.revision(revision.number)
        preparation = Preparation(self._job, revision, folder, self._log, stop, self._enter)
        self._preparing = self._loop.run_in_executor(None, preparation.prepare)
        self._preparing.add_done_callback(_note_end)
        plan = await asyncio.shield(self._preparing)
        with preparation.phase("start") as notes:
            await self._address.take(revision, plan, preparation.options())
            notes.append(f"{self._address.ready_workers} workers on {plan.python}")

    async def _reload(self) -> None:
        try:
            await self._address.reload()
        except RevisionFailed as problem:
            self._set(error=ServiceError(problem.code, problem.message, problem.details, problem.hint))
            self._log.line(f"reloading failed: {problem.message}")
        else:
            self._set(error=None)

    def _enter(self, phase: str) -> None:
        """A phase has begun; called in any thread."""
        self._set(phase=phase)

    def _set(self, **values: object) -> None:
        with self._lock:
            for name, value in values.items():
                setattr(self, f"_{name}", value)
        self._exchange.tell()

    def _remove_leftovers(self) -> None:
        """Remove the files of revisions that neither serve nor are wanted."""
        kept = {each.number for each in (self._address.serving, self._wanted) if each is not None}
        self._loop.run_in_executor(None, self._folder.remove_revisions, kept)

    async def _watch(self) -> None:
        """Tell the server when workers come and go."""
        while True:
            now = (self._address.ready_workers, self._address.trouble)
            if now != self._seen:
                self._seen = now
                self._exchange.tell()
            await asyncio.sleep(_LOOK_SECONDS)


def _note_end(preparing: asyncio.Future[WorkerPlan]) -> None:
    """Look at how a preparation ended, which nobody may be waiting for any more."""
    if not preparing.cancelled():
        preparing.exception()
