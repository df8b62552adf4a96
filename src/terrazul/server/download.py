"""Bytes that go out: a whole content, or the part that a ``Range`` header asks for."""

from __future__ import annotations

import re
from typing import Any

from litestar import Request
from litestar.response import Stream

from terrazul.core.errors import InvalidInput
from terrazul.server.blobs.service import Contents
from terrazul.server.blobs.store import Content
from terrazul.server.http import headers_of_download

BYTES = "application/octet-stream"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)\Z")


def answer_content(contents: Contents, content: Content, path: str, request: Request[Any, Any, Any]) -> Stream:
    """The content as a file, under the last part of its path."""
    start, size = _asked_part(request.headers.get("range"), content)
    headers = headers_of_download(path.rpartition("/")[2])
    headers |= {"Content-Length": str(size), "Accept-Ranges": "bytes", "ETag": f'"{content.digest}"'}
    status = 200
    if size != content.size:
        status = 206
        headers["Content-Range"] = f"bytes {start}-{start + size - 1}/{content.size}"
    return Stream(contents.read(content, start, size), media_type=BYTES, headers=headers, status_code=status)


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
