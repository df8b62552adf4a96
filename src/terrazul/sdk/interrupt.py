"""Ctrl-C, also where Python loses it: what is raised in a finalizer or a callback is printed there and forgotten."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Optional, final


@final
class Interrupts:
    """While this is entered, a Ctrl-C that was lost is raised by the next ``check``.

    It stays out of threads other than the first one, and of programs that handle Ctrl-C by themselves.
    """

    def __init__(self) -> None:
        self._came = False
        self._is_ours = False

    def __enter__(self) -> Interrupts:
        """Begin to listen."""
        is_first = threading.current_thread() is threading.main_thread()
        if is_first and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._note)
            self._is_ours = True
        return self

    def __exit__(self, *_problem: object) -> None:
        """Leave it to Python again."""
        if self._is_ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def check(self) -> None:
        """Raise ``KeyboardInterrupt`` where one has come."""
        if self._came:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: Optional[FrameType]) -> None:
        self._came = True
        signal.default_int_handler(number, frame)
