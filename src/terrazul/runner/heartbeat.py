"""The heartbeat: tells the server that the runner lives, and hears whether the run is to stop."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Callable

from terrazul.core.errors import AuthenticationException, Forbidden, NotFound, TerrazulError
from terrazul.node.connection import Connection
from terrazul.node.stop import Stop, StopReason
from terrazul.wire.run import Heartbeat, HeartbeatAnswer

_INTERVAL = 2.0
_REJECTIONS_UNTIL_FENCED = 3


class Pulse:
    """Beats every two seconds in a thread of its own until it is ended."""

    def __init__(
        self, connection: Connection, route: str, attempt: int, current_phase: Callable[[], str], stop: Stop
    ) -> None:
        self._connection = connection
        self._route = route
        self._attempt = attempt
        self._current_phase = current_phase
        self._stop = stop
        self._rejections = 0
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin to beat."""
        threading.Thread(target=self._beat_on, name="heartbeat", daemon=True).start()

    def end(self) -> None:
        """Beat no more."""
        self._ended.set()

    def beat(self) -> None:
        """Beat once, and obey the answer. Raises ``Unavailable`` when there is none."""
        heartbeat = Heartbeat(self._attempt, self._current_phase())
        try:
            answer = self._connection.ask(HeartbeatAnswer, "POST", self._route, heartbeat)
        except (AuthenticationException, Forbidden, NotFound):
            self._rejections += 1
            if self._rejections >= _REJECTIONS_UNTIL_FENCED:
                self._stop.order(StopReason.FENCED)
        else:
            self._rejections = 0
            self._obey(answer)

    def _beat_on(self) -> None:
        while not self._ended.is_set():
            with suppress(TerrazulError):
                self.beat()
            self._ended.wait(_INTERVAL)
        self._connection.close()

    def _obey(self, answer: HeartbeatAnswer) -> None:
        if answer.fenced:
            self._stop.order(StopReason.FENCED)
        elif answer.cancel:
            self._stop.order(StopReason.CANCELED)
