"""The rows of webhooks, and of the deliveries that have not arrived yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Row,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
)

from terrazul.core.clock import to_text
from terrazul.server.sql.metadata import metadata
from terrazul.wire.webhook import Webhook, WebhookState

webhook = Table(
    "webhook",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", ForeignKey("workspace.id"), nullable=False),
    Column("webhook_id", String(64), nullable=False),
    Column("name", String(63), nullable=False),
    Column("url", Text, nullable=False),
    Column("events", JSON, nullable=False),
    Column("description", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("delivered_at", BigInteger, nullable=True),
    Column("failures", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("failure", Text, nullable=False),
    UniqueConstraint("workspace", "webhook_id"),
)
"""``failures`` counts the attempts since the last one that went well; before ``due_at`` there is no other."""

delivery = Table(
    "webhook_delivery",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", Integer, nullable=False),
    Column("webhook", ForeignKey("webhook.id"), nullable=False),
    Column("delivery_id", String(36), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_webhook_delivery_webhook_id", "webhook", "id"),
)
"""Entered in the transaction of what it tells, and removed once its receiver has it."""


class WebhookRow(NamedTuple):
    """A webhook with its key inside the database."""

    key: int
    workspace: int
    webhook: Webhook
    failures: int


class DeliveryRow(NamedTuple):
    """What is to be delivered next to a webhook."""

    key: int
    delivery_id: str
    body: str
    created_at: int


_WAITING = select(func.count()).where(delivery.c.webhook == webhook.c.id).scalar_subquery().label("waiting")
_WEBHOOKS: Select[Any] = select(webhook, _WAITING)


def add(connection: Connection, workspace: int, values: dict[str, Any]) -> None:
    """Enter a webhook."""
    connection.execute(
        webhook.insert().values(workspace=workspace, delivered_at=None, failures=0, due_at=0, failure="", **values)
    )


def change(connection: Connection, key: int, values: dict[str, Any]) -> None:
    """Set columns of a webhook."""
    connection.execute(webhook.update().where(webhook.c.id == key).values(**values))


def delete(connection: Connection, key: int) -> None:
    """Remove a webhook with what waits for it."""
    forget_deliveries(connection, key)
    connection.execute(webhook.delete().where(webhook.c.id == key))


def find(connection: Connection, workspace: int, webhook_id: str) -> WebhookRow | None:
    """The webhook of an id."""
    query = _WEBHOOKS.where(webhook.c.workspace == workspace, webhook.c.webhook_id == webhook_id)
    row = connection.execute(query).first()
    return None if row is None else _row(row)


def find_by_key(connection: Connection, key: int) -> WebhookRow | None:
    """The webhook of a key."""
    row = connection.execute(_WEBHOOKS.where(webhook.c.id == key)).first()
    return None if row is None else _row(row)


def list_all(connection: Connection, workspace: int, after: int = 0, limit: int | None = None) -> list[WebhookRow]:
    """The webhooks of a workspace in the order in which they were made, beyond a key."""
    query = _WEBHOOKS.where(webhook.c.workspace == workspace, webhook.c.id > after).order_by(webhook.c.id)
    return [_row(row) for row in connection.execute(query.limit(limit))]


def asking_for(connection: Connection, workspace: int, kind: str) -> list[int]:
    """The keys of the active webhooks that ask for a kind of event."""
    query = select(webhook.c.id, webhook.c.events).where(
        webhook.c.workspace == workspace, webhook.c.state == WebhookState.ACTIVE.value
    )
    return [row.id for row in connection.execute(query) if kind in row.events]


def add_deliveries(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Enter what is to be delivered."""
    connection.execute(delivery.insert(), list(rows))


def waiting(connection: Connection) -> list[tuple[int, int]]:
    """The keys of all webhooks for which something waits, with the time before which there is no attempt."""
    has_some = select(delivery.c.id).where(delivery.c.webhook == webhook.c.id).exists()
    query = select(webhook.c.id, webhook.c.due_at).where(has_some).order_by(webhook.c.due_at)
    return [(row.id, row.due_at) for row in connection.execute(query)]


def next_delivery(connection: Connection, key: int) -> DeliveryRow | None:
    """What waits longest for a webhook."""
    columns = (delivery.c.id, delivery.c.delivery_id, delivery.c.body, delivery.c.created_at)
    row = connection.execute(select(*columns).where(delivery.c.webhook == key).order_by(delivery.c.id).limit(1)).first()
    return None if row is None else DeliveryRow(*row)


def forget_delivery(connection: Connection, key: int) -> None:
    """Remove what has arrived, or is given up."""
    connection.execute(delivery.delete().where(delivery.c.id == key))


def forget_deliveries(connection: Connection, key: int, before: int | None = None) -> int:
    """Remove what waits for a webhook, or what was entered before a time of it; returns how much that was."""
    statement = delivery.delete().where(delivery.c.webhook == key)
    if before is not None:
        statement = statement.where(delivery.c.created_at < before)
    return connection.execute(statement).rowcount


def _row(row: Row[Any]) -> WebhookRow:
    known = Webhook(
        webhook_id=row.webhook_id,
        name=row.name,
        url=row.url,
        events=row.events,
        description=row.description,
        state=WebhookState(row.state),
        created_at=to_text(row.created_at),
        created_by=row.created_by,
        updated_at=to_text(row.updated_at),
        waiting=row.waiting,
        delivered_at=None if row.delivered_at is None else to_text(row.delivered_at),
        failure=row.failure,
    )
    return WebhookRow(row.id, row.workspace, known, row.failures)
