"""The heartbeat: tells the server that the runner lives, and hears whether the run is to stop."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Callable

from terrazul.core.errors import AuthenticationException, Forbidden, NotFound, TerrazulError
from terrazul.node.connection import Connection
from terrazul.node.stop import Stop, StopReason
from terrazul.runner.gang import Gang
from terrazul.wire.heartbeat import Heartbeat, HeartbeatAnswer

_INTERVAL = 2.0
_INTERVAL_OF_MEMBERS = 1.0
_FOR_EACH_MEMBER = 0.05
_REJECTIONS_UNTIL_FENCED = 3


class Pulse:
    """Beats every two seconds in a thread of its own until it is ended; a member of a few twice as often."""

    def __init__(
        self, connection: Connection, route: str, attempt: int, current_phase: Callable[[], str], stop: Stop, gang: Gang
    ) -> None:
        self._connection = connection
        self._route = route
        self._attempt = attempt
        self._current_phase = current_phase
        self._stop = stop
        self._gang = gang
        self._interval = _INTERVAL if gang.size == 1 else max(_INTERVAL_OF_MEMBERS, _FOR_EACH_MEMBER * gang.size)
        self._rejections = 0
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin to beat."""
        threading.Thread(target=self._beat_on, name="heartbeat", daemon=True).start()

    def end(self) -> None:
        """Beat no more."""
        self._ended.set()

    def beat(self) -> bool:
        """Beat once, and obey the answer; false where it was refused. Raises ``Unavailable`` when there is none."""
        heartbeat = Heartbeat(self._attempt, self._current_phase(), self._gang.own)
        try:
            answer = self._connection.ask(HeartbeatAnswer, "POST", self._route, heartbeat)
        except (AuthenticationException, Forbidden, NotFound):
            self._rejections += 1
            if self._rejections >= _REJECTIONS_UNTIL_FENCED:
                self._stop.order(StopReason.FENCED)
            return False
        self._rejections = 0
        self._obey(answer)
        return True

    def _beat_on(self) -> None:
        while not self._ended.is_set():
            with suppress(TerrazulError):
                self.beat()
            self._ended.wait(self._interval)
        self._connection.close()

    def _obey(self, answer: HeartbeatAnswer) -> None:
        if answer.fenced:
            self._stop.order(StopReason.FENCED)
        elif answer.cancel:
            self._stop.order(StopReason.CANCELED)
        self._gang.hear(answer.members)
