"""What is sent to another server, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class OutgoingRequest(NamedTuple):
    """What is asked for, and how much of the answer's body is wanted at most, in bytes."""

    method: str
    headers: Mapping[str, str]
    body: bytes
    most: int


class OutgoingAnswer(NamedTuple):
    """What came back; of the body only as much as was asked for."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
