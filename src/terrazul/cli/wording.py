"""Values as people read them."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timezone
from typing import Any

from terrazul.core import clock

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_KIBI = 1024
_MICROSECONDS = 1_000_000
_FRACTIONS_BELOW = 10
NOTHING = "-"


def text(value: Any) -> str:
    """Any value in one line, without characters that would steer the terminal."""
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return ", ".join(
            printable(key) if each is None else f"{printable(key)}={text(each)}" for key, each in value.items()
        )
    if isinstance(value, list):
        return ", ".join(text(each) for each in value)
    return printable(str(value))


def printable(line: str) -> str:
    """The text with control characters written out, so that a name cannot colour or clear somebody's screen."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in line)


def width(line: str) -> int:
    """The number of terminal columns that a text takes."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in line
    )


def shorten(line: str, room: int) -> str:
    """The text in at most this many columns, the last one an ellipsis where something was cut."""
    if width(line) <= room:
        return line
    kept, used = [], 1
    for each in line:
        used += width(each)
        if used > room:
            break
        kept.append(each)
    return "".join(kept) + "…"


def moment(value: Any) -> str:
    """A time of the wire: "12 s ago" within a day, else the local date and time."""
    if not value:
        return NOTHING
    at = clock.from_text(value)
    seconds = (clock.now() - at) / _MICROSECONDS
    if 0 <= seconds < _DAY:
        return f"{duration(seconds)} ago"
    return instant(value)


def instant(value: Any) -> str:
    """A time of the wire as the local date and time."""
    if not value:
        return NOTHING
    local = datetime.fromtimestamp(clock.from_text(value) / _MICROSECONDS, timezone.utc).astimezone()
    return local.strftime("%Y-%m-%d %H:%M")


def duration(seconds: float) -> str:
    """A span of time in its two largest units."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s" if seconds < _FRACTIONS_BELOW else f"{seconds:.0f} s"
    whole = int(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def size(count: Any) -> str:
    """A number of bytes."""
    if count is None:
        return NOTHING
    amount, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < _KIBI:
            break
        amount, unit = amount / _KIBI, larger
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= _FRACTIONS_BELOW else f"{amount:.1f} {unit}"


def plural(count: int, noun: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
