"""The HTTP of snapshots."""

from __future__ import annotations

from litestar import Router, get, post
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from terrazul.server.http import InjectedPrincipal, InjectedServices, InjectedWorkspace, does, headers_of_download
from terrazul.server.identity.rules import Action, ObjectType
from terrazul.wire.snapshot import Snapshot, SnapshotDelta, SnapshotManifest

_NAMING = does(Action.SNAPSHOT_WRITE, within_reach=True)


@post("/", operation_id="create_snapshot", opt=_NAMING, status_code=200)
async def create_snapshot(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    data: JSONBody[SnapshotManifest],
) -> Snapshot:
    """Name a tree whose contents have been sent."""
    return await services.snapshots.create(workspace.key, data, principal)


@post("/delta", operation_id="create_snapshot_from_delta", opt=_NAMING, status_code=200)
async def create_snapshot_from_delta(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    data: JSONBody[SnapshotDelta],
) -> Snapshot:
    """Name a tree by its difference to a snapshot that the server holds."""
    await services.sight.check_snapshot(workspace.key, data.base_snapshot_id, principal)
    return await services.snapshots.create_from_delta(workspace.key, data, principal)


@get("/{snapshot_id:str}", operation_id="get_snapshot", opt=does(Action.SNAPSHOT_READ, ObjectType.SNAPSHOT))
async def get_snapshot(
    services: InjectedServices, workspace: InjectedWorkspace, snapshot_id: FromPath[str]
) -> Snapshot:
    """A snapshot with its manifest."""
    return await services.snapshots.get(workspace.key, snapshot_id)


@get("/{snapshot_id:str}/zip", operation_id="download_snapshot", opt=does(Action.SNAPSHOT_READ, ObjectType.SNAPSHOT))
async def download_snapshot(
    services: InjectedServices, workspace: InjectedWorkspace, snapshot_id: FromPath[str]
) -> Stream:
    """The snapshot as a zip archive."""
    archive = await services.snapshots.zip(workspace.key, snapshot_id)
    return Stream(archive, media_type="application/zip", headers=headers_of_download(f"{snapshot_id}.zip"))


router = Router(
    "/snapshots", route_handlers=[create_snapshot, create_snapshot_from_delta, get_snapshot, download_snapshot]
)
