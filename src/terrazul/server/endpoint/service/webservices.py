"""Deploying, finding, changing, following and deleting web services."""

from __future__ import annotations

import asyncio
import secrets
import socket
import string
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.errors import (
    InvalidInput,
    Unavailable,
    WebserviceConflict,
    WebserviceExists,
)
from terrazul.server.changes import LONGEST_WAIT, Changes
from terrazul.server.endpoint import certificate
from terrazul.server.endpoint.kind import EndpointKind
from terrazul.server.endpoint.rules import (
    Content,
    check_keys,
    check_new,
    choose_port,
    makes_revision,
)
from terrazul.server.endpoint.service.change import changed_settings, described
from terrazul.server.endpoint.service.deployments import Deployments
from terrazul.server.endpoint.service.images import find_image
from terrazul.server.endpoint.service.keeper import KEEPER
from terrazul.server.endpoint.service.secrets import ServiceSecrets
from terrazul.server.endpoint.service.supervision import Notify, note_models, waited_for
from terrazul.server.endpoint.service.view import Filter, describe, matches
from terrazul.server.endpoint.store import webservice as services
from terrazul.server.endpoint.store.webservice import RevisionRow, ServiceRow
from terrazul.server.sql.database import Database, tell
from terrazul.server.sql.witness import removed
from terrazul.server.workspace.service import Hindrance
from terrazul.server.workspace.store import WorkspaceRow
from terrazul.wire.endpoint import (
    Deployment,
    KeyChoice,
    NewWebservice,
    Webservice,
    WebserviceChange,
    WebserviceKeys,
    WebserviceState,
)

_KEY_CHARACTERS = string.ascii_letters + string.digits
_KEY_LENGTH = 32
_KEY_PATIENCE = 10.0
_MOST_LINES = 100_000


class Place(NamedTuple):
    """Where web services are run, and where they listen."""

    kind: EndpointKind
    host: str
    first_port: int


def webservices_in(connection: Connection, workspace: int) -> Hindrance | None:
    """The web services, if any, as what keeps their workspace from being removed."""
    names = [row.name for row in services.list_all(connection, workspace)]
    if not names:
        return None
    return Hindrance(f"there are the web services {', '.join(names)}", "Delete them first.")


class _Chosen(NamedTuple):
    deployment: Deployment
    image_id: str


