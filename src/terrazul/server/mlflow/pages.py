"""Marks of pages: where the next one begins, written so that a client only hands it back."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from terrazul.wire.mlflow.rules import invalid


def write_mark(*place: float | str | None) -> str:
    """A mark of these values."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def read_mark(mark: str, *kinds: type) -> list[Any]:
    """The values of a mark, each of its kind or missing. Raises ``InvalidParameter`` for one that is none of ours."""
    try:
        place = json.loads(base64.urlsafe_b64decode(mark.encode("ascii")))
    except (ValueError, binascii.Error, RecursionError):
        place = None
    if (
        not isinstance(place, list)
        or len(place) != len(kinds)
        or not all(each is None or type(each) in _kinds_of(kind) for each, kind in zip(place, kinds, strict=True))
        or any(isinstance(each, int) and abs(each) >= _LARGEST_INTEGER for each in place)
    ):
        raise invalid("page_token", mark[:80], "Pass the next_page_token of the answer before.")
    return place


_LARGEST_INTEGER = 2**63


def _kinds_of(kind: type) -> set[type]:
    return {int, float} if kind is float else {kind}
