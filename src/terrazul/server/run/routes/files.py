"""The files of runs over HTTP. Their names travel as the query parameter `path`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from terrazul.core.errors import InvalidInput
from terrazul.core.paths import check_relative_path
from terrazul.server.blobs.store import Content
from terrazul.server.http import InjectedServices, InjectedWorkspace, does, headers_of_download
from terrazul.server.identity.rules import Action, ObjectType
from terrazul.wire.artifact import Artifact, LogFile

_LOG_BODY_LIMIT = 4 << 20
_BYTES = "application/octet-stream"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)\Z")
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
    headers = headers_of_download(path.rpartition("/")[2])
    if content is None:
        return Stream(_growing(services, workspace.key, run_id, path), media_type=_BYTES, headers=headers)
    start, size = _asked_part(request.headers.get("range"), content)
    headers |= {"Content-Length": str(size), "Accept-Ranges": "bytes", "ETag": f'"{content.digest}"'}
    status = 200
    if size != content.size:
        status = 206
        headers["Content-Range"] = f"bytes {start}-{start + size - 1}/{content.size}"
    stream = services.files.read(content, start, size)
    return Stream(stream, media_type=_BYTES, headers=headers, status_code=status)


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
    return Response(part.data, media_type=_BYTES, headers=headers)


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


async def _growing(services: InjectedServices, workspace: int, run_id: str, path: str) -> AsyncIterator[bytes]:
    offset = 0
    while True:
        part = await services.files.read_log(workspace, run_id, path, offset, 0)
        if not part.data:
            return
        yield part.data
        offset += len(part.data)


def _asked_part(header: str | None, content: Content) -> tuple[int, int]:
    """Start and size of what a `Range` header asks for; the whole where there is none."""
    match = _RANGE.match(header or "")
    if not match or match.groups() == ("", ""):
        return 0, content.size
    first, last = match.groups()
    if first:
        start = int(first)
        end = min(int(last), content.size - 1) if last else content.size - 1
    else:
        start, end = max(0, content.size - int(last)), content.size - 1
    if start > end:
        raise InvalidInput(f"The range {header!r} lies outside of the file's {content.size} bytes.", target="Range")
    return start, end - start + 1


router = Router(
    "/runs/{run_id:str}", route_handlers=[list_artifacts, download_artifact, list_logs, read_log, append_log]
)
