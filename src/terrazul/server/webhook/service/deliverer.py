"""The deliverer: sends what is in the outbox, each delivery until its receiver has it.

A delivery is removed only once an answer says that it has arrived, so one that a crash interrupts is sent again, under
the same id: at least once. Those to one webhook go one after another in the order of the events; webhooks do not wait
for each other.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from terrazul.core.clock import Clock, to_text
from terrazul.core.errors import DamagedContent, VaultClosed
from terrazul.server.loop import Loop
from terrazul.server.sql.database import Database
from terrazul.server.vault.service.vault import Vault
from terrazul.server.webhook import store
from terrazul.server.webhook.rules import PATIENCE, PATIENCE_WITH_REFUSALS, SECOND, is_refused, pause_after
from terrazul.server.webhook.service.sender import Attempt, Sender
from terrazul.server.webhook.service.webhooks import place_of_secret
from terrazul.server.webhook.store import DeliveryRow, WebhookRow

_log = logging.getLogger(__name__)
DELIVERER = "deliverer"
"""What processes tell each other when the one that delivers has something to do."""
_LOOK_SECONDS = 60.0
_AT_ONCE = 16
_TOLD = 300


class _Work(NamedTuple):
    """The next delivery to a webhook."""

    row: WebhookRow
    delivery: DeliveryRow
    secret: str | None


class Deliverer:
    """One loop in one process, the one that leads, and a task for each webhook that is being sent to."""

    def __init__(self, database: Database, vault: Vault, sender: Sender, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._sender = sender
        self._clock = clock
        self._loop = Loop("deliverer", self._look, _LOOK_SECONDS)
        self._busy: dict[int, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Begin; deliveries that an earlier server left are found again."""
        self._loop.start()

    async def stop(self) -> None:
        """Break off what is being sent; whoever leads next sends it again."""
        await self._loop.stop()
        for task in list(self._busy.values()):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def wake(self) -> None:
        """Look at once: something has happened that a webhook asks for."""
        self._loop.wake()

    async def _look(self) -> float:
        """Begin to send to webhooks for which something waits."""
        now = self._clock()
        for key, due_at in await self._database.read(store.waiting):
            if key in self._busy:
                continue
            if due_at > now:
                return min(_LOOK_SECONDS, (due_at - now) / SECOND)
            if len(self._busy) < _AT_ONCE:  # else whoever is done wakes the loop
                self._busy[key] = asyncio.get_running_loop().create_task(self._serve(key))
        return _LOOK_SECONDS

    async def _serve(self, key: int) -> None:
        """Send to one webhook until nothing waits for it, or an attempt fails."""
        try:
            while await self._deliver_next(key):
                pass
        except Exception:  # noqa: BLE001  # what is wrong with one webhook must not hold up the others
            _log.exception("A delivery met an error")
            await asyncio.sleep(1)
        finally:
            del self._busy[key]
            self.wake()

    async def _deliver_next(self, key: int) -> bool:
        """Make one attempt; False where nothing waits, or it failed."""
        try:
            work = await self._database.read(partial(self._find_work, key=key))
        except (VaultClosed, DamagedContent) as problem:
            await self._note(key, None, Attempt(arrived=False, status=None, text=problem.message))
            return False
        if work is None:
            return False
        attempt = await self._sender.send(
            work.row.webhook.url, work.delivery.delivery_id, work.delivery.body, work.secret
        )
        await self._note(key, work.delivery, attempt)
        return attempt.arrived

    def _find_work(self, connection: Connection, key: int) -> _Work | None:
        row = store.find_by_key(connection, key)
        delivery = store.next_delivery(connection, key)
        if row is None or delivery is None:
            return None
        secret = self._vault.reveal(connection, place_of_secret(row.workspace, row.webhook.webhook_id))
        return _Work(row, delivery, secret)

    async def _note(self, key: int, delivery: DeliveryRow | None, attempt: Attempt) -> None:
        def work(connection: Connection) -> None:
            row = store.find_by_key(connection, key)
            if row is None:
                return
            if attempt.arrived and delivery is not None:
                store.forget_delivery(connection, delivery.key)
                good = {"delivered_at": self._clock(), "failures": 0, "due_at": 0, "failure": ""}
                store.change(connection, key, good)
            else:
                self._note_failure(connection, row, delivery, attempt)

        await self._database.write(work)

    def _note_failure(
        self, connection: Connection, row: WebhookRow, delivery: DeliveryRow | None, attempt: Attempt
    ) -> None:
        now, failures = self._clock(), row.failures + 1
        told = attempt.text if attempt.status is None else f"It answered {attempt.status}: {attempt.text}"
        due_at = now + pause_after(failures, attempt.wish)
        store.change(connection, row.key, {"failures": failures, "due_at": due_at, "failure": told[:_TOLD].strip()})
        given_up = store.forget_deliveries(connection, row.key, now - PATIENCE)
        is_old = delivery is not None and delivery.created_at < now - PATIENCE_WITH_REFUSALS
        if delivery is not None and is_old and is_refused(attempt.status) and not given_up:
            store.forget_delivery(connection, delivery.key)
            given_up = 1
        if given_up:
            _log.warning(
                "The webhook %s missed %d events, the first of %s",
                row.webhook.webhook_id,
                given_up,
                to_text(delivery.created_at) if delivery else "a day ago",
            )
