"""The workers of one revision: started, given requests, watched and replaced."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any, Coroutine, Deque, Dict, List, Optional, Tuple

from terrazul.scoring.log import ServiceLog
from terrazul.scoring.plan import RevisionFailed, ServingOptions, Trouble, WorkerPlan
from terrazul.scoring.request import Request
from terrazul.scoring.worker import frames
from terrazul.scoring.worker.frames import HEAD, Answer, Flag, Kind

_WORKER = str(Path(__file__).with_name("worker") / "__main__.py")
_GRACE_SECONDS = 1.0
"""How long an interrupted worker has until it is ended."""
_WATCH_SECONDS = 1.0
_SHORT_LIFE_SECONDS = 5.0
_BURIAL_GLANCE, _BURIAL_GLANCES = 0.02, 100
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0
_TIMED_OUT = Flag.FAILED
_WHOLE_MODES = {"raw"}
_FORMS = (b"application/x-www-form-urlencoded", b"multipart/form-data")
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class Worker(asyncio.Protocol):
    """One process, seen from the front: the other end of its socket."""

    def __init__(self, pool: Pool, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.ready: asyncio.Future[Dict[str, Any]] = pool.loop.create_future()
        self.requests: List[Request] = []
        self.begun_at = 0.0
        self.deadline = 0.0
        self.interrupted_at = 0.0
        self.started_at = time.monotonic()
        self.retiring = False
        self.replaced = False
        self.gone = False
        self._pool = pool
        self._number = 0
        self._data = b""
        self._transport: Optional[asyncio.Transport] = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is ours."""
        self._transport = transport  # type: ignore[assignment]  # a stream's transport is one that writes

    def give(self, requests: List[Request], kind: int, payload: bytes, deadline: float) -> None:
        """Have requests scored."""
        self.requests = requests
        self._number = (self._number + 1) & 0xFFFFFFFF
        self.deadline = deadline
        self.begun_at = time.monotonic()
        if self._transport is not None:
            self._transport.write(HEAD.pack(len(payload), self._number, kind) + payload)

    def data_received(self, data: bytes) -> None:
        """A part of a frame, or several."""
        self._data = self._data + data if self._data else data
        while len(self._data) >= HEAD.size:
            size, number, kind = HEAD.unpack_from(self._data)
            end = HEAD.size + size
            if len(self._data) < end:
                return
            payload, self._data = self._data[HEAD.size : end], self._data[end:]
            self._take(kind, number, payload)

    def connection_lost(self, error: Optional[Exception]) -> None:
        """The process has ended, or is about to."""
        del error
        self.gone = True
        self._pool.lost(self)

    def interrupt(self) -> None:
        """Break into ``run``."""
        self.interrupted_at = time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGALRM)

    def end(self) -> None:
        """Let it go when it has nothing to do; it ends at the end of its input."""
        if self._transport is not None:
            self._transport.close()

    def kill(self) -> None:
        """End it and what it started, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def exit_code(self) -> Optional[int]:
        """How the process ended, negative for a signal; None while it lives. It is not reaped."""
        if self.process.returncode is not None:
            return self.process.returncode
        try:
            found = os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return 0
        if found is None:
            return None
        return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status

    def memory(self) -> int:
        """The resident bytes of the process."""
        try:
            with open(f"/proc/{self.process.pid}/statm", "rb") as file:  # noqa: PTH123  # read once a second: no object
                return int(file.read().split()[1]) * _PAGE
        except (OSError, ValueError, IndexError):
            return 0

    def _take(self, kind: int, number: int, payload: bytes) -> None:
        if kind in {Kind.READY, Kind.BROKEN}:
            if not self.ready.done():
                facts = json.loads(payload.decode())
                if kind == Kind.READY:
                    self.ready.set_result(facts)
                else:
                    self.ready.set_exception(RevisionFailed(Trouble(**facts)))
            return
        if number != self._number:
            return
        requests, self.requests = self.requests, []
        if kind == Kind.ANSWER:
            answers = [frames.decode_answer(payload)]
        else:
            answers = [frames.decode_answer(part) for part in frames.decode_many(payload)]
        exiting = any(answer.flags & Flag.EXITING for answer in answers)
        for request, answer in zip(requests, answers):
            request.connection.finish(request, answer)
        self.interrupted_at = 0.0
        if exiting:
            self.retiring = True
        else:
            self._pool.free(self, time.monotonic() - self.begun_at, len(answers))


class Pool:
    """All workers of one revision."""

    def __init__(self, plan: WorkerPlan, options: ServingOptions, log: ServiceLog) -> None:
        self.loop = asyncio.get_running_loop()
        self.plan = plan
        self.options = options
        self.mode = "text"
        self.takes_headers = False
        self.swagger: Dict[str, Any] = {}
        self.restarts = 0
        self.trouble: Optional[Trouble] = None
        self._log = log
        self._batches = False
        self._workers: List[Worker] = []
        self._idle: Deque[Worker] = deque()
        self._waiting: Deque[Request] = deque()
        self._seconds_per_request = 0.01
        self._sweeping = False
        self._retired = False
        self._pause = 0.0
        self._tasks: List[asyncio.Task[None]] = []
        self._watch: Optional[asyncio.TimerHandle] = None
        timeout = options.scoring_timeout_ms / 1000
        waits = [timeout, *([options.max_request_wait_ms / 1000] if options.max_request_wait_ms else [])]
        self._glance = min(0.25, max(0.005, min(waits) / 20))

    @property
    def ready_workers(self) -> int:
        """Workers that can score."""
        return sum(1 for worker in self._workers if worker.ready.done() and not worker.gone and not worker.retiring)

    @property
    def waiting(self) -> int:
        """Requests that wait for a worker."""
        return len(self._waiting)

    async def start(self) -> None:
        """Start all workers, and wait until each is ready. Raises ``RevisionFailed``, with none of them left."""
        workers = [await self._spawn() for _ in range(self.options.worker_count)]
        self._watch_memory()
        try:
            for worker in workers:
                facts = await self._readiness(worker)
                self.mode, self.takes_headers = facts["mode"], facts["takes_headers"]
                self._batches, self.swagger = facts["batches"], facts["swagger"]
        except BaseException:
            self.kill()
            raise
        for worker in workers:
            self.free(worker, 0.0, 0)

    def submit(self, request: Request) -> None:
        """Have a request scored as soon as a worker is free, or refused where too many wait."""
        request.queued_at = time.monotonic()
        if self._idle:
            self._give(self._idle.popleft(), request)
        elif len(self._waiting) >= self.options.queue_limit:
            request.connection.finish(request, self._overloaded("Too many requests wait for this service."))
        else:
            self._waiting.append(request)
            self._sweep_later()

    def free(self, worker: Worker, seconds: float, count: int) -> None:
        """A worker has nothing to do: give it what waits."""
        if count:
            self._seconds_per_request += (seconds / count - self._seconds_per_request) * 0.05
        if worker.gone or worker.retiring:
            worker.end()
            return
        request = self._next()
        if request is None:
            self._idle.append(worker)
        elif self._batches and self.options.max_batch_size > 1 and self._waiting and not request.alone:
            self._give_many(worker, request)
        else:
            self._give(worker, request)

    def lost(self, worker: Worker) -> None:
        """A worker has ended; its requests are tried once more, and another takes its place."""
        if not worker.ready.done():
            worker.ready.set_exception(RevisionFailed(self._ending(worker)))
            worker.ready.exception()
        if worker in self._workers:
            self._workers.remove(worker)
        with contextlib.suppress(ValueError):
            self._idle.remove(worker)
        for request in reversed(worker.requests):
            self._try_again(request)
        worker.requests = []
        self._task(self._bury(worker))
        if not self._retired and not worker.replaced:
            self._replace(worker)

    def hand_over(self, other: Pool) -> None:
        """Give what waits to another pool, and end each worker when it has finished what it does."""
        self._retired = True
        if self._watch:
            self._watch.cancel()
        waiting, self._waiting = self._waiting, deque()
        for request in waiting:
            other.submit(request)
        for worker in list(self._workers):
            worker.retiring = True
            if not worker.requests:
                worker.end()

    async def drained(self, seconds: float) -> None:
        """Wait until all workers have ended; those that have not by then are killed."""
        deadline = time.monotonic() + seconds
        while self._workers and time.monotonic() < deadline:  # noqa: ASYNC110  # workers end on their own, unannounced
            await asyncio.sleep(0.02)
        self.kill()
        for task in list(self._tasks):
            with contextlib.suppress(Exception):
                await task

    def kill(self) -> None:
        """End all workers at once; what waits is refused."""
        self._retired = True
        if self._watch:
            self._watch.cancel()
        while self._waiting:
            request = self._waiting.popleft()
            request.connection.finish(request, self._overloaded("The service is ending."))
        for worker in list(self._workers):
            worker.kill()

    async def reload(self) -> None:
        """Start each worker anew, one after another. Raises ``RevisionFailed`` where one does not become ready."""
        for old in list(self._workers):
            new = await self._spawn()
            try:
                facts = await self._readiness(new)
            except RevisionFailed:
                new.kill()
                raise
            self.swagger = facts["swagger"]
            self.free(new, 0.0, 0)
            old.retiring = True
            old.replaced = True
            with contextlib.suppress(ValueError):
                self._idle.remove(old)
            if not old.requests:
                old.end()

    def _give(self, worker: Worker, request: Request) -> None:
        kind, payload = self._frame(request)
        worker.give([request], kind, payload, time.monotonic() + self.options.scoring_timeout_ms / 1000)
        if not self._sweeping:
            self._sweep_later()

    def _give_many(self, worker: Worker, first: Request) -> None:
        requests = [first]
        while len(requests) < self.options.max_batch_size:
            request = self._next(batchable=True)
            if request is None:
                break
            requests.append(request)
        payload = frames.encode_many([self._frame(request)[1] for request in requests])
        deadline = time.monotonic() + self.options.scoring_timeout_ms / 1000
        worker.give(requests, Kind.SCORE_MANY, payload, deadline)
        self._sweep_later()

    def _frame(self, request: Request) -> Tuple[int, bytes]:
        if self.mode in _WHOLE_MODES or self.takes_headers or request.method != "POST":
            return Kind.SCORE_WHOLE, frames.encode_whole(_facts_of(request), request.body)
        if self.mode == "text" and request.headers.get(b"content-type", b"").startswith(_FORMS):
            return Kind.SCORE, b""
        return Kind.SCORE, request.body

    def _next(self, *, batchable: bool = False) -> Optional[Request]:
        while self._waiting:
            if batchable and (self._waiting[0].alone or self._waiting[0].method != "POST"):
                return None
            request = self._waiting.popleft()
            if not request.done and not request.connection.gone:
                return request
        return None

    def _try_again(self, request: Request) -> None:
        if request.done:
            return
        if request.tries:
            message = "The worker that scored this request ended without an answer. Check the logs for more info."
            request.connection.finish(request, Answer(500, _told(message), Flag.FAILED))
            return
        request.tries += 1
        request.alone = True
        if self._idle:
            self._give(self._idle.popleft(), request)
        else:
            self._waiting.appendleft(request)

    def _overloaded(self, message: str) -> Answer:
        seconds = len(self._waiting) * self._seconds_per_request / max(1, self.options.worker_count)
        return Answer(503, _told(message), headers=(("Retry-After", str(max(1, math.ceil(seconds)))),))

    def _sweep_later(self) -> None:
        if not self._sweeping:
            self._sweeping = True
            self.loop.call_later(self._glance, self._sweep)

    def _sweep(self) -> None:
        """Answer what has taken too long."""
        self._sweeping = False
        now = time.monotonic()
        busy = False
        for worker in self._workers:
            if worker.interrupted_at:
                busy = True
                if now - worker.interrupted_at > _GRACE_SECONDS:
                    self._log.line(f"worker {worker.process.pid} does not come back from run(); it is replaced")
                    worker.kill()
            elif worker.requests:
                busy = True
                if now > worker.deadline:
                    self._time_out(worker)
        limit = self.options.max_request_wait_ms
        while limit and self._waiting and (now - self._waiting[0].queued_at) * 1000 > limit:
            request = self._waiting.popleft()
            request.connection.finish(request, self._overloaded(f"No worker was free within {limit} ms."))
        if busy or self._waiting:
            self._sweep_later()

    def _time_out(self, worker: Worker) -> None:
        requests, worker.requests = worker.requests, []
        message = f"Scoring timeout after {self.options.scoring_timeout_ms} ms"
        self._log.line(f"{message} in worker {worker.process.pid}")
        for request in requests:
            request.connection.finish(request, Answer(500, _told(message), _TIMED_OUT))
        worker.interrupt()

    async def _spawn(self) -> Worker:
        ours, theirs = socket.socketpair()
        try:
            process = subprocess.Popen(  # noqa: ASYNC220  # it takes a millisecond, and only at a start
                [self.plan.python, _worker_of(self.plan), str(theirs.fileno()), str(os.getpid()),
                 self.plan.entry_script, "" if self.plan.driver == "entry_script" else self.plan.driver],
                cwd=self.plan.app_root, env=dict(self.plan.variables), stdin=subprocess.DEVNULL,
                stdout=self._log.descriptor, stderr=self._log.descriptor, pass_fds=[theirs.fileno()],
                start_new_session=True,
            )  # fmt: skip
        except OSError as problem:
            ours.close()
            raise RevisionFailed(
                Trouble("WorkerNotStarted", f"{self.plan.python} cannot be started: {problem.strerror}.")
            ) from None
        finally:
            theirs.close()
        ours.setblocking(False)
        _bind_to_cores(process.pid, self.options.cpu_cores)
        worker = Worker(self, process)
        self._workers.append(worker)
        await self.loop.create_connection(lambda: worker, sock=ours)
        return worker

    async def _readiness(self, worker: Worker) -> Dict[str, Any]:
        limit = self.options.init_timeout_seconds
        try:
            return await asyncio.wait_for(asyncio.shield(worker.ready), limit)
        except asyncio.TimeoutError:
            worker.interrupt()
        try:
            return await asyncio.wait_for(asyncio.shield(worker.ready), _GRACE_SECONDS)
        except asyncio.TimeoutError:
            raise RevisionFailed(
                Trouble(
                    "InitTimeout",
                    f"The entry script did not come to the end of init() within {limit:.0f} s.",
                    self._log.tail(),
                    "Look for what init() waits for.",
                )
            ) from None

    def _ending(self, worker: Worker) -> Trouble:
        code = worker.exit_code()
        if self.trouble is not None and self.trouble.code == "MemoryExceeded":
            return self.trouble
        how = (
            "ended" if code is None else f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        )
        return Trouble(
            "WorkerEnded",
            f"The worker {how} before the entry script was ready.",
            self._log.tail(),
            "The end of the log shows what it did.",
        )

    def _replace(self, worker: Worker) -> None:
        """Start another in the place of one that has ended; after a pause where it lived but shortly."""
        lived = time.monotonic() - worker.started_at
        if not worker.ready.done() or worker.ready.exception() is not None or lived < _SHORT_LIFE_SECONDS:
            self._pause = min(max(self._pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
        else:
            self._pause = 0.0
        if worker.ready.exception() is None:
            self.restarts += 1
            self._log.line(f"worker {worker.process.pid} has ended; another takes its place")
            self._task(self._restart(self._pause))

    async def _restart(self, pause: float) -> None:
        while not self._retired:
            await asyncio.sleep(pause)
            if self._retired:
                return
            try:
                worker = await self._spawn()
                facts = await self._readiness(worker)
            except RevisionFailed as problem:
                self.trouble = problem.trouble
                pause = min(max(pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
                continue
            self.swagger = facts["swagger"]
            self.trouble = None
            self.free(worker, 0.0, 0)
            return

    async def _bury(self, worker: Worker) -> None:
        """Have the process reaped, by force where it stays."""
        for _ in range(_BURIAL_GLANCES):
            if worker.exit_code() is not None:
                break
            await asyncio.sleep(_BURIAL_GLANCE)
        worker.kill()  # before it is reaped: its id cannot be anybody else's yet
        await self.loop.run_in_executor(None, worker.process.wait)

    def _watch_memory(self) -> None:
        if self.options.memory_bytes and sys.platform == "linux":
            self._watch = self.loop.call_later(_WATCH_SECONDS, self._check_memory)

    def _check_memory(self) -> None:
        used = {worker: worker.memory() for worker in self._workers}
        limit = self.options.memory_bytes or 0
        if sum(used.values()) > limit:
            largest = max(used, key=lambda each: used[each])
            message = (
                f"The workers use {sum(used.values()) / 1e9:.2f} GB of memory, and may use {limit / 1e9:.2f} GB; "
                f"worker {largest.process.pid} with {used[largest] / 1e9:.2f} GB is replaced."
            )
            self._log.line(message)
            self.trouble = Trouble("MemoryExceeded", message, hint="Give the service more memory_gb, or fewer workers.")
            largest.kill()
        self._watch_memory()

    def _task(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(work)
        self._tasks.append(task)
        task.add_done_callback(self._tasks.remove)


def _worker_of(plan: WorkerPlan) -> str:
    """Our worker's program: the one in the copy that the plan's path leads to, else our own."""
    first = plan.variables.get("PYTHONPATH", "").split(os.pathsep)[0]
    copied = os.path.join(first, "terrazul", "scoring", "worker", "__main__.py")  # noqa: PTH118  # of a text
    return copied if first and os.path.exists(copied) else _WORKER  # noqa: PTH110  # as above


def _facts_of(request: Request) -> Dict[str, Any]:
    headers = {name.decode("latin-1").title(): value.decode("latin-1") for name, value in request.headers.items()}
    return {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "headers": headers,
        **request.connection.facts(),
    }


def _told(message: str) -> bytes:
    return json.dumps({"message": message}).encode()


def _bind_to_cores(process: int, cores: Optional[float]) -> None:
    """Keep a process to as many cores as it was given, where it was given fewer than there are."""
    if not cores or not hasattr(os, "sched_setaffinity"):
        return
    usable = sorted(os.sched_getaffinity(0))
    wanted = max(1, math.ceil(cores))
    if wanted < len(usable):
        first = process % len(usable)
        with contextlib.suppress(OSError):
            os.sched_setaffinity(process, [usable[(first + each) % len(usable)] for each in range(wanted)])
