"""What a change makes of a web service's settings and of what describes it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import msgspec

from terrazul.core.errors import InvalidInput, WebserviceConflict
from terrazul.server.endpoint import certificate
from terrazul.server.endpoint.rules import check_settings
from terrazul.server.endpoint.store.webservice import ServiceRow
from terrazul.wire.endpoint import ServiceSettings, WebserviceChange


def changed_settings(current: ServiceSettings, values: dict[str, object]) -> ServiceSettings:
    """The settings with other values for some. Raises ``InvalidInput`` or ``WebserviceException``."""
    known = {field.name: getattr(current, field.name) for field in fields(current)}
    for name in values:
        if name not in known:
            raise InvalidInput(
                f"There is no setting {name[:80]!r} of a web service.",
                target=name[:80],
                hint=f"The settings are {', '.join(sorted(known))}.",
            )
    try:
        changed = msgspec.convert({**known, **values}, ServiceSettings)
    except msgspec.ValidationError as problem:
        raise InvalidInput(f"The settings cannot be used: {problem}.", target="settings") from None
    check_settings(changed)
    certificate.check(changed)
    return changed


def described(row: ServiceRow, change: WebserviceChange) -> dict[str, Any]:
    """The columns of what describes a web service, as far as a change is about them."""
    values: dict[str, Any] = {}
    if change.description is not None:
        values["description"] = change.description
    if change.tags is not None or change.set_tags or change.remove_tags:
        tags = {**(row.tags if change.tags is None else change.tags), **change.set_tags}
        values["tags"] = {key: value for key, value in tags.items() if key not in change.remove_tags}
    if change.add_properties:
        for key, value in change.add_properties.items():
            if row.properties.get(key, value) != value:
                raise WebserviceConflict(
                    f"The property {key[:80]!r} has another value already, and keeps it.",
                    target=key[:80],
                    hint="Use a tag for what changes.",
                )
        values["properties"] = {**row.properties, **change.add_properties}
    return values
