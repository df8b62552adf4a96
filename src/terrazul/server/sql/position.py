"""Where a page of a list begins, and the mark that stands for it outside. Lists are newest first."""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

from terrazul.core.clock import check_time
from terrazul.core.errors import InvalidInput


class Position(NamedTuple):
    """After the row made at this time, with this key."""

    created_at: int
    key: int


def write_position(position: Position | None) -> str | None:
    """The mark of the next page; None where there is none."""
    if position is None:
        return None
    return base64.urlsafe_b64encode(f"{position.created_at}.{position.key}".encode()).decode()


def read_position(page: str | None) -> Position | None:
    """The position that a mark stands for. Raises ``InvalidInput``."""
    if page is None:
        return None
    try:
        created_at, key = map(int, base64.urlsafe_b64decode(page.encode("ascii")).decode("ascii").split("."))
        return Position(
            check_time(created_at), check_time(key)
        )  # a key counts rows, so a time's bounds are wide enough
    except (ValueError, binascii.Error, InvalidInput):
        raise InvalidInput(
            "The page mark is not valid.", target="page", hint="Pass next_page of the answer before."
        ) from None
