"""Who watches the writes of a task: told, within the transaction of each, of what it makes, removes and lets out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from sqlalchemy import Connection

_KEY = "witness"


class Witness(Protocol):
    """All methods are called in the writer's thread; what they write is undone with the write that they watch."""

    def begins(self) -> None:
        """A write begins."""

    def tell(self, connection: Connection, change: str, kind: str, ids: Sequence[str], reason: str = "") -> None:
        """Things were ``created``, ``changed``, ``shown`` or ``deleted``, for a reason that is worth telling."""

    def tell_refusal(self, connection: Connection, kind: str, object_id: str, reason: str) -> None:
        """A part of the write was refused, and the rest goes on."""

    def ends(self, connection: Connection) -> None:
        """The write has done what it is for, and is about to be committed."""


witness: ContextVar[Witness | None] = ContextVar("witness", default=None)
"""Who watches what the current task writes."""


@contextmanager
def watched_by(who: Witness) -> Iterator[None]:
    """Let somebody watch what this task writes inside."""
    before = witness.set(who)
    try:
        yield
    finally:
        witness.reset(before)


@contextmanager
def unwatched() -> Iterator[None]:
    """Let nobody watch what this task writes inside."""
    before = witness.set(None)
    try:
        yield
    finally:
        witness.reset(before)


def watch(connection: Connection, by: Witness | None) -> None:
    """Let somebody, or nobody, be told of what follows."""
    connection.info[_KEY] = by


def made(connection: Connection, kind: str, *ids: str) -> None:
    """Tell who watches that things were made, part of the caller's transaction."""
    _tell(connection, "created", kind, ids)


def changed(connection: Connection, kind: str, *ids: str, reason: str = "") -> None:
    """Tell who watches that things were changed which the request does not name by its address."""
    _tell(connection, "changed", kind, ids, reason)


def shown(connection: Connection, kind: str, *ids: str) -> None:
    """Tell who watches that what is secret of things goes to the caller, part of the caller's transaction."""
    _tell(connection, "shown", kind, ids)


def removed(connection: Connection, kind: str, *ids: str, reason: str = "") -> None:
    """Tell who watches that things were removed, part of the caller's transaction."""
    _tell(connection, "deleted", kind, ids, reason)


def refused(connection: Connection, kind: str, object_id: str, reason: str) -> None:
    """Tell who watches that a part of a write was refused."""
    by: Witness | None = connection.info.get(_KEY)
    if by is not None:
        by.tell_refusal(connection, kind, object_id, reason)


def _tell(connection: Connection, change: str, kind: str, ids: Sequence[str], reason: str = "") -> None:
    by: Witness | None = connection.info.get(_KEY)
    if by is not None and ids:
        by.tell(connection, change, kind, ids, reason)
