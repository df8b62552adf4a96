"""What server and supervisors tell each other: jobs, reports and orders."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

import msgspec
from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.errors import InvalidInput, WebserviceNotFound
from terrazul.server.changes import Changes
from terrazul.server.endpoint.rules import Wanted, models_in_use, state_of
from terrazul.server.endpoint.service.deployments import Deployments
from terrazul.server.endpoint.service.secrets import ServiceSecrets
from terrazul.server.endpoint.store import webservice as services
from terrazul.server.endpoint.store.webservice import RevisionRow, ServiceRow
from terrazul.server.identity.service.authentication import Identities
from terrazul.server.lineage import store as lineage
from terrazul.server.sql.database import Database
from terrazul.server.workspace import store as workspaces
from terrazul.wire.endpoint import Orders, Revision, ServiceError, ServiceJob, ServiceReport, WebserviceState
from terrazul.wire.lineage import Edge
from terrazul.wire.node import EnvironmentLimits

USER_TYPE = "webservice"
ROLE = "deployed"
_SEQUENCE_LIMIT = 2**63
Notify = Callable[[Connection, int], None]
"""Tells who waits for a web service, once the transaction is on disk."""


class JobFacts(Protocol):
    """What a job says of the server. The address is known once the server listens."""

    server_url: str
    environments_folder: str
    environment_limits: EnvironmentLimits


class _Standing(NamedTuple):
    """A web service with the revisions that its supervisor may have to serve."""

    row: ServiceRow
    wanted: RevisionRow
    fallback: RevisionRow | None


def waited_for(key: int) -> tuple[str, int]:
    """What one waits for with ``Changes``, to see a change of a web service."""
    return USER_TYPE, key


class Supervision:
    """Speaks with the supervisors of all web services."""

    def __init__(
        self,
        database: Database,
        deployments: Deployments,
        identities: Identities,
        changes: Changes,
        clock: Clock,
        notify: Notify,
        facts: JobFacts,
        host: str,
        secrets: ServiceSecrets,
    ) -> None:
        self._database = database
        self._deployments = deployments
        self._identities = identities
        self._changes = changes
        self._clock = clock
        self._notify = notify
        self._facts = facts
        self._host = host
        self._secrets = secrets

    async def exchange(self, workspace: int, name: str, report: ServiceReport) -> Orders:
        """Take a report; the answer is the orders, kept back until there are newer ones than the supervisor knows."""
        if not 0 <= report.sequence < _SEQUENCE_LIMIT:
            raise InvalidInput(f"{report.sequence} is not the number of a report.", target="sequence")
        standing = await self._database.write(partial(self._take, workspace=workspace, name=name, report=report))
        if not _has_news(standing.row, report):
            key = standing.row.key

            async def look() -> _Standing | None:
                found = await self._database.read(partial(_standing, key=key))
                return found if _has_news(found.row, report) else None

            standing = await self._changes.wait_until(waited_for(key), look, report.wait_seconds) or standing
        return await self._orders(standing, report)

    def make_job(self, connection: Connection, row: ServiceRow) -> ServiceJob:
        """The job of the next attempt to run a supervisor, with a fresh token; part of the caller's transaction."""
        workspace = workspaces.get(connection, row.workspace).workspace
        values: dict[str, Any] = {
            "attempt": row.attempt + 1,
            "reported_sequence": 0,
            "serving_revision": 0,
            "workers": 0,
            "phase": "",
            "state": WebserviceState.TRANSITIONING.value,
            "error": None,
        }
        services.change(connection, row.key, values)
        self._notify(connection, row.key)
        return ServiceJob(
            server_url=self._facts.server_url,
            token=self._identities.make_webservice_token(connection, row.workspace, workspace.workspace_id, row.name),
            workspace_id=workspace.workspace_id,
            workspace_name=workspace.name,
            environments_folder=self._facts.environments_folder,
            name=row.name,
            attempt=row.attempt + 1,
            host=self._host,
            port=row.port,
            environment_limits=self._facts.environment_limits,
        )

    def lament(self, connection: Connection, key: int, error: ServiceError) -> None:
        """Note that no supervisor stays alive long enough to report; part of the caller's transaction."""
        row = services.find_by_key(connection, key)
        if row is not None:
            state = WebserviceState.UNHEALTHY if row.healthy_revision else WebserviceState.FAILED
            services.change(connection, key, {"state": state.value, "error": msgspec.to_builtins(error)})
            self._notify(connection, key)

    def forget(self, connection: Connection, row: ServiceRow) -> None:
        """Remove all that is known of a web service that has ended; part of the caller's transaction."""
        services.delete(connection, row.key)
        self._secrets.remove(connection, row)
        lineage.remove_user(connection, row.workspace, USER_TYPE, row.name)
        self._identities.revoke_webservice_token(connection, row.workspace, row.name)
        self._notify(connection, row.key)

    def _take(self, connection: Connection, workspace: int, name: str, report: ServiceReport) -> _Standing:
        standing = _standing(connection, services.existing(connection, workspace, name).key)
        row = standing.row
        if report.attempt != row.attempt or report.sequence < row.reported_sequence:
            return standing
        values = self._values(standing, report)
        heard = {"reported_at": self._clock(), "reported_sequence": report.sequence}
        services.change(connection, row.key, {**values, **heard})
        if any(getattr(row, column) != value for column, value in values.items() if column != "error") or (
            row.error != report.error
        ):
            self._notify(connection, row.key)
        if values["healthy_revision"] != row.healthy_revision:
            standing = _standing(connection, row.key)
            note_models(connection, standing.row)
        return standing

    def _values(self, standing: _Standing, report: ServiceReport) -> dict[str, Any]:
        row = standing.row
        state = state_of(report, Wanted(row.wanted_revision, standing.wanted.since_order, bool(row.healthy_revision)))
        return {
            "state": state.value,
            "phase": report.phase,
            "error": None if report.error is None else msgspec.to_builtins(report.error),
            "orders_known": max(row.orders_known, report.known_order),
            "orders_carried_out": max(row.orders_carried_out, report.order),
            "serving_revision": report.serving_revision,
            "healthy_revision": report.serving_revision or row.healthy_revision,
            "workers": report.workers,
        }

    async def _orders(self, standing: _Standing, report: ServiceReport) -> Orders:
        row, wanted, fallback = standing
        orders = Orders(row.orders, row.attempt, reloads=row.reloads, stop=row.deleting)
        if report.attempt != row.attempt or row.orders <= report.known_order:
            return orders
        needs_keys = any(each.settings.auth_enabled for each in (wanted, fallback) if each is not None)
        return Orders(
            order=row.orders,
            attempt=row.attempt,
            revision=await self._revision(row, wanted),
            fallback=None if fallback is None else await self._revision(row, fallback),
            keys=await self._database.read(partial(self._secrets.keys, row=row)) if needs_keys else None,
            reloads=row.reloads,
            stop=row.deleting,
        )

    async def _revision(self, row: ServiceRow, revision: RevisionRow) -> Revision:
        whole = await self._database.read(partial(self._secrets.whole, row=row, revision=revision))
        return await self._deployments.revision(row.workspace, whole)


def note_models(connection: Connection, row: ServiceRow) -> None:
    """Let lineage know which models a web service uses: those of the wanted and of the serving revision."""
    standing = _standing(connection, row.key)
    revisions = [each for each in (standing.wanted, standing.fallback) if each is not None]
    used = models_in_use(each.deployment for each in revisions)
    images = {each.image_id for each in revisions if each.image_id}
    edges = [Edge(USER_TYPE, row.name, "model", model_id, ROLE) for model_id in used]
    edges += [Edge(USER_TYPE, row.name, "image", image_id, ROLE) for image_id in sorted(images)]
    lineage.remove_user(connection, row.workspace, USER_TYPE, row.name)
    lineage.add(connection, row.workspace, edges)


def _has_news(row: ServiceRow, report: ServiceReport) -> bool:
    return row.orders > report.known_order or row.attempt != report.attempt


def _standing(connection: Connection, key: int) -> _Standing:
    row = services.find_by_key(connection, key)
    if row is None:
        raise WebserviceNotFound("The web service is not there any more.")
    wanted = services.revision_of(connection, key, row.wanted_revision)
    other = row.healthy_revision not in {0, row.wanted_revision}
    return _Standing(row, wanted, services.revision_of(connection, key, row.healthy_revision) if other else None)
