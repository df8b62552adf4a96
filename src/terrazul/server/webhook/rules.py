"""The events of the registry, the messages that tell of them, how they are signed, and when to try again. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from terrazul.core.clock import to_datetime
from terrazul.core.errors import InvalidInput

SECOND = 1_000_000
PATIENCE = 24 * 3600 * SECOND
"""So old a delivery may become while its receiver cannot be reached."""
PATIENCE_WITH_REFUSALS = 3600 * SECOND
"""So old a delivery may become while its receiver refuses it."""
_LONGEST_PAUSE = 600
_LONGEST_WISH = 3600
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}\Z")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?\Z", re.IGNORECASE | re.ASCII)
_TEXT_LIMIT = 5000
_SECRET_LIMIT = 1000
_GOOD = range(200, 300)
_REFUSED = range(400, 500)
_WORTH_TRYING = frozenset({408, 425, 429})

Data = Mapping[str, object]


class Event(NamedTuple):
    """Something that happened; ``kind`` is what webhooks ask for."""

    kind: str
    data: Data


def registered_model_created(name: str, tags: Mapping[str, str], description: str) -> Event:
    """A name is new."""
    return Event("registered_model.created", {"name": name, "tags": dict(tags), "description": description})


def model_version_created(
    name: str, version: int, source: str, run_id: str | None, tags: Mapping[str, str], description: str
) -> Event:
    """A name has another version."""
    told = {"source": source, "run_id": run_id, "tags": dict(tags), "description": description or None}
    return Event("model_version.created", {"name": name, "version": str(version), **told})


def tag_set(name: str, version: int, key: str, value: str) -> Event:
    """A version has a tag."""
    return Event("model_version_tag.set", {"name": name, "version": str(version), "key": key, "value": value})


def tag_deleted(name: str, version: int, key: str) -> Event:
    """A version has a tag no more."""
    return Event("model_version_tag.deleted", {"name": name, "version": str(version), "key": key})


def alias_created(name: str, alias: str, version: int) -> Event:
    """An alias stands for a version."""
    return Event("model_version_alias.created", {"name": name, "alias": alias, "version": str(version)})


def alias_deleted(name: str, alias: str) -> Event:
    """An alias stands for nothing any more."""
    return Event("model_version_alias.deleted", {"name": name, "alias": alias})


_TAGS = {"example_key": "example_value"}
EXAMPLES: Mapping[str, Event] = {
    each.kind: each
    for each in (
        registered_model_created("example_model", _TAGS, "An example registered model"),
        model_version_created("example_model", 1, "models:/123", "abcd1234abcd5678", _TAGS, "An example model version"),
        tag_set("example_model", 1, "example_key", "example_value"),
        tag_deleted("example_model", 1, "example_key"),
        alias_created("example_model", "example_alias", 1),
        alias_deleted("example_model", "example_alias"),
    )
}
"""Of each kind one, for trials."""


def message_of(event: Event, moment: int) -> str:
    """The body that tells of an event, in the form that MLflow gives it."""
    entity, _, action = event.kind.partition(".")
    told = {"entity": entity, "action": action, "timestamp": to_datetime(moment).isoformat(), "data": event.data}
    return json.dumps(told)


def headers_of(delivery_id: str, moment: int, body: str, secret: str | None) -> dict[str, str]:
    """The headers of an attempt: its id, its time in seconds, and with a secret the signature over both and the body.

    A receiver that knows the secret computes the same, and takes nothing that is old.
    """
    seconds = str(moment // SECOND)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "terrazul",
        "X-MLflow-Delivery-Id": delivery_id,
        "X-MLflow-Timestamp": seconds,
    }
    if secret:
        signed = hmac.new(secret.encode(), f"{delivery_id}.{seconds}.{body}".encode(), hashlib.sha256).digest()
        headers["X-MLflow-Signature"] = f"v1,{base64.b64encode(signed).decode()}"
    return headers


def is_delivered(status: int) -> bool:
    """Whether an answer says that a delivery has arrived; a redirection does not."""
    return status in _GOOD


def is_refused(status: int | None) -> bool:
    """Whether an answer says that the receiver does not want this delivery."""
    return status is not None and status in _REFUSED and status not in _WORTH_TRYING


def pause_after(failures: int, wish: str = "") -> int:
    """Microseconds until the next attempt, after so many that failed; ``wish`` is what ``Retry-After`` says."""
    pause: int = min(2 ** min(failures - 1, 20), _LONGEST_PAUSE)
    if wish.isascii() and wish.isdigit():
        pause = max(pause, min(int(wish[:6]), _LONGEST_WISH))
    return pause * SECOND


def check_name(name: str) -> None:
    """Raise ``InvalidInput`` unless it is a name of a webhook."""
    if not _NAME.match(name):
        raise InvalidInput(
            f"{name[:80]!r} is no name of a webhook.",
            target="name",
            hint="It has at most 63 letters, digits, '.', '_' and '-', and begins and ends with a letter or a digit.",
        )


def check_id(webhook_id: str) -> None:
    """Raise ``InvalidInput`` unless it is an id."""
    if not _ID.match(webhook_id):
        raise InvalidInput(
            f"{webhook_id[:80]!r} cannot be the id of a webhook.",
            target="webhook_id",
            hint="Use up to 64 letters, digits and '-', the first a letter or digit.",
        )


def check_events(kinds: Sequence[str]) -> None:
    """Raise ``InvalidInput`` unless these are kinds of events, one at least."""
    for kind in kinds or [""]:
        if kind not in EXAMPLES:
            raise InvalidInput(
                f"{kind[:80]!r} is no event that happens here." if kind else "A webhook asks for one event at least.",
                target="events",
                hint=f"The events are {', '.join(EXAMPLES)}.",
            )


def check_texts(description: str, secret: str) -> None:
    """Raise ``InvalidInput`` for texts that are too long, or hold what no database keeps."""
    for name, text, limit in (("description", description, _TEXT_LIMIT), ("secret", secret, _SECRET_LIMIT)):
        if len(text) > limit:
            raise InvalidInput(f"The {name} has {len(text)} characters, and may have {limit}.", target=name)
        if "\0" in text:
            raise InvalidInput(f"The {name} holds a character of code 0.", target=name)
