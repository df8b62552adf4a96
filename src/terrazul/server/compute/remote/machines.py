"""The machines of one server, for callers in threads: connected when they are needed, and again when they were lost."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from terrazul.core.errors import TerrazulError
from terrazul.server.compute.remote.reach import MachineUnreachable, Reach, Serving
from terrazul.server.network.outgoing import Outgoing

if TYPE_CHECKING:
    from terrazul.server.compute.remote.machine import Machine

T = TypeVar("T")
Find = Callable[[str], Reach]
"""The machine of a key as it is attached at this moment. Raises ``ComputeTargetException`` where there is none."""
_log = logging.getLogger(__name__)
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_NOT_CONNECTED = "The machine is not connected at this moment; that is tried again and again."
_PATIENCE = 1.0
"""So long a caller waits for what it asks often; a machine that is slower is not asked again until it has answered."""


class _Known:
    """What is remembered of a machine; used in the event loop only, but for what is read at a glance."""

    def __init__(self) -> None:
        self.machine: Machine | None = None
        self.connecting = asyncio.Lock()
        self.pause = 0.0
        self.next_attempt = 0.0
        self.problem = ""
        self.asked: concurrent.futures.Future[Any] | None = None


class Machines:
    """All connections live in one event loop in a thread of its own, which begins with the first of them.

    What a machine carries (logs, outputs, data) so never keeps the server from answering.
    """

    def __init__(self, find: Find, outgoing: Outgoing, serving: Serving, on_loss: Callable[[], None]) -> None:
        self._find = find
        self._outgoing = outgoing
        self._serving = serving
        self._on_loss = on_loss
        self._known: dict[str, _Known] = {}
        self._beginning = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False

    async def check(self, reach: Reach) -> str:
        """Sign in to a machine once; returns its host key. For callers in an event loop of their own.

        Raises ``ComputeTargetException``, or ``DestinationRefused`` and ``DestinationUnreachable``.
        """
        return await asyncio.wrap_future(self._in_loop(self._check(reach)))

    def connect(self, key: str) -> None:
        """Have a machine connected and prepared; does nothing where it is.

        Raises ``ComputeTargetException``, or ``DestinationRefused`` and ``DestinationUnreachable``.
        """
        reach = self._find(key)
        self._in_loop(self._connect(key, reach)).result()

    def is_connected(self, key: str) -> bool:
        """Whether it is at this moment."""
        known = self._known.get(key)
        return known is not None and known.machine is not None and not known.machine.is_lost

    def connected(self) -> list[str]:
        """The keys of those that are."""
        return [key for key in list(self._known) if self.is_connected(key)]

    def problem(self, key: str) -> str:
        """Why a machine that should be connected is not; empty where it is."""
        if self.is_connected(key):
            return ""
        known = self._known.get(key)
        return (known.problem if known is not None else "") or _NOT_CONNECTED

    def about(self) -> list[dict[str, int]]:
        """What the machines have that are connected."""
        connected = [known.machine for known in list(self._known.values()) if known.machine is not None]
        return [machine.about for machine in connected if machine.about and not machine.is_lost]

    def call(self, key: str, name: str, **arguments: Any) -> Any:
        """Have the agent on a machine do something. Raises ``MachineUnreachable`` where it is not connected."""
        return self._in_loop(self._call(key, name, arguments)).result()

    def glance(self, key: str, name: str, **arguments: Any) -> Any:
        """As ``call``, for what is asked again and again: it waits for a moment only."""
        known = self._known.get(key)
        if known is not None and known.asked is not None and not known.asked.done():
            raise MachineUnreachable("The machine has not answered yet")
        asked = self._in_loop(self._call(key, name, arguments))
        try:
            return asked.result(_PATIENCE)
        except concurrent.futures.TimeoutError:
            if known is not None:
                known.asked = asked
            raise MachineUnreachable("The machine does not answer at once") from None

    def tell(self, key: str, name: str, **arguments: Any) -> None:
        """Have the agent do something before whatever it is asked later, without waiting for it."""
        self._in_loop(self._call(key, name, arguments)).add_done_callback(_report)

    def connect_again(self, key: str) -> None:
        """Begin to connect a machine that was lost, unless that was tried a moment ago. It takes no time."""
        known = self._known_of(key)
        if self._stopped or self.is_connected(key) or time.monotonic() < known.next_attempt:
            return
        known.pause = min(_LONGEST_PAUSE, known.pause * 2 or _FIRST_PAUSE)
        known.next_attempt = time.monotonic() + known.pause
        threading.Thread(target=self._connect_in_peace, args=(key,), name="machine", daemon=True).start()

    def let_go(self, key: str, *, tidy: bool) -> None:
        """Close the connection to a machine; with ``tidy`` remove before what the target has there, if it answers."""
        known = self._known.pop(key, None)
        if known is not None and known.machine is not None and not known.machine.is_lost:
            self._in_loop(self._let_go(known.machine, tidy=tidy)).result()

    def begin_to_let_go(self, key: str) -> None:
        """As ``let_go`` with ``tidy``, without waiting for it."""
        known = self._known.pop(key, None)
        if known is not None and known.machine is not None:
            self._in_loop(self._let_go(known.machine, tidy=True)).add_done_callback(_report)

    def let_go_of_all(self) -> None:
        """Close all connections: another process is to have them. Runners go on."""
        for key in list(self._known):
            self.let_go(key, tidy=False)

    def stop(self) -> None:
        """Close all connections, and make none any more."""
        with self._beginning:
            self._stopped = True
        self.let_go_of_all()
        if self._loop is not None and self._thread is not None:
            self._in_loop(_end_others()).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _connect_in_peace(self, key: str) -> None:
        try:
            self.connect(key)
        except TerrazulError as problem:
            _log.warning("A machine is not connected again: %s", problem)
        except (RuntimeError, concurrent.futures.CancelledError):
            return  # the server ends

    async def _check(self, reach: Reach) -> str:
        from terrazul.server.compute.remote.machine import check  # noqa: PLC0415  # its library is slow to load

        return await check(reach, self._outgoing)

    async def _connect(self, key: str, reach: Reach) -> None:
        from terrazul.server.compute.remote.machine import Machine  # noqa: PLC0415  # as above

        known = self._known_of(key)
        async with known.connecting:
            if known.machine is not None and not known.machine.is_lost:
                if known.machine.reach == reach:
                    return
                known.machine.close()
            try:
                known.machine = await Machine.connect(reach, self._outgoing, self._serving, self._on_loss)
            except TerrazulError as problem:
                known.problem = problem.message
                raise
            known.problem, known.pause, known.next_attempt = "", 0.0, 0.0

    async def _call(self, key: str, name: str, arguments: dict[str, Any]) -> Any:
        known = self._known.get(key)
        if known is None or known.machine is None:
            raise MachineUnreachable("The machine is not connected")
        return await known.machine.call(name, **arguments)

    async def _let_go(self, machine: Machine, *, tidy: bool) -> None:
        if tidy:
            await machine.remove_own_folder()
        machine.close()

    def _known_of(self, key: str) -> _Known:
        return self._known.setdefault(key, _Known())

    def _in_loop(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        with self._beginning:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="machines", daemon=True)
                self._thread.start()
        return asyncio.run_coroutine_threadsafe(work, self._loop)


def _report(done: concurrent.futures.Future[Any]) -> None:
    problem = None if done.cancelled() else done.exception()
    if problem is not None:
        _log.warning("A machine was told something that it did not do: %s", problem)


async def _end_others() -> None:
    """End what still goes on in this loop."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
