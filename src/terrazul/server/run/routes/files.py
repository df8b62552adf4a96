"""The files of runs over HTTP. Their names travel as the query parameter `path`."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from terrazul.core.paths import check_relative_path
from terrazul.server.download import BYTES, answer_content, stream_growing
from terrazul.server.http import InjectedServices, InjectedWorkspace, does, headers_of_download
from terrazul.server.identity.rules import Action, ObjectType
from terrazul.wire.artifact import Artifact, LogFile

_LOG_BODY_LIMIT = 4 << 20
SIZE_HEADER = "Terrazul-Log-Size"
OPEN_HEADER = "Terrazul-Log-Open"


@get("/artifacts", operation_id="list_artifacts", opt=does(Action.RUN_READ, ObjectType.RUN))
async def list_artifacts(
    services: InjectedServices, workspace: InjectedWorkspace, run_id: FromPath[str], prefix: FromQuery[str] = ""
) -> list[Artifact]:
    """The files of a run by path; a log that still grows has no digest yet."""
    return await services.files.list_all(workspace.key, run_id, prefix)


@get("/artifact", operation_id="download_artifact", opt=does(Action.RUN_READ, ObjectType.RUN))
async def download_artifact(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    run_id: FromPath[str],
    path: FromQuery[str],
    request: Request[Any, Any, Any],
) -> Stream:
    """The bytes of a file, or the part that a `Range` header asks for."""
    content = await services.files.find(workspace.key, run_id, check_relative_path(path))
    if content is None:
        return stream_growing(services, workspace.key, run_id, path)
    return await answer_content(services.contents, content, path, request)


@get("/logs", operation_id="list_logs", opt=does(Action.RUN_READ, ObjectType.RUN))
async def list_logs(services: InjectedServices, workspace: InjectedWorkspace, run_id: FromPath[str]) -> list[LogFile]:
    """The logs of a run, by path."""
    return await services.files.list_logs(workspace.key, run_id)


@get("/log", operation_id="read_log", opt=does(Action.RUN_READ, ObjectType.RUN))
async def read_log(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    run_id: FromPath[str],
    path: FromQuery[str],
    offset: FromQuery[int] = 0,
    wait: FromQuery[float] = 0,
) -> Response[bytes]:
    """The bytes of a log from an offset (at most a megabyte); waits for some where there are none yet."""
    part = await services.files.read_log(workspace.key, run_id, check_relative_path(path), offset, wait)
    headers = {SIZE_HEADER: str(part.size), OPEN_HEADER: "true" if part.open else "false"}
    headers |= headers_of_download(path.rpartition("/")[2])
    return Response(part.data, media_type=BYTES, headers=headers)


@post(
    "/log",
    operation_id="append_log",
    opt=does(Action.RUN_EXECUTE, ObjectType.RUN),
    status_code=200,
    request_max_body_size=_LOG_BODY_LIMIT,
)
async def append_log(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    run_id: FromPath[str],
    path: FromQuery[str],
    offset: FromQuery[int],
    request: Request[Any, Any, Any],
    close: FromQuery[bool] = False,
) -> LogFile:
    """Add bytes to a log at an offset; bytes that are there already are skipped."""
    return await services.files.append_log(workspace.key, run_id, path, offset, await request.body(), close=close)


router = Router(
    "/runs/{run_id:str}", route_handlers=[list_artifacts, download_artifact, list_logs, read_log, append_log]
)
