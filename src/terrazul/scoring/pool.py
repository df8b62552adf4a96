"""The workers of one revision: given requests, watched and replaced."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
from collections import deque
from typing import Any, Coroutine, Deque, Dict, List, Optional, Tuple

from terrazul.scoring import worker_process
from terrazul.scoring.log import ServiceLog
from terrazul.scoring.plan import RevisionFailed, ServingOptions, Trouble, WorkerPlan
from terrazul.scoring.request import Request
from terrazul.scoring.worker import frames
from terrazul.scoring.worker.frames import Answer, Body, Flag, Kind
from terrazul.scoring.worker_process import GRACE_SECONDS, Worker

_SHORT_LIFE_SECONDS = 5.0
"""A worker that ends sooner after its start is followed by a pause."""
_SETTLED_SECONDS = 30.0
"""When all has been well for so long, what went wrong before is forgotten."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0
_IN_A_ROW = 2
_REAP_SECONDS = 2.0
_LOOK_SECONDS = 0.02
_FORMS = (b"application/x-www-form-urlencoded", b"multipart/form-data")


class Pool:
    """All workers of one revision."""

    def __init__(self, plan: WorkerPlan, options: ServingOptions, log: ServiceLog) -> None:
        self.plan = plan
        self.options = options
        self.log = log
        self.mode = "text"
        self.swagger: Dict[str, Any] = {}
        self.restarts = 0
        self.trouble: Optional[Trouble] = None
        self._workers: List[Worker] = []
        self._idle: Deque[Worker] = deque()
        self._waiting: Deque[Request] = deque()
        self._timeout = options.scoring_timeout_ms / 1000
        self._longest_wait = options.max_request_wait_ms / 1000 if options.max_request_wait_ms else math.inf
        self._glance = min(0.25, max(0.005, min(self._timeout, self._longest_wait) / 20))
        self._seconds_per_request = 0.01
        self._sweeping = False
        self._retired = False
        self._successor: Optional[Pool] = None
        self._pause = 0.0
        self._short_lives = 0
        self._trouble_at = 0.0
        self._tasks: List[asyncio.Task[None]] = []

    @property
    def ready_workers(self) -> int:
        """Workers that can score."""
        return sum(1 for worker in self._workers if worker.ready_at and not worker.retiring)

    @property
    def waiting(self) -> int:
        """Requests that wait for a worker."""
        return len(self._waiting)

    async def start(self) -> None:
        """Start all workers, and wait until each is ready. Raises ``RevisionFailed``, with none of them left."""
        try:
            workers = [await self._spawn() for _ in range(self.options.worker_count)]
            for worker in workers:
                await worker.readiness(self.options.init_timeout_seconds)
        except BaseException:
            self.kill()
            raise
        for worker in workers:
            self._admit(worker)

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
        self._seconds_per_request += (seconds / count - self._seconds_per_request) * 0.05
        self._offer(worker)

    def lost(self, worker: Worker) -> None:
        """A worker has ended; its requests are tried once more, and another takes its place."""
        with contextlib.suppress(ValueError):
            self._workers.remove(worker)
        with contextlib.suppress(ValueError):
            self._idle.remove(worker)
        requests, worker.requests = worker.requests, []
        for request in reversed(requests):
            self._try_again(request)
        self._task(self._bury(worker))
        if worker.ready_at and not self._retired and not worker.retiring:
            self._replace(worker)

    def hand_over(self, other: Pool) -> None:
        """Give what waits to another pool, and end each worker when it has finished what it does."""
        self._retired = True
        self._successor = other
        waiting, self._waiting = self._waiting, deque()
        for request in waiting:
            other.adopt(request)
        for worker in list(self._workers):
            self._retire(worker)

    def adopt(self, request: Request) -> None:
        """Take a request over that another pool had accepted; it is not refused any more."""
        if self._idle:
            self._give(self._idle.popleft(), request)
        else:
            self._waiting.append(request)
            self._sweep_later()

    async def drained(self, seconds: float) -> None:
        """Wait until all workers have ended; those that have not by then are killed."""
        deadline = time.monotonic() + seconds
        while self._workers and time.monotonic() < deadline:  # noqa: ASYNC110  # many events, and nobody is in a hurry
            await asyncio.sleep(_LOOK_SECONDS)
        self.kill()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def kill(self) -> None:
        """End all workers at once; what waits is refused."""
        self._retired = True
        while self._waiting:
            request = self._waiting.popleft()
            request.connection.finish(request, self._overloaded("The service is ending."))
        for worker in self._workers:
            worker.kill()

    async def reload(self) -> None:
        """Start each worker anew, one after another. Raises ``RevisionFailed`` where one does not become ready."""
        for old in list(self._workers):
            if old.gone:
                continue
            new = await self._spawn()
            try:
                await new.readiness(self.options.init_timeout_seconds)
            except RevisionFailed:
                new.kill()
                raise
            if old.gone:  # it has been replaced already
                self._retire(new)
            else:
                self._admit(new)
                self._retire(old)

    def look_after(self) -> None:
        """What has to be looked at once a second: lives, memory, and whether the last trouble is over."""
        for worker in list(self._workers):
            worker.look()
        if self.options.memory_bytes and not self._retired:
            self._check_memory(self.options.memory_bytes)
        if self.trouble and self.ready_workers and time.monotonic() - self._trouble_at > _SETTLED_SECONDS:
            self.trouble = None

    def _admit(self, worker: Worker) -> None:
        """A worker has become ready."""
        self.mode, self.swagger = worker.mode, worker.swagger
        self._offer(worker)

    def _offer(self, worker: Worker) -> None:
        if worker.retiring or self._retired:
            worker.end()
            return
        request = self._next()
        if request is None:
            self._idle.append(worker)
        elif worker.batches and self.options.max_batch_size > 1 and self._waiting and _batchable(request):
            self._give_many(worker, request)
        else:
            self._give(worker, request)

    def _retire(self, worker: Worker) -> None:
        """Let a worker go as soon as it has finished what it does."""
        worker.retiring = True
        with contextlib.suppress(ValueError):
            self._idle.remove(worker)
        if worker.ready_at and not worker.requests and not worker.interrupted_at:
            worker.end()
        elif not worker.ready_at:
            worker.kill()

    def _give(self, worker: Worker, request: Request) -> None:
        kind, payload = _frame(worker, request)
        worker.give([request], kind, payload, time.monotonic() + self._timeout)
        if not self._sweeping:
            self._sweep_later()

    def _give_many(self, worker: Worker, first: Request) -> None:
        requests = [first]
        while len(requests) < self.options.max_batch_size and self._waiting and _batchable(self._waiting[0]):
            request = self._next()
            if request is None:
                break
            requests.append(request)
        payload = frames.encode_many([_frame(worker, request)[1] for request in requests])
        worker.give(requests, Kind.SCORE_MANY, payload, time.monotonic() + self._timeout)
        self._sweep_later()

    def _next(self) -> Optional[Request]:
        """The request that has waited longest and that somebody still waits for."""
        while self._waiting:
            request = self._waiting.popleft()
            if request.connection.ended:
                request.connection.close()
            elif not request.done and not request.connection.gone:
                return request
        return None

    def _try_again(self, request: Request) -> None:
        """Have a request scored whose worker has ended: once more, alone, then never."""
        if request.done:
            return
        if request.tries:
            message = "The worker that scored this request ended without an answer. Check the logs for more info."
            request.connection.finish(request, Answer(500, told(message), Flag.FAILED))
            return
        request.tries += 1
        if self._successor is not None:
            self._successor.adopt(request)
        elif self._retired:
            request.connection.finish(request, self._overloaded("The service is ending."))
        elif self._idle:
            self._give(self._idle.popleft(), request)
        else:
            self._waiting.appendleft(request)
            self._sweep_later()

    def _overloaded(self, message: str) -> Answer:
        seconds = len(self._waiting) * self._seconds_per_request / self.options.worker_count
        return Answer(503, told(message), headers=(("Retry-After", str(max(1, math.ceil(seconds)))),))

    def _sweep_later(self) -> None:
        if not self._sweeping:
            self._sweeping = True
            asyncio.get_running_loop().call_later(self._glance, self._sweep)

    def _sweep(self) -> None:
        """Answer what has taken too long."""
        self._sweeping = False
        now = time.monotonic()
        busy = False
        for worker in self._workers:
            if worker.interrupted_at and worker.ready_at:
                busy = True
                if now - worker.interrupted_at > GRACE_SECONDS:
                    self.log.line(f"worker {worker.process.pid} does not come back from run(); it is replaced")
                    worker.interrupted_at = math.inf
                    worker.tell_where()
            elif worker.requests:
                busy = True
                if now > worker.deadline:
                    self._time_out(worker)
        while self._waiting and now - self._waiting[0].queued_at > self._longest_wait:
            request = self._waiting.popleft()
            limit = self.options.max_request_wait_ms
            request.connection.finish(request, self._overloaded(f"No worker was free within {limit} ms."))
        if busy or self._waiting:
            self._sweep_later()

    def _time_out(self, worker: Worker) -> None:
        requests, worker.requests = worker.requests, []
        message = f"Scoring timeout after {self.options.scoring_timeout_ms} ms"
        self.log.line(f"{message} in worker {worker.process.pid}")
        for request in requests:
            request.connection.finish(request, Answer(500, told(message), Flag.FAILED))
        worker.interrupt()

    async def _spawn(self) -> Worker:
        worker = await worker_process.start(self, self.plan, self.options, self.log)
        self._workers.append(worker)
        return worker

    def _replace(self, worker: Worker) -> None:
        """Start another in the place of one that has ended; after a pause where it lived but shortly."""
        self.restarts += 1
        self.log.line(f"worker {worker.process.pid} has ended; another takes its place")
        if time.monotonic() - worker.ready_at < _SHORT_LIFE_SECONDS:
            self._short_lives += 1
            self._pause = min(max(self._pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
        else:
            self._short_lives = 0
            self._pause = 0.0
        if worker.cause is not None:
            self._be_troubled(worker.cause)
        elif self._short_lives >= _IN_A_ROW:
            self._be_troubled(
                Trouble(
                    "WorkersEnd",
                    f"The workers do not stay alive: the last one {worker.how_it_ended()} shortly after its start.",
                    self.log.tail(),
                    "The end of the log shows what it did.",
                )
            )
        self._task(self._restart(self._pause))

    async def _restart(self, pause: float) -> None:
        while not self._retired:
            await asyncio.sleep(pause)
            if self._retired:
                return
            worker: Optional[Worker] = None
            try:
                worker = await self._spawn()
                await worker.readiness(self.options.init_timeout_seconds)
            except RevisionFailed as problem:
                self._be_troubled(problem.trouble)
                if worker is not None:
                    worker.kill()
                pause = min(max(pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
                continue
            self._admit(worker)
            return

    def _be_troubled(self, trouble: Trouble) -> None:
        self.trouble = trouble
        self._trouble_at = time.monotonic()

    async def _bury(self, worker: Worker) -> None:
        """Have the process reaped, by force where it stays, with all that it started."""
        deadline = time.monotonic() + _REAP_SECONDS
        while worker.process.poll() is None and time.monotonic() < deadline:  # noqa: ASYNC110  # no event tells of it
            await asyncio.sleep(_LOOK_SECONDS)
        worker.kill()
        await asyncio.get_running_loop().run_in_executor(None, worker.process.wait)

    def _check_memory(self, limit: int) -> None:
        used = {worker: worker.memory() for worker in self._workers if not worker.cause}
        total = sum(used.values())
        if total <= limit:
            return
        largest = max(used, key=lambda each: used[each])
        message = (
            f"The workers use {total / 1e9:.2f} GB of memory, and may use {limit / 1e9:.2f} GB; "
            f"worker {largest.process.pid} with {used[largest] / 1e9:.2f} GB is replaced."
        )
        self.log.line(message)
        hint = "Give the service more memory_gb, or fewer workers."
        largest.cause = Trouble("MemoryExceeded", message, hint=hint)
        largest.kill()

    def _task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.append(task)
        task.add_done_callback(self._tasks.remove)


def told(message: str) -> bytes:
    """A message as the body of an error."""
    return json.dumps({"message": message}).encode()


def _batchable(request: Request) -> bool:
    """Whether a request may be scored together with others; one whose worker died may not."""
    return not request.tries and request.method == "POST"


def _frame(worker: Worker, request: Request) -> Tuple[int, Body]:
    """What a worker is sent: the body alone, unless its script looks at more."""
    if worker.takes_headers or worker.mode == "raw" or request.method != "POST":
        return Kind.SCORE_WHOLE, frames.encode_whole(_facts_of(request), request.body)
    if worker.mode == "text" and request.headers.get(b"content-type", b"").startswith(_FORMS):
        return Kind.SCORE, b""
    return Kind.SCORE, request.body


def _facts_of(request: Request) -> Dict[str, Any]:
    headers = {name.decode("latin-1").title(): value.decode("latin-1") for name, value in request.headers.items()}
    return {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "headers": headers,
        **request.connection.facts(),
    }
