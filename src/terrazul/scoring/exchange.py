"""The exchange with the server: reports go there, orders come back. Works on while the server is away."""

from __future__ import annotations

import threading
from typing import Callable

from terrazul.core.errors import AuthenticationException, Forbidden, NotFound, TerrazulError
from terrazul.node.connection import Backoff, Connection, workspace_path
from terrazul.wire.endpoint import Orders, ServiceJob, ServiceReport

_WAIT_SECONDS = 20.0
_REJECTIONS_UNTIL_FENCED = 3
_REJECTED_PAUSE = 0.5


class Exchange:
    """Two threads: one waits for orders, the other tells at once of what has changed.

    ``report`` gives the report of this moment, to be answered within the seconds; ``obey`` takes orders and returns
    when they count; ``fenced`` is called once the server knows this supervisor no more. All are called in the threads.
    """

    def __init__(
        self,
        job: ServiceJob,
        report: Callable[[float], ServiceReport],
        obey: Callable[[Orders], None],
        fenced: Callable[[], None],
    ) -> None:
        self._job = job
        self._route = f"{workspace_path(job)}/webservices/{job.name}/exchange"
        self._report = report
        self._obey = obey
        self._fenced = fenced
        self._changed = threading.Event()
        self._ended = threading.Event()
        self._rejections = 0

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._listen, name="orders", daemon=True).start()
        threading.Thread(target=self._tell, name="reports", daemon=True).start()

    def tell(self) -> None:
        """Something has changed: the server is to know at once."""
        self._changed.set()

    def end(self) -> None:
        """Report no more."""
        self._ended.set()
        self._changed.set()

    def _listen(self) -> None:
        connection = Connection(self._job)
        backoff = Backoff()
        while not self._ended.is_set():
            self._ended.wait(self._attempt(connection, backoff, _WAIT_SECONDS))
        connection.close()

    def _tell(self) -> None:
        connection = Connection(self._job)
        backoff = Backoff()
        while self._changed.wait() and not self._ended.is_set():
            self._changed.clear()
            pause = self._attempt(connection, backoff, 0.0)
            if pause:
                self._changed.set()
                self._ended.wait(pause)
        connection.close()

    def _attempt(self, connection: Connection, backoff: Backoff, wait_seconds: float) -> float:
        """One exchange; returns how long to wait before the next."""
        try:
            orders = connection.ask(Orders, "POST", self._route, self._report(wait_seconds))
        except (AuthenticationException, Forbidden, NotFound):
            self._rejections += 1
            if self._rejections >= _REJECTIONS_UNTIL_FENCED:
                self._fenced()
            return _REJECTED_PAUSE
        except TerrazulError:
            return backoff.next_pause()
        backoff.reset()
        self._rejections = 0
        if not self._ended.is_set():
            self._obey(orders)
        return 0.0
