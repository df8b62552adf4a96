"""The HTTP of the files and tables of datastores."""

from __future__ import annotations

from typing import Any

from litestar import Request, Router, delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Stream

from terrazul.core.settings import is_loopback
from terrazul.server.activity.service.act import ACT, Act
from terrazul.server.datastore.kind import Part
from terrazul.server.download import BYTES
from terrazul.server.http import (
    NOT_KEPT,
    InjectedPrincipal,
    InjectedServices,
    InjectedWorkspace,
    demand,
    does,
    headers_of_download,
)
from terrazul.server.identity.rules import Action, ObjectType, Target
from terrazul.wire.datastore import AccessRequest, DataFile, FileAccess, FilePage, FolderPage, Query

_UNLIMITED = None
_ARROW = "application/vnd.apache.arrow.stream"


@get("/folder", operation_id="browse_datastore", opt=does(Action.DATA_READ))
async def browse_datastore(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    datastore_name: FromPath[str],
    folder: FromQuery[str] = "",
    page: FromQuery[str | None] = None,
) -> FolderPage:
    """What lies in one folder of a datastore; without one, at its top."""
    return await services.data_files.browse(workspace, datastore_name, folder, page)


@get("/files", operation_id="find_data_files", opt=does(Action.DATA_READ))
async def find_data_files(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    datastore_name: FromPath[str],
    pattern: FromQuery[str] = "",
    page: FromQuery[str | None] = None,
) -> FilePage:
    """The files that a pattern means: `*` and `?` within a part, `**` over parts, a folder for all below it."""
    return await services.data_files.find(workspace, datastore_name, pattern, page)


@post(
    "/access", operation_id="access_data_files", opt=does(Action.DATA_READ), status_code=200, response_headers=NOT_KEPT
)
async def access_data_files(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    request: Request[Any, Any, Any],
    datastore_name: FromPath[str],
    data: JSONBody[AccessRequest],
) -> list[FileAccess]:
    """The short way to the bytes of each file: an address signed for some minutes, or the file of this machine."""
    if data.is_writing:
        demand(principal, Action.DATA_WRITE, Target(ObjectType.WORKSPACE, workspace.workspace.workspace_id))
        act: Act = request.scope["state"][ACT]
        act.action = Action.DATA_WRITE
    near = request.client is not None and is_loopback(request.client.host)
    return await services.data_files.access(workspace, datastore_name, data, is_near=near)


@get("/file", operation_id="read_data_file", opt=does(Action.DATA_READ))
async def read_data_file(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    request: Request[Any, Any, Any],
    datastore_name: FromPath[str],
    path: FromQuery[str],
) -> Stream:
    """The bytes of a file, or of a part of it."""
    part = await services.data_files.read(workspace, datastore_name, path, request.headers.get("range"))
    headers, status = _headers_of(part)
    return Stream(part.chunks, media_type=BYTES, headers=headers, status_code=status)


@put("/file", operation_id="write_data_file", opt=does(Action.DATA_WRITE), request_max_body_size=_UNLIMITED)
async def write_data_file(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    request: Request[Any, Any, Any],
    datastore_name: FromPath[str],
    path: FromQuery[str],
) -> DataFile:
    """Write a file: as a whole, or not at all. With `If-None-Match: *` one that is there already stays."""
    length = request.headers.get("content-length", "")
    return await services.data_files.write(
        workspace,
        datastore_name,
        path,
        request.stream(),
        overwrite=request.headers.get("if-none-match") != "*",
        bounded=not principal.is_run,
        announced=int(length) if length.isdecimal() else None,
    )


@delete("/file", operation_id="delete_data_file", opt=does(Action.DATA_DELETE))
async def delete_data_file(
    services: InjectedServices, workspace: InjectedWorkspace, datastore_name: FromPath[str], path: FromQuery[str]
) -> None:
    """Remove a file for good."""
    await services.data_files.delete(workspace, datastore_name, path)


@post("/query", operation_id="query_datastore", opt=does(Action.DATA_READ), status_code=200)
async def query_datastore(
    services: InjectedServices, workspace: InjectedWorkspace, datastore_name: FromPath[str], data: JSONBody[Query]
) -> Stream:
    """What an SQL query gives, as an Arrow IPC stream. It changes nothing, where the database knows that promise."""
    rows = await services.data_files.query(workspace, datastore_name, data)
    return Stream(rows, media_type=_ARROW)


def _headers_of(part: Part) -> tuple[dict[str, str], int]:
    file = part.file
    headers = headers_of_download(file.path.rpartition("/")[2])
    headers |= {"Content-Length": str(part.size), "Accept-Ranges": "bytes", "Terrazul-Modified-At": file.modified_at}
    if file.etag:
        headers["ETag"] = file.etag if file.etag.endswith('"') else f'"{file.etag}"'
    if part.size == file.size:
        return headers, 200
    headers["Content-Range"] = f"bytes {part.start}-{part.start + part.size - 1}/{file.size}"
    return headers, 206


router = Router(
    "/datastores/{datastore_name:str}",
    route_handlers=[
        browse_datastore,
        find_data_files,
        access_data_files,
        read_data_file,
        write_data_file,
        delete_data_file,
        query_datastore,
    ],
)
