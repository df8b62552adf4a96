"""The order to stop a run: given once, by anybody, noticed everywhere."""

from __future__ import annotations

import enum
import os
import signal
import threading
import time
from typing import Callable


class StopReason(enum.Enum):
    """Why a run is to end before its script does."""

    CANCELED = "the run was canceled"
    TOO_LONG = "the run took longer than its definition allows"
    MEMBER = "another member of the run has failed"
    FENCED = "another attempt has taken over, or the run has ended"


class Stopped(Exception):
    """Raised where work meets the order to stop."""


class Stop:
    """The order to stop; the first reason given is the one that holds, but for being fenced, which tops all."""

    def __init__(self) -> None:
        self.reason: StopReason | None = None
        self._ordered_at = 0.0
        self._ordered = threading.Event()
        self._listeners: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def order(self, reason: StopReason) -> None:
        """Give the order; harmless when repeated."""
        with self._lock:
            if self.reason is None:
                self._ordered_at = time.monotonic()
            if self.reason is None or reason is StopReason.FENCED:
                self.reason = reason
            self._ordered.set()
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def when_ordered(self, listener: Callable[[], None]) -> None:
        """Call the listener whenever an order is given (at once if it has been); it must be quick and not raise."""
        with self._lock:
            self._listeners.append(listener)
        if self._ordered.is_set():
            listener()

    def check(self) -> None:
        """Raise ``Stopped`` if the order has been given."""
        if self._ordered.is_set():
            raise Stopped

    def canceled_for(self, seconds: float) -> bool:
        """True when the order is to cancel and was given that long ago."""
        return self.reason is StopReason.CANCELED and time.monotonic() - self._ordered_at > seconds

    def wait(self, seconds: float) -> bool:
        """Sleep, but not beyond the order; true if it has been given."""
        return self._ordered.wait(seconds)

    def listen_to_signals(self) -> None:
        """Take SIGTERM and SIGINT as the order to cancel.

        The signal's number comes through a pipe to a thread: a handler that takes a lock could wait for the very code
        it interrupted.
        """
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        threading.Thread(target=self._obey_signals, args=(reading,), name="signals", daemon=True).start()

    def _obey_signals(self, reading: int) -> None:
        while received := os.read(reading, 64):
            if signal.SIGTERM in received or signal.SIGINT in received:
                self.order(StopReason.CANCELED)
