"""Making webhooks, changing, trying and deleting them."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.errors import AlreadyExists, NotFound
from terrazul.core.ids import new_guid
from terrazul.server.sql.database import Database
from terrazul.server.sql.witness import made, removed
from terrazul.server.vault import store as sealed
from terrazul.server.vault.service.vault import Vault
from terrazul.server.vault.store import Place
from terrazul.server.webhook import rules, store
from terrazul.server.webhook.service.outbox import Notify
from terrazul.server.webhook.service.sender import Sender
from terrazul.server.webhook.store import WebhookRow
from terrazul.wire.webhook import NewWebhook, Webhook, WebhookChange, WebhookState, WebhookTrialResult

_OWNER = "webhook"


class Webhooks:
    """The webhooks of all workspaces."""

    def __init__(self, database: Database, vault: Vault, sender: Sender, clock: Clock, notify: Notify) -> None:
        self._database = database
        self._vault = vault
        self._sender = sender
        self._clock = clock
        self._notify = notify

    async def create(self, workspace: int, new: NewWebhook, user: str) -> Webhook:
        """Make a webhook; sent twice, it counts once.

        Raises ``InvalidInput``, also for an address that may not be called, and ``VaultClosed`` for one with a secret.
        """
        rules.check_id(new.webhook_id)
        rules.check_name(new.name)
        rules.check_events(new.events)
        rules.check_texts(new.description, new.secret)
        await self._sender.check(new.url)

        def work(connection: Connection) -> Webhook:
            there = store.find(connection, workspace, new.webhook_id)
            if there is not None:
                return _repeated(there.webhook, new)
            now = self._clock()
            values: dict[str, Any] = {
                "webhook_id": new.webhook_id,
                "name": new.name,
                "url": new.url,
                "events": list(dict.fromkeys(new.events)),
                "description": new.description,
                "state": new.state.value,
            }
            store.add(connection, workspace, {**values, "created_at": now, "created_by": user, "updated_at": now})
            self._keep_secret(connection, workspace, new.webhook_id, new.secret, user)
            made(connection, _OWNER, new.webhook_id)
            return _existing(connection, workspace, new.webhook_id).webhook

        return await self._database.write(work)

    async def list_all(self, workspace: int) -> list[Webhook]:
        """All of a workspace, in the order in which they were made."""
        return [each.webhook for each in await self.page(workspace, 0, None)]

    async def page(self, workspace: int, after: int, limit: int | None) -> list[WebhookRow]:
        """Those that were made after the one of a key."""
        return await self._database.read(partial(store.list_all, workspace=workspace, after=after, limit=limit))

    async def get(self, workspace: int, webhook_id: str) -> Webhook:
        """The webhook of an id. Raises ``NotFound``."""
        row = await self._database.read(partial(_existing, workspace=workspace, webhook_id=webhook_id))
        return row.webhook

    async def change(self, workspace: int, webhook_id: str, change: WebhookChange, user: str) -> Webhook:
        """Change a webhook; what waits for one that is disabled is not delivered.

        Raises as ``create``, and ``NotFound``.
        """
        if change.name is not None:
            rules.check_name(change.name)
        if change.events is not None:
            rules.check_events(change.events)
        rules.check_texts(change.description or "", change.secret or "")
        if change.url is not None:
            await self._sender.check(change.url)

        def work(connection: Connection) -> Webhook:
            row = _existing(connection, workspace, webhook_id)
            texts = {name: getattr(change, name) for name in ("name", "url", "description")}
            values: dict[str, Any] = {name: text for name, text in texts.items() if text is not None}
            if change.events is not None:
                values["events"] = list(dict.fromkeys(change.events))
            if change.state is not None:
                values["state"] = change.state.value
            if change.state is WebhookState.DISABLED:
                store.forget_deliveries(connection, row.key)
            if change.secret is not None:
                self._keep_secret(connection, workspace, webhook_id, change.secret, user)
            again = {"failures": 0, "due_at": 0, "failure": ""}  # what is other now may go well
            store.change(connection, row.key, {**values, **again, "updated_at": self._clock()})
            self._notify(connection)
            return _existing(connection, workspace, webhook_id).webhook

        return await self._database.write(work)

    async def delete(self, workspace: int, webhook_id: str) -> None:
        """Remove a webhook with its secret and what waits for it. Raises ``NotFound``; it needs no master key."""

        def work(connection: Connection) -> None:
            row = _existing(connection, workspace, webhook_id)
            removed(connection, _OWNER, webhook_id)
            sealed.delete(connection, place_of_secret(workspace, webhook_id))
            store.delete(connection, row.key)

        await self._database.write(work)

    async def try_out(self, workspace: int, webhook_id: str, kind: str | None) -> WebhookTrialResult:
        """Send an example of an event now, to a disabled webhook too. Raises ``NotFound``, ``VaultClosed``."""
        if kind is not None:
            rules.check_events([kind])

        def look(connection: Connection) -> tuple[Webhook, str | None]:
            row = _existing(connection, workspace, webhook_id)
            return row.webhook, self._vault.reveal(connection, place_of_secret(workspace, webhook_id))

        known, secret = await self._database.read(look)
        body = rules.message_of(rules.EXAMPLES[kind or known.events[0]], self._clock())
        attempt = await self._sender.send(known.url, new_guid(), body, secret)
        if attempt.status is None:
            return WebhookTrialResult(success=False, error=attempt.text)
        return WebhookTrialResult(attempt.arrived, attempt.status, attempt.text)

    def _keep_secret(self, connection: Connection, workspace: int, webhook_id: str, secret: str, user: str) -> None:
        place = place_of_secret(workspace, webhook_id)
        if secret:
            self._vault.seal(connection, place, secret, user)
        else:
            sealed.delete(connection, place)


def place_of_secret(workspace: int, webhook_id: str) -> Place:
    """Where the vault keeps what a webhook's deliveries are signed with."""
    return Place(workspace, _OWNER, webhook_id)


def _existing(connection: Connection, workspace: int, webhook_id: str) -> WebhookRow:
    row = store.find(connection, workspace, webhook_id)
    if row is None:
        raise NotFound(
            f"There is no webhook {webhook_id[:80]!r} in this workspace.",
            target=webhook_id[:80],
            hint="`terrazul webhook list` lists what there is.",
        )
    return row


def _repeated(there: Webhook, new: NewWebhook) -> Webhook:
    if (there.name, there.url) != (new.name, new.url):
        raise AlreadyExists(
            f"The id {new.webhook_id!r} is that of the webhook {there.name}.",
            target=new.webhook_id,
            hint="Make a new id for each webhook.",
        )
    return there
