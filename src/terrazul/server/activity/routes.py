"""The HTTP of the activity log."""

from __future__ import annotations

from typing import NamedTuple

from litestar import Router, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery
from litestar.response import Stream

from terrazul.server.activity.service.log import FORMATS
from terrazul.server.activity.store import Wanted
from terrazul.server.http import InjectedServices, InjectedWorkspace, does, headers_of_download
from terrazul.server.identity.rules import Action, ObjectType
from terrazul.wire.activity import ActivityCheck, ActivityPage

_IN_WORKSPACE = does(Action.ACTIVITY_READ)
_OF_ALL = does(Action.ACTIVITY_READ, ObjectType.SERVER)


class _Filter(NamedTuple):
    wanted: Wanted


async def provide_filter(
    since: FromQuery[str | None] = None,
    until: FromQuery[str | None] = None,
    user: FromQuery[str | None] = None,
    action: FromQuery[str | None] = None,
    object_type: FromQuery[str | None] = None,
    object_id: FromQuery[str | None] = None,
    result: FromQuery[str | None] = None,
) -> _Filter:
    """What a look at the log is narrowed to; ``action`` is how it begins, ``result`` done, refused or failed."""
    return _Filter(Wanted(None, since, until, user, action, object_type, object_id, result))


_Asked = NamedDependency[_Filter]


@get("/", operation_id="list_workspace_activity", opt=_IN_WORKSPACE)
async def list_workspace_activity(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    asked: _Asked,
    limit: FromQuery[int] = 100,
    page: FromQuery[str | None] = None,
) -> ActivityPage:
    """Who did what in the workspace, newest first."""
    wanted = asked.wanted._replace(workspace_id=workspace.workspace.workspace_id)
    return await services.activity.list_newest(wanted, limit, page)


@get("/export", operation_id="export_workspace_activity", opt=_IN_WORKSPACE)
async def export_workspace_activity(
    services: InjectedServices, workspace: InjectedWorkspace, asked: _Asked, form: FromQuery[str] = "jsonl"
) -> Stream:
    """The lines of the workspace as a file, the oldest first: JSON Lines, or CSV with `form=csv`."""
    return _file(services, asked.wanted._replace(workspace_id=workspace.workspace.workspace_id), form)


@get("/", operation_id="list_activity", opt=_OF_ALL)
async def list_activity(
    services: InjectedServices,
    asked: _Asked,
    workspace: FromQuery[str | None] = None,
    limit: FromQuery[int] = 100,
    page: FromQuery[str | None] = None,
) -> ActivityPage:
    """Who did what, newest first, also in workspaces that were deleted; those of one where its id is given."""
    return await services.activity.list_newest(asked.wanted._replace(workspace_id=workspace), limit, page)


@get("/export", operation_id="export_activity", opt=_OF_ALL)
async def export_activity(
    services: InjectedServices, asked: _Asked, workspace: FromQuery[str | None] = None, form: FromQuery[str] = "jsonl"
) -> Stream:
    """All lines as a file, the oldest first: JSON Lines, or CSV with `form=csv`."""
    return _file(services, asked.wanted._replace(workspace_id=workspace), form)


@get("/verify", operation_id="verify_activity", opt=_OF_ALL)
async def verify_activity(services: InjectedServices, known: FromQuery[str | None] = None) -> ActivityCheck:
    """Follow the whole chain, and tell the first line that is not as it was written.

    `known` is a line that was noted earlier, as `number:hash`.
    """
    return await services.activity.verify(known)


def _file(services: InjectedServices, wanted: Wanted, form: str) -> Stream:
    lines = services.activity.export(wanted, form)
    return Stream(lines, media_type=FORMATS[form], headers=headers_of_download(f"activity.{form}"))


_filter = {"asked": Provide(provide_filter)}
router = Router("/activity", route_handlers=[list_workspace_activity, export_workspace_activity], dependencies=_filter)
collection = Router("/activity", route_handlers=[list_activity, export_activity, verify_activity], dependencies=_filter)