class Webservices:
    """The web services of all workspaces."""

    def __init__(
        self,
        database: Database,
        deployments: Deployments,
        place: Place,
        changes: Changes,
        clock: Clock,
        notify: Notify,
        wake: Callable[[], None],
        secrets: ServiceSecrets,
    ) -> None:
        self._database = database
        self._deployments = deployments
        self._place = place
        self._changes = changes
        self._clock = clock
        self._notify = notify
        self._wake = wake
        self._secrets = secrets

    async def deploy(self, workspace: WorkspaceRow, new: NewWebservice, user: str) -> Webservice:
        """Write down that there is to be a web service; sent twice, it counts once.

        Raises ``WebserviceException`` for what cannot be served as it is described, ``ModelNotFoundException``,
        ``WebserviceExists`` where the name is taken and ``overwrite`` is not set, ``Conflict`` for a port that is.
        """
        check_new(new)
        certificate.check(new.settings)
        deployment, image_id = await self._chosen(workspace.key, new.deployment, new.image_id)
        content = Content(deployment, new.settings, image_id)
        work = partial(self._deploy, workspace=workspace, new=new, content=content, user=user)
        service = await self._database.write(work)
        self._wake()
        return service

    async def get(self, workspace: int, name: str) -> Webservice:
        """The web service of a name. Raises ``WebserviceNotFound``."""
        return await self._database.read(partial(self._load, workspace=workspace, name=name))

    async def search(self, workspace: int, wanted: Filter) -> list[Webservice]:
        """The web services that a filter lets through, by name."""

        def work(connection: Connection) -> list[Webservice]:
            return [self._describe(connection, row) for row in services.list_all(connection, workspace)]

        return [service for service in await self._database.read(work) if matches(service, wanted)]

    async def wait(
        self, workspace: int, name: str, state: str | None, revision: int | None, seconds: float
    ) -> Webservice:
        """The web service, as soon as it is in another state, or another revision of it is wanted, than these.

        Without a state: as soon as it does not change any more by itself. When the time is over, as it is then.
        """
        key = (await self._database.read(partial(services.existing, workspace=workspace, name=name))).key

        async def look() -> Webservice | None:
            service = await self.get(workspace, name)
            state_differs = (
                service.state is not WebserviceState.TRANSITIONING if state is None else (service.state.value != state)
            )
            return service if state_differs or revision not in {None, service.revision} else None

        found = await self._changes.wait_until(waited_for(key), look, seconds)
        return found or await self.get(workspace, name)

    async def change(self, workspace: int, name: str, change: WebserviceChange, user: str) -> Webservice:
        """Change a web service; another deployment, other models or settings are a new revision.

        Raises as ``deploy`` does.
        """
        chosen = None
        if change.deployment is not None or change.image_id:
            chosen = await self._chosen(workspace, change.deployment, change.image_id)
        work = partial(self._change, workspace=workspace, name=name, change=change, chosen=chosen, user=user)
        service = await self._database.write(work)
        self._wake()
        return service

    async def keys(self, workspace: int, name: str) -> WebserviceKeys:
        """Both keys. Raises ``WebserviceConflict`` for a web service that asks for none."""

        def work(connection: Connection) -> WebserviceKeys:
            return self._secrets.keys(connection, self._with_keys(connection, workspace, name))

        return await self._database.read(work)

    async def make_key(self, workspace: int, name: str, choice: KeyChoice, user: str) -> WebserviceKeys:
        """Make a key anew; the answer comes when the old one opens nothing any more."""
        which = choice.which.lower()
        if which not in {"primary", "secondary"}:
            raise InvalidInput(
                f"There is no key {choice.which[:80]!r}.", target="which", hint="Say Primary or Secondary."
            )
        check_keys(WebserviceKeys(choice.key, ""))

        def work(connection: Connection) -> tuple[ServiceRow, WebserviceKeys]:
            row = self._with_keys(connection, workspace, name)
            key = choice.key or _new_key()
            new = WebserviceKeys(key, "") if which == "primary" else WebserviceKeys("", key)
            self._secrets.put_keys(connection, row, new, user)
            self._order(connection, row, {})
            return services.existing(connection, workspace, name), self._secrets.keys(connection, row)

        row, keys = await self._database.write(work)
        if await asyncio.to_thread(self._place.kind.is_alive, row.placement or {}):
            await self._until(row, lambda now: now.orders_known >= row.orders, _KEY_PATIENCE)
        return keys

    async def reload(self, workspace: int, name: str) -> Webservice:
        """Have all workers started anew, one after another; the answer comes when they have been."""

        def work(connection: Connection) -> ServiceRow:
            row = self._undeleted(connection, workspace, name)
            self._order(connection, row, {"reloads": row.reloads + 1})
            return services.existing(connection, workspace, name)

        row = await self._database.write(work)
        await self._until(row, lambda now: now.orders_carried_out >= row.orders, LONGEST_WAIT)
        return await self.get(workspace, name)

    async def log(self, workspace: int, name: str, lines: int) -> str:
        """The last lines that supervisor and entry script have said."""
        if not 1 <= lines <= _MOST_LINES:
            raise InvalidInput(f"{lines} is no number of lines.", target="lines", hint=f"Give 1 to {_MOST_LINES}.")
        row = await self._database.read(partial(services.existing, workspace=workspace, name=name))
        return await asyncio.to_thread(self._place.kind.log, row.placement or {}, lines)

    async def delete(self, workspace: int, name: str) -> None:
        """End a web service and remove all of it; its name and its port are free when this returns.

        Raises ``Unavailable`` where it takes too long; it goes on by itself then.
        """

        def work(connection: Connection) -> ServiceRow:
            row = services.existing(connection, workspace, name)
            if not row.deleting:
                self._order(connection, row, {"deleting": True})
                removed(connection, "webservice", name)
            return row

        row = await self._database.write(work)
        self._wake()
        if not await self._until(row, lambda _: False, LONGEST_WAIT):
            raise Unavailable(
                f"The web service {name!r} is still being removed.", target=name, hint="Ask again in a moment."
            )

    async def _until(self, row: ServiceRow, holds: Callable[[ServiceRow], bool], seconds: float) -> bool:
        """Wait until something holds of a web service, or it is gone; false when the time was over before."""

        async def look() -> bool | None:
            now = await self._database.read(partial(services.find_by_key, key=row.key))
            return True if now is None or holds(now) else None

        return bool(await self._changes.wait_until(waited_for(row.key), look, seconds))

    async def _chosen(self, workspace: int, deployment: Deployment | None, image_id: str) -> _Chosen:
        """What is to be served: a deployment that has been looked at, or that of an image."""
        if deployment is None:
            image = await self._database.read(partial(find_image, workspace=workspace, image_id=image_id))
            return _Chosen(image.deployment, image.id)
        await self._deployments.check(workspace, deployment)
        return _Chosen(deployment, "")

    def _deploy(
        self, connection: Connection, workspace: WorkspaceRow, new: NewWebservice, content: Content, user: str
    ) -> Webservice:
        row = services.find(connection, workspace.key, new.name)
        if row is not None and row.deployment_id == new.deployment_id:
            return self._describe(connection, row)
        if row is not None and not new.overwrite:
            raise WebserviceExists(
                f"The web service {new.name!r} exists already.",
                target=new.name,
                hint="Take another name, pass overwrite=True to replace what it serves, or change it with update().",
            )
        deployment = self._deployments.settle(connection, workspace.key, content.deployment)
        content = content._replace(deployment=deployment)
        if row is None:
            self._add(connection, workspace, new, content, user)
        else:
            self._overwrite(connection, self._undeleted(connection, workspace.key, new.name), new, content, user)
        return self._load(connection, workspace.key, new.name)

    def _add(
        self, connection: Connection, workspace: WorkspaceRow, new: NewWebservice, content: Content, user: str
    ) -> None:
        port = choose_port(new.port, self._place.first_port, services.ports(connection), self._is_free)
        now = self._clock()
        values = {
            "workspace": workspace.key,
            "name": new.name,
            "compute_type": new.compute_type.value,
            "description": new.description,
            "tags": new.tags,
            "properties": new.properties,
            "deployment_id": new.deployment_id,
            "port": port,
            "wanted_revision": 1,
            "orders": 1,
            "reloads": 0,
            "deleting": False,
            "attempt": 0,
            "placement": self._place.kind.place(workspace.workspace.workspace_id, new.name),
            "state": WebserviceState.TRANSITIONING.value,
            "phase": "",
            "orders_known": 0,
            "orders_carried_out": 0,
            "serving_revision": 0,
            "healthy_revision": 0,
            "workers": 0,
            "created_at": now,
            "created_by": user,
            "updated_at": now,
        }
        services.add(connection, values)
        row = services.existing(connection, workspace.key, new.name)
        keys = new.keys or WebserviceKeys("", "")
        made = WebserviceKeys(keys.primary or _new_key(), keys.secondary or _new_key())
        self._secrets.put_keys(connection, row, made, user)
        self._secrets.add_revision(connection, row, RevisionRow(1, *content, since_order=1), now, user)
        note_models(connection, row)
        tell(connection, KEEPER)

    def _overwrite(
        self, connection: Connection, row: ServiceRow, new: NewWebservice, content: Content, user: str
    ) -> None:
        if new.port not in {None, row.port}:
            raise WebserviceConflict(
                f"The web service {new.name!r} answers at port {row.port}, which stays with it.",
                target=str(new.port),
                hint="Leave the port out, or delete the web service and deploy it anew.",
            )
        if new.keys is not None:
            self._secrets.put_keys(connection, row, new.keys, user)
        values = {
            "compute_type": new.compute_type.value,
            "description": new.description,
            "tags": new.tags,
            "properties": new.properties,
            "deployment_id": new.deployment_id,
        }
        self._order_revision(connection, row, content, values, user)

    def _change(
        self,
        connection: Connection,
        workspace: int,
        name: str,
        change: WebserviceChange,
        chosen: _Chosen | None,
        user: str,
    ) -> Webservice:
        row = self._undeleted(connection, workspace, name)
        revision = services.revision_of(connection, row.key, row.wanted_revision)
        if chosen is not None or change.models is not None or change.settings is not None:
            revision = self._secrets.whole(connection, row, revision)
        current = Content(revision.deployment, revision.settings, revision.image_id)
        changed = self._changed_content(connection, workspace, current, change, chosen)
        values = described(row, change)
        failed = row.error is not None and row.serving_revision != row.wanted_revision
        if changed is not current and makes_revision(current, changed, failed=failed):
            self._order_revision(connection, row, changed, values, user)
        elif values:
            services.change(connection, row.key, {**values, "updated_at": self._clock()})
            self._notify(connection, row.key)
        return self._load(connection, workspace, name)

    def _changed_content(
        self,
        connection: Connection,
        workspace: int,
        current: Content,
        change: WebserviceChange,
        chosen: _Chosen | None,
    ) -> Content:
        """What is to be served after a change; the very same object where the change is about something else."""
        if chosen is None and change.models is None and change.settings is None:
            return current
        deployment, image_id = chosen or (current.deployment, current.image_id)
        if change.models is not None:
            deployment, image_id = replace(deployment, models=change.models), ""
        settings = changed_settings(current.settings, change.settings or {})
        return Content(self._deployments.settle(connection, workspace, deployment), settings, image_id)

    def _order_revision(
        self, connection: Connection, row: ServiceRow, content: Content, values: dict[str, Any], user: str
    ) -> None:
        """Want a new revision, part of the caller's transaction."""
        number, now = row.wanted_revision + 1, self._clock()
        revision = RevisionRow(number, *content, since_order=row.orders + 1)
        self._secrets.add_revision(connection, row, revision, now, user)
        fresh = {"wanted_revision": number, "state": WebserviceState.TRANSITIONING.value, "phase": "", "error": None}
        self._order(connection, row, {**values, **fresh, "updated_at": now})
        note_models(connection, services.existing(connection, row.workspace, row.name))

    def _order(self, connection: Connection, row: ServiceRow, values: dict[str, Any]) -> None:
        services.change(connection, row.key, {**values, "orders": row.orders + 1})
        self._notify(connection, row.key)
        tell(connection, KEEPER)

    def _undeleted(self, connection: Connection, workspace: int, name: str) -> ServiceRow:
        row = services.existing(connection, workspace, name)
        if row.deleting:
            raise WebserviceConflict(
                f"The web service {name!r} is being deleted.", target=name, hint="Wait until it is gone."
            )
        return row

    def _with_keys(self, connection: Connection, workspace: int, name: str) -> ServiceRow:
        row = self._undeleted(connection, workspace, name)
        if not services.revision_of(connection, row.key, row.wanted_revision).settings.auth_enabled:
            raise WebserviceConflict(
                f"The web service {name!r} asks for no key.", target=name, hint="Update it with auth_enabled=True."
            )
        return row

    def _is_free(self, port: int) -> bool:
        family = socket.AF_INET6 if ":" in self._place.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self._place.host, port))
            except OSError:
                return False
        return True

    def _describe(self, connection: Connection, row: ServiceRow) -> Webservice:
        return describe(row, services.revision_of(connection, row.key, row.wanted_revision), self._place.host)

    def _load(self, connection: Connection, workspace: int, name: str) -> Webservice:
        return self._describe(connection, services.existing(connection, workspace, name))


def _new_key() -> str:
    return "".join(secrets.choice(_KEY_CHARACTERS) for _ in range(_KEY_LENGTH))
