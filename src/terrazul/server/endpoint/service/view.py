"""Web services as they are told, and the filters of a list of them."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from terrazul.core.clock import to_text
from terrazul.server.endpoint.store.webservice import RevisionRow, ServiceRow
from terrazul.wire.endpoint import ComputeType, ServiceSettings, Webservice

_EVERYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104  # asked for by whoever sets it


class Filter(NamedTuple):
    """Which web services a list holds; what is None does not matter."""

    compute_type: str | None = None
    model_name: str | None = None
    model_id: str | None = None
    image_id: str | None = None
    tags: Sequence[tuple[str, str | None]] = ()
    properties: Sequence[tuple[str, str | None]] = ()


def describe(row: ServiceRow, revision: RevisionRow, host: str) -> Webservice:
    """A web service with its wanted revision; ``host`` is where web services listen. Its secrets stay here."""
    address = _address(row, revision.settings, host)
    return Webservice(
        name=row.name,
        compute_type=row.compute_type,
        state=row.state,
        scoring_uri=f"{address}/score",
        swagger_uri=f"{address}/swagger.json",
        auth_enabled=revision.settings.auth_enabled,
        description=row.description,
        tags=row.tags,
        properties=row.properties,
        created_at=to_text(row.created_at),
        created_by=row.created_by,
        updated_at=to_text(row.updated_at),
        revision=row.wanted_revision,
        serving_revision=row.serving_revision,
        deployment=revision.deployment,
        settings=replace(revision.settings, ssl_key=""),
        port=row.port,
        error=row.error,
        workers=row.workers,
        image_id=revision.image_id,
        phase=row.phase,
    )


def _address(row: ServiceRow, settings: ServiceSettings, host: str) -> str:
    if settings.ssl_enabled and settings.ssl_cname:
        host = settings.ssl_cname
    elif row.compute_type is ComputeType.LOCAL:
        host = "localhost"
    elif host in _EVERYWHERE:
        host = socket.gethostname()
    elif ":" in host:
        host = f"[{host}]"
    return f"{'https' if settings.ssl_enabled else 'http'}://{host}:{row.port}"


def matches(service: Webservice, wanted: Filter) -> bool:
    """Whether a filter lets a web service through."""
    models = service.deployment.models
    return (
        wanted.compute_type in {None, service.compute_type.value}
        and (wanted.model_id is None or wanted.model_id in models)
        and (wanted.model_name is None or wanted.model_name in {each.rpartition(":")[0] for each in models})
        and wanted.image_id in {None, service.image_id}
        and all(key in service.tags and value in {None, service.tags[key]} for key, value in wanted.tags)
        and all(
            key in service.properties and value in {None, service.properties[key]} for key, value in wanted.properties
        )
    )
