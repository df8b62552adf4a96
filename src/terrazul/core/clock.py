"""Time: integer microseconds since 1970 UTC inside, text ending in ``Z`` on the wire."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Callable, NewType

from terrazul.core.errors import InvalidInput

Microseconds = NewType("Microseconds", int)
Clock = Callable[[], Microseconds]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_END_OF_YEAR_9999 = 253_402_300_800_000_000


def now() -> Microseconds:
    """The wall clock of this machine."""
    return Microseconds(time.time_ns() // 1000)


def check_time(moment: int) -> Microseconds:
    """The number as a time between 1970 and 9999, which is what can be written as text. Raises ``InvalidInput``."""
    if not 0 <= moment < _END_OF_YEAR_9999:
        message = f"{moment} is not a time in microseconds between 1970 and 9999."
        raise InvalidInput(message, target=str(moment)[:80], hint="Give microseconds since 1970 UTC.")
    return Microseconds(moment)


def to_text(moment: int) -> str:
    """``2026-11-23T11:43:46.000001Z``; the fraction always has six digits, so texts sort as times do."""
    # several times as fast as strftime
    return to_datetime(moment).isoformat(timespec="microseconds")[: -len("+00:00")] + "Z"


def to_datetime(moment: int) -> datetime:
    """The moment as an aware UTC ``datetime``."""
    return _EPOCH + timedelta(microseconds=moment)


def from_text(text: str) -> Microseconds:
    """Read what ``to_text`` wrote; also other ISO 8601 forms, UTC where no zone is named.

    Raises ``ValueError`` for a text that is not a time.
    """
    moment = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return Microseconds((moment - _EPOCH) // timedelta(microseconds=1))
