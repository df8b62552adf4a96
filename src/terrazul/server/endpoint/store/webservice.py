"""The rows of web services and of their revisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
)

from terrazul.core.errors import WebserviceNotFound
from terrazul.server.sql.metadata import Json, metadata, primary_key
from terrazul.server.sql.witness import made
from terrazul.wire.endpoint import ComputeType, Deployment, ServiceError, ServiceSettings, WebserviceState

webservice = Table(
    "webservice",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", ForeignKey("workspace.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("compute_type", String(16), nullable=False),
    Column("description", Text, nullable=False),
    Column("tags", Json, nullable=False),
    Column("properties", Json, nullable=False),
    Column("deployment_id", String(64), nullable=False),
    Column("port", Integer, nullable=False, unique=True),
    Column("wanted_revision", Integer, nullable=False),
    Column("orders", Integer, nullable=False),
    Column("reloads", Integer, nullable=False),
    Column("deleting", Boolean, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("placement", Json, nullable=True),
    Column("state", String(16), nullable=False),
    Column("phase", Text, nullable=False),
    Column("error", Json, nullable=True),
    Column("orders_known", Integer, nullable=False),
    Column("orders_carried_out", Integer, nullable=False),
    Column("serving_revision", Integer, nullable=False),
    Column("healthy_revision", Integer, nullable=False),
    Column("workers", Integer, nullable=False),
    Column("reported_at", BigInteger, nullable=True),
    Column("reported_sequence", BigInteger, nullable=False, server_default="0"),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("workspace", "name"),
)
"""How a web service is to be (``wanted_revision`` … ``deleting``), and how its supervisor last said that it is."""

revision = Table(
    "webservice_revision",
    metadata,
    Column("workspace", Integer, nullable=False),
    Column("webservice", ForeignKey("webservice.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("deployment", Json, nullable=False),
    Column("settings", Json, nullable=False),
    Column("image_id", Text, nullable=False),
    Column("since_order", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    sqlite_with_rowid=False,
)


class ServiceRow(NamedTuple):
    """A web service as its table holds it."""

    key: int
    workspace: int
    name: str
    compute_type: ComputeType
    description: str
    tags: dict[str, str]
    properties: dict[str, str]
    deployment_id: str
    port: int
    wanted_revision: int
    orders: int
    reloads: int
    deleting: bool
    attempt: int
    placement: dict[str, Any] | None
    state: WebserviceState
    phase: str
    error: ServiceError | None
    orders_known: int
    orders_carried_out: int
    serving_revision: int
    healthy_revision: int
    workers: int
    reported_at: int | None
    reported_sequence: int
    created_at: int
    created_by: str
    updated_at: int


class RevisionRow(NamedTuple):
    """A revision as its table holds it; ``since_order`` is the order with which it was wanted."""

    number: int
    deployment: Deployment
    settings: ServiceSettings
    image_id: str
    since_order: int


def add(connection: Connection, values: Mapping[str, object]) -> int:
    """Enter a web service; returns its key."""
    made(connection, "webservice", str(values["name"]))
    return primary_key(connection.execute(webservice.insert().values(**values)))


def add_revision(
    connection: Connection, service: ServiceRow, new: RevisionRow, created_at: int, created_by: str
) -> None:
    """Enter a revision of a web service."""
    values = {
        "workspace": service.workspace,
        "webservice": service.key,
        "number": new.number,
        "deployment": msgspec.to_builtins(new.deployment),
        "settings": msgspec.to_builtins(new.settings),
        "image_id": new.image_id,
        "since_order": new.since_order,
        "created_at": created_at,
        "created_by": created_by,
    }
    connection.execute(revision.insert().values(**values))


def find(connection: Connection, workspace: int, name: str) -> ServiceRow | None:
    """The web service of a name."""
    query = select(webservice).where(webservice.c.workspace == workspace, webservice.c.name == name)
    row = connection.execute(query).first()
    return None if row is None else _row(row)


def existing(connection: Connection, workspace: int, name: str) -> ServiceRow:
    """The web service of a name. Raises ``WebserviceNotFound``."""
    row = find(connection, workspace, name)
    if row is None:
        raise WebserviceNotFound(
            f"There is no web service {name[:80]!r} in this workspace.",
            target=name[:80],
            hint="List what there is with `terrazul service list`.",
        )
    return row


def find_by_key(connection: Connection, key: int) -> ServiceRow | None:
    """The web service of a key."""
    row = connection.execute(select(webservice).where(webservice.c.id == key)).first()
    return None if row is None else _row(row)


def list_all(connection: Connection, workspace: int | None = None) -> list[ServiceRow]:
    """The web services of a workspace, or of all, by name."""
    query = select(webservice).order_by(webservice.c.name)
    if workspace is not None:
        query = query.where(webservice.c.workspace == workspace)
    return [_row(row) for row in connection.execute(query)]


def change(connection: Connection, key: int, values: Mapping[str, object]) -> None:
    """Set columns of a web service."""
    connection.execute(webservice.update().where(webservice.c.id == key).values(**values))


def revision_of(connection: Connection, key: int, number: int) -> RevisionRow:
    """A revision of a web service, which is there."""
    columns = (
        revision.c.number,
        revision.c.deployment,
        revision.c.settings,
        revision.c.image_id,
        revision.c.since_order,
    )
    row = connection.execute(select(*columns).where(revision.c.webservice == key, revision.c.number == number)).one()
    return RevisionRow(
        row.number,
        msgspec.convert(row.deployment, Deployment),
        msgspec.convert(row.settings, ServiceSettings),
        row.image_id,
        row.since_order,
    )


def delete(connection: Connection, key: int) -> None:
    """Remove a web service with its revisions."""
    connection.execute(revision.delete().where(revision.c.webservice == key))
    connection.execute(webservice.delete().where(webservice.c.id == key))


def ports(connection: Connection) -> set[int]:
    """The ports of all web services of all workspaces."""
    return set(connection.execute(select(webservice.c.port)).scalars())


def count_by_state(connection: Connection) -> dict[str, int]:
    """How many web services there are in each state that any is in."""
    query = select(webservice.c.state, func.count()).group_by(webservice.c.state)
    return {row[0]: row[1] for row in connection.execute(query)}


def _row(row: Row[Any]) -> ServiceRow:
    values = dict(row._mapping)  # noqa: SLF001  # SQLAlchemy's public name for it
    values["key"] = values.pop("id")
    values["compute_type"] = ComputeType(values["compute_type"])
    values["state"] = WebserviceState(values["state"])
    values["error"] = None if values["error"] is None else msgspec.convert(values["error"], ServiceError)
    return ServiceRow(**values)
