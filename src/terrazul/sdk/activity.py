"""The activity log as a client reads it."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Dict, List, Mapping, NamedTuple, Optional, Union

from terrazul.core.errors import InvalidInput
from terrazul.sdk.client import Client, Request
from terrazul.wire.activity import ActivityCheck, ActivityLine, ActivityPage, Chain
from terrazul.wire.codec import from_plain

Time = Union[str, datetime, None]
PATH = "/activity"
_PAGE = 1000


class ActivityFilter(NamedTuple):
    """Which lines are asked for; ``None`` asks for all."""

    since: Time = None
    until: Time = None
    user: Optional[str] = None
    action: Optional[str] = None
    object_type: Optional[str] = None
    object_id: Optional[str] = None
    result: Optional[str] = None

    def query(self) -> Dict[str, Optional[str]]:
        """As the query of an address."""
        times = {"since": _time(self.since), "until": _time(self.until)}
        return {**self._asdict(), **times}


def list_activity(
    client: Client, wanted: ActivityFilter, most: int, more: Mapping[str, Optional[str]]
) -> List[ActivityLine]:
    """At most so many lines, newest first; ``more`` is what else the address takes."""
    if most < 1:
        message = f"A list holds at least one line, not {most}."
        raise InvalidInput(message, target="max_results")
    lines: List[ActivityLine] = []
    page: Optional[str] = None
    while len(lines) < most:
        query = {**wanted.query(), **more, "limit": str(min(_PAGE, most - len(lines))), "page": page}
        answer = client.get(ActivityPage, PATH, query)
        lines += answer.lines
        page = answer.next_page
        if page is None:
            break
    return lines


def export_request(wanted: ActivityFilter, form: str, more: Mapping[str, Optional[str]]) -> Request:
    """What one sends for an export; the answer is a stream of bytes."""
    return Request("GET", f"{PATH}/export", {**wanted.query(), **more, "form": form})


def verify_file(path: str, known: Mapping[int, str]) -> ActivityCheck:
    """Check an export in JSON Lines without a server; ``known`` are hashes that somebody noted, by sequence.

    Raises ``InvalidInput`` for a line that cannot be one, and ``OSError``.
    """
    chain = Chain(complete=False, known=known)
    with Path(path).open("rb") as file:
        for number, text in enumerate(file, 1):
            if not chain.follow(_line(path, number, text)):
                break
    return chain.check()


def _line(path: str, number: int, text: bytes) -> ActivityLine:
    try:
        line = from_plain(ActivityLine, json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError):
        line = None
    if line is None or type(line.sequence) is not int:
        message = f"Line {number} of {path} is no line of an activity log."
        raise InvalidInput(message, target=path, hint="Export it with `terrazul activity export --form jsonl`.")
    return line


def _time(moment: Time) -> Optional[str]:
    if not isinstance(moment, datetime):
        return moment
    aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return aware.astimezone(timezone.utc).isoformat()
