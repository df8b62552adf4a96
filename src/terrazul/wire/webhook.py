"""Webhooks: addresses that are told what happens in the registry of a workspace."""

from __future__ import annotations

import enum
from dataclasses import field
from typing import List, Optional

from terrazul.core.dataclass import dataclass

EVENTS = (
    "registered_model.created",
    "model_version.created",
    "model_version_tag.set",
    "model_version_tag.deleted",
    "model_version_alias.created",
    "model_version_alias.deleted",
)
"""What a webhook can be told of."""


class WebhookState(str, enum.Enum):
    """Whether a webhook is told of events."""

    ACTIVE = "Active"
    DISABLED = "Disabled"


@dataclass(frozen=True)
class NewWebhook:
    """A webhook as a client asks for it; sent twice, it counts once."""

    webhook_id: str
    """A new id, made by the client."""
    name: str
    url: str
    events: List[str]
    """Such as ``model_version.created``."""
    description: str = ""
    secret: str = field(default="", repr=False)
    """What deliveries are signed with; they are not signed where it is empty."""
    state: WebhookState = WebhookState.ACTIVE


@dataclass(frozen=True)
class WebhookChange:
    """What changes of a webhook; ``None`` leaves a field as it is."""

    name: Optional[str] = None
    url: Optional[str] = None
    events: Optional[List[str]] = None
    description: Optional[str] = None
    secret: Optional[str] = field(default=None, repr=False)
    """An empty one ends the signing."""
    state: Optional[WebhookState] = None


@dataclass(frozen=True)
class Webhook:
    """A webhook without its secret."""

    webhook_id: str
    name: str
    url: str
    events: List[str]
    description: str
    state: WebhookState
    created_at: str
    created_by: str
    updated_at: str
    waiting: int
    """Deliveries that have not arrived yet."""
    delivered_at: Optional[str] = None
    """When one last arrived."""
    failure: str = ""
    """Why the last attempt failed; empty after one that went well."""


@dataclass(frozen=True)
class WebhookTrial:
    """What to try a webhook with; ``None`` takes its first event."""

    event: Optional[str] = None


@dataclass(frozen=True)
class WebhookTrialResult:
    """What came of a trial."""

    success: bool
    status: Optional[int] = None
    body: str = ""
    """How the answer begins."""
    error: str = ""
    """Why there was no answer."""
