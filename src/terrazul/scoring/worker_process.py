"""One worker, seen from the front: its process, and the other end of its socket."""

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
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Tuple

from terrazul.scoring.log import ServiceLog
from terrazul.scoring.plan import RevisionFailed, ServingOptions, Trouble, WorkerPlan
from terrazul.scoring.request import Request
from terrazul.scoring.worker import frames
from terrazul.scoring.worker.frames import HEAD, Answer, Body, Flag, Kind

if TYPE_CHECKING:
    from terrazul.scoring.pool import Pool

GRACE_SECONDS = 1.0
"""How long an interrupted worker has until it is ended."""
_TELLING_SECONDS = 0.3
_ENDING_SECONDS = 0.1
_PROGRAM = Path(__file__).with_name("worker") / "__main__.py"
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_LARGE = 1 << 16
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "POLARS_MAX_THREADS",
)  # fmt: skip
_turn = count()


class Worker(asyncio.Protocol):
    """One process. It is given requests one frame at a time, and tells its pool when it is free and when it is gone."""

    def __init__(self, pool: Pool, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ready_at = 0.0
        self.mode = "text"
        self.takes_headers = False
        self.batches = False
        self.swagger: Dict[str, Any] = {}
        self.requests: List[Request] = []
        self.begun_at = 0.0
        self.deadline = 0.0
        self.interrupted_at = 0.0
        self.retiring = False
        """It is given nothing more, and nobody takes its place."""
        self.gone = False
        self.cause: Optional[Trouble] = None
        """Why it was ended by the front."""
        self._pool = pool
        self._number = 0
        self._parts: List[bytes] = []
        self._size = 0
        self._wanted = HEAD.size
        self._transport: Optional[asyncio.Transport] = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is ours."""
        self._transport = transport  # type: ignore[assignment]  # a stream's transport is one that writes

    def give(self, requests: List[Request], kind: int, payload: Body, deadline: float) -> None:
        """Have requests scored."""
        self.requests = requests
        self._number = number = (self._number + 1) & 0xFFFFFFFF
        self.deadline = deadline
        self.begun_at = time.monotonic()
        transport = self._transport
        if transport is None:
            return
        if len(payload) < _LARGE:
            transport.write(HEAD.pack(len(payload), number, kind) + payload)
        else:
            transport.write(HEAD.pack(len(payload), number, kind))
            transport.write(payload)

    def data_received(self, data: bytes) -> None:
        """A part of a frame, or several frames."""
        if self._parts or len(data) < HEAD.size:
            self._parts.append(data)
            self._size += len(data)
            if self._size < self._wanted:
                return
            data = b"".join(self._parts)
        begin = 0
        self._wanted = HEAD.size
        while len(data) - begin >= HEAD.size:
            size, number, kind = HEAD.unpack_from(data, begin)
            end = begin + HEAD.size + size
            if end > len(data):
                self._wanted = end - begin
                break
            self._take(kind, number, data[begin + HEAD.size : end])
            begin = end
        rest = data[begin:]
        self._parts = [rest] if rest else []
        self._size = len(rest)

    def connection_lost(self, error: Optional[Exception]) -> None:
        """The process has ended, or is about to."""
        del error
        self.gone = True
        if not self.ready.done():
            self.ready.set_exception(RevisionFailed(self._ending()))
        self.ready.exception()  # it is told by whoever waits for it; nobody has to
        self._pool.lost(self)

    def interrupt(self) -> None:
        """Break into ``run``."""
        self.interrupted_at = time.monotonic()
        self._signal(signal.SIGALRM)

    def end(self) -> None:
        """Let it go when it has nothing to do; it ends at the end of its input."""
        if self._transport is not None:
            self._transport.close()

    def kill(self) -> None:
        """End it and what it started, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def look(self) -> None:
        """Notice that the process has ended even where a child of its own holds the socket open."""
        if not self.gone and self.process.poll() is not None and self._transport is not None:
            self._transport.abort()

    async def readiness(self, limit: float) -> None:
        """Wait until ``init`` has come to its end. Raises ``RevisionFailed`` where it does not, or not in time."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(self.ready), limit or None)
            return
        self.interrupt()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(self.ready), GRACE_SECONDS)
            return
        self._signal(signal.SIGUSR2)  # its place is written to the log, from C code too
        await asyncio.sleep(_TELLING_SECONDS)
        raise RevisionFailed(
            Trouble(
                "InitTimeout",
                f"The entry script did not come to the end of init() within {limit:g} s.",
                self._pool.log.tail(),
                "The end of the log shows where it was.",
            )
        )

    def tell_where(self) -> None:
        """Have the worker write to the log where it is, and end it a moment later."""
        self._signal(signal.SIGUSR2)
        asyncio.get_running_loop().call_later(_TELLING_SECONDS, self.kill)

    def memory(self) -> int:
        """The resident bytes of the process and of what it has started."""
        return _memory_of(self.process.pid)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def _take(self, kind: int, number: int, payload: bytes) -> None:
        if kind == Kind.ANSWER:
            answers = [frames.decode_answer(payload)]
        elif kind == Kind.ANSWERS:
            answers = [frames.decode_answer(part) for part in frames.decode_many(payload)]
        else:
            self._begin(kind, payload)
            return
        if number == self._number:
            self._finish(answers)

    def _finish(self, answers: List[Answer]) -> None:
        requests, self.requests = self.requests, []
        self.interrupted_at = 0.0
        if not any(answer.flags & Flag.EXITING for answer in answers):
            self._pool.free(self, time.monotonic() - self.begun_at, len(answers))
        for request, answer in zip(requests, answers):
            request.connection.finish(request, answer)

    def _begin(self, kind: int, payload: bytes) -> None:
        if self.ready.done():
            return
        facts = json.loads(payload.decode())
        if kind == Kind.BROKEN:
            self.ready.set_exception(RevisionFailed(Trouble(**facts)))
            return
        self.mode, self.takes_headers = facts["mode"], facts["takes_headers"]
        self.batches, self.swagger = facts["batches"], facts["swagger"]
        self.ready_at = time.monotonic()
        self.interrupted_at = 0.0
        self.ready.set_result(None)

    def _ending(self) -> Trouble:
        if self.cause is not None:
            return self.cause
        return Trouble(
            "WorkerEnded",
            f"The worker {self.how_it_ended()} before the entry script was ready.",
            self._pool.log.tail(),
            "The end of the log shows what it did.",
        )

    def how_it_ended(self) -> str:
        """In words."""
        try:
            code = self.process.wait(_ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            return "closed its connection"
        if code < 0:
            return f"was ended by signal {-code} ({signal.Signals(-code).name})"
        return f"ended with exit code {code}"


async def start(pool: Pool, plan: WorkerPlan, options: ServingOptions, log: ServiceLog) -> Worker:
    """Start a process. Raises ``RevisionFailed`` where that cannot be."""
    cores = _cores_for(options.cpu_cores)
    ours, theirs = _socket_pair()
    try:
        process = subprocess.Popen(  # noqa: ASYNC220  # a few milliseconds; asyncio's own way needs a child watcher
            _command(plan, theirs.fileno()),
            cwd=plan.app_root,
            env=_variables_of(plan.variables, cores),
            stdin=subprocess.DEVNULL,
            stdout=log.descriptor,
            stderr=log.descriptor,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    except OSError as problem:
        ours.close()
        message = f"{plan.python} cannot be started in {plan.app_root}: {problem.strerror}."
        raise RevisionFailed(Trouble("WorkerNotStarted", message, hint="Look at interpreter and folder.")) from None
    finally:
        theirs.close()
    ours.setblocking(False)
    if cores:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(process.pid, cores)
    worker = Worker(pool, process)
    await asyncio.get_running_loop().create_connection(lambda: worker, sock=ours)
    return worker


def _socket_pair() -> Tuple[socket.socket, socket.socket]:
    try:
        return socket.socketpair()
    except OSError as problem:
        message = f"No worker can be started: {problem.strerror}."
        raise RevisionFailed(Trouble("WorkerNotStarted", message, hint="Raise the limit of open files.")) from None


def _command(plan: WorkerPlan, descriptor: int) -> List[str]:
    driver = "" if plan.driver == "entry_script" else plan.driver
    return [plan.python, _program_of(plan), str(descriptor), str(os.getpid()), plan.entry_script, driver]


def _program_of(plan: WorkerPlan) -> str:
    """The worker's program: the one in the copy that the plan's path leads to, else our own."""
    first = plan.variables.get("PYTHONPATH", "").split(os.pathsep)[0]
    copied = Path(first, "terrazul", "scoring", "worker", "__main__.py")
    return str(copied if first and copied.exists() else _PROGRAM)


def _cores_for(cores: Optional[float]) -> List[int]:
    """The cores to keep a worker to, where it was given fewer than there are; each worker gets others."""
    if not cores or not hasattr(os, "sched_setaffinity"):
        return []
    usable = sorted(os.sched_getaffinity(0))
    wanted = max(1, math.ceil(cores))
    if wanted >= len(usable):
        return []
    first = next(_turn) * wanted
    return [usable[(first + each) % len(usable)] for each in range(wanted)]


def _variables_of(variables: Mapping[str, str], cores: List[int]) -> Dict[str, str]:
    """The environment of a worker; numeric libraries start no more threads than it has cores."""
    threads = dict.fromkeys(_THREAD_VARIABLES, str(len(cores))) if cores else {}
    return {**threads, **variables}


def _memory_of(process: int) -> int:
    if sys.platform != "linux":
        return 0
    folder = Path("/proc", str(process))
    try:
        resident = int((folder / "statm").read_bytes().split()[1]) * _PAGE
        children = (folder / "task" / str(process) / "children").read_bytes().split()
    except (OSError, ValueError, IndexError):
        return 0
    return resident + sum(_memory_of(int(child)) for child in children)
