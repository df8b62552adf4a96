"""The outbox: what happens is entered in the transaction in which it happens, for each webhook that asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.ids import new_guid
from terrazul.server.webhook import store
from terrazul.server.webhook.rules import Event, message_of

Notify = Callable[[Connection], None]
"""Has the process that delivers look, once the transaction is on disk."""


class Outbox:
    """Where events go."""

    def __init__(self, clock: Clock, notify: Notify) -> None:
        self._clock = clock
        self._notify = notify

    def add(self, connection: Connection, workspace: int, events: Sequence[Event]) -> None:
        """Enter events, part of the caller's transaction; those that nobody asks for leave nothing."""
        now = self._clock()
        rows = [
            {
                "workspace": workspace,
                "webhook": key,
                "delivery_id": new_guid(),
                "body": message_of(event, now),
                "created_at": now,
            }
            for event in events
            for key in store.asking_for(connection, workspace, event.kind)
        ]
        if rows:
            store.add_deliveries(connection, rows)
            self._notify(connection)
