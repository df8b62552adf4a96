"""Bytes that go out: a whole content, the part that a ``Range`` header asks for, or a log while it grows."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

from litestar import Request
from litestar.response import Stream

from terrazul.core.errors import InvalidInput
from terrazul.server.blobs.service import Contents
from terrazul.server.blobs.store import Content
from terrazul.server.http import headers_of_download
from terrazul.server.services import Services
from terrazul.wire.artifact import DIRECT_HEADER

BYTES = "application/octet-stream"
_MLFLOW = "mlflow-python-client/"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)\Z")


async def answer_content(contents: Contents, content: Content, path: str, request: Request[Any, Any, Any]) -> Stream:
    """The content as a file, under the last part of its path; or where the client may fetch it by itself."""
    if _goes_elsewhere(request) and (address := await contents.address_of(content)):
        headers = {"Location": address, "Cache-Control": "no-store"}
        return Stream(iter(()), status_code=307, media_type=BYTES, headers=headers)
    start, size = _asked_part(request.headers.get("range"), content)
    headers = headers_of_download(path.rpartition("/")[2])
    headers |= {"Content-Length": str(size), "Accept-Ranges": "bytes", "ETag": f'"{content.digest}"'}
    status = 200
    if size != content.size:
        status = 206
        headers["Content-Range"] = f"bytes {start}-{start + size - 1}/{content.size}"
    return Stream(contents.read(content, start, size), media_type=BYTES, headers=headers, status_code=status)


def stream_growing(services: Services, workspace: int, run_id: str, path: str) -> Stream:
    """The bytes that a log has now."""
    headers = headers_of_download(path.rpartition("/")[2])
    return Stream(_growing(services, workspace, run_id, path), media_type=BYTES, headers=headers)


async def _growing(services: Services, workspace: int, run_id: str, path: str) -> AsyncIterator[bytes]:
    offset = 0
    while True:
        part = await services.files.read_log(workspace, run_id, path, offset, 0)
        if not part.data:
            return
        yield part.data
        offset += len(part.data)


def _goes_elsewhere(request: Request[Any, Any, Any]) -> bool:
    """Whether the client follows to a signed address without its token, and checks what it gets or needs no check."""
    asked = request.headers
    return DIRECT_HEADER.lower() in asked or asked.get("user-agent", "").startswith(_MLFLOW)


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
