"""Images: deployments that are kept under a name and a version."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.errors import Conflict, NotFound
from terrazul.core.ids import check_model_name
from terrazul.server.endpoint.rules import check_id
from terrazul.server.endpoint.service.deployments import Deployments
from terrazul.server.endpoint.store import image as images
from terrazul.server.lineage import store as lineage
from terrazul.server.sql.database import Database
from terrazul.server.sql.witness import removed
from terrazul.wire.endpoint import Deployment, Image, ImageChange, NewImage
from terrazul.wire.lineage import Edge

_TYPE = "image"
_DIGITS = 9


class Images:
    """The images of all workspaces."""

    def __init__(self, database: Database, deployments: Deployments, clock: Clock) -> None:
        self._database = database
        self._deployments = deployments
        self._clock = clock

    async def register(self, workspace: int, new: NewImage, user: str) -> Image:
        """Keep a deployment as the next version of a name; sent twice, it counts once.

        Raises ``WebserviceException`` or ``ModelNotFoundException`` for what could not be served.
        """
        check_model_name(new.name)
        check_id(new.registration_id, "registration")
        await self._deployments.check(workspace, new.deployment)

        def work(connection: Connection) -> Image:
            settled = replace(new, deployment=self._deployments.settle(connection, workspace, new.deployment))
            image = images.add(connection, workspace, settled, self._clock(), user)
            edges = [Edge(_TYPE, image.id, "model", model_id, _TYPE) for model_id in image.deployment.models]
            lineage.add(connection, workspace, edges)
            return image

        return await self._database.write(work)

    async def list_all(self, workspace: int) -> list[Image]:
        """All versions of all images, newest first."""
        return await self._database.read(partial(images.list_all, workspace=workspace))

    async def get(self, workspace: int, image_id: str) -> Image:
        """The image of an id, or the newest of a name. Raises ``NotFound``."""
        return await self._database.read(partial(find_image, workspace=workspace, image_id=image_id))

    async def change(self, workspace: int, image_id: str, change: ImageChange) -> Image:
        """Change what describes an image."""

        def work(connection: Connection) -> Image:
            image = find_image(connection, workspace, image_id)
            tags = image.tags if change.replace_tags is None else change.replace_tags
            tags = {**tags, **change.set_tags}
            values: dict[str, Any] = {
                "tags": {key: value for key, value in tags.items() if key not in change.remove_tags},
                "properties": {**change.add_properties, **image.properties},
            }
            images.change(connection, workspace, image, values)
            return find_image(connection, workspace, image.id)

        return await self._database.write(work)

    async def delete(self, workspace: int, image_id: str) -> None:
        """Remove an image. Raises ``Conflict`` with the list of the web services that are deployed from it."""

        def work(connection: Connection) -> None:
            image = find_image(connection, workspace, image_id)
            users = sorted(edge.user_id for edge in lineage.users_of(connection, workspace, _TYPE, image.id))
            if users:
                raise Conflict(
                    f"The image {image.id} is deployed as {', '.join(users)}.",
                    target=image.id,
                    hint="Delete these web services first, or update them to something else.",
                )
            removed(connection, "image", image.id)
            images.change(
                connection, workspace, image, {"deleted": True, "deployment": msgspec.to_builtins(Deployment())}
            )
            lineage.remove_user(connection, workspace, _TYPE, image.id)

        await self._database.write(work)


def find_image(connection: Connection, workspace: int, image_id: str) -> Image:
    """The image of an id (``name:version``), or the newest of a name. Raises ``NotFound``."""
    name, _, version = image_id.rpartition(":") if ":" in image_id else (image_id, "", "")
    is_version = version.isascii() and version.isdigit() and len(version) <= _DIGITS
    found = None
    if is_version or not version:
        found = images.find(connection, workspace, name, int(version) if is_version else None)
    if found is None:
        raise NotFound(
            f"There is no image {image_id[:80]!r} in this workspace.",
            target=image_id[:80],
            hint="An id is name:version, such as digits:1.",
        )
    return found
