"""Files at web addresses, read from the machine that wants them."""

from __future__ import annotations

import http.client
import os
import time
from contextlib import closing, suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Callable, Mapping, Optional
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from terrazul.core.clock import to_text
from terrazul.core.errors import DatasetExecutionError, DatasetWithoutData
from terrazul.core.version import __version__
from terrazul.wire.datastore import DataFile

_SECONDS = 60.0
_CHUNK = 1 << 20
_ATTEMPTS = 4
_PAUSE_SECONDS = 0.5
_GONE = frozenset({404, 410})
_NO_HEAD = frozenset({400, 403, 405, 501})
_FIRST_SERVER_ERROR = 500
_TOO_MANY = 429
_SAFE = "/%:=&?~#+!$,;'@()*[]"


class _OnTheWeb(HTTPRedirectHandler):
    """Follows redirects to web addresses only, never to files of this machine."""

    def redirect_request(  # the signature of the standard library
        self, req: Request, fp: object, code: int, msg: str, headers: object, newurl: str
    ) -> Optional[Request]:
        if urlsplit(newurl).scheme not in {"http", "https"}:
            raise HTTPError(newurl, code, "it leads away from the web", None, None)  # type: ignore[arg-type]  # no headers
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]  # as it came


def look_at(address: str) -> DataFile:
    """What the web server says of a file; its size is -1 where it does not tell.

    Raises ``DatasetWithoutData`` where there is nothing, ``DatasetExecutionError`` where it cannot be asked.
    """
    try:
        headers = _headers(address, "HEAD")
    except _Refused as refused:
        if refused.status not in _NO_HEAD:
            raise _told(address, refused) from None
        try:
            headers = _headers(address, "GET")
        except _Refused as again:
            raise _told(address, again) from None
    size = headers.get("content-length", "")
    is_plain = headers.get("content-encoding", "identity") == "identity"
    return DataFile(
        address, int(size) if size.isdecimal() and is_plain else -1, _time(headers), headers.get("etag", "")
    )


def fetch(
    address: str,
    target: Path,
    progress: Optional[Callable[[int], None]] = None,
    check: Optional[Callable[[], None]] = None,
    most: int = 0,
) -> None:
    """Bring a file, whole or not at all; with ``most`` about so many bytes of its beginning.

    ``progress`` is told of each piece, and ``check`` may raise to call it off. Raises as ``look_at``.
    """
    part = target.with_name(f".{os.urandom(8).hex()}.part")
    try:
        for attempt in range(_ATTEMPTS):
            try:
                _read(address, part, progress, check, most)
                break
            except _Refused as refused:
                is_last = attempt == _ATTEMPTS - 1
                if is_last or not _is_passing(refused.status):
                    raise _told(address, refused) from None
                time.sleep(_PAUSE_SECONDS * 2**attempt)
        part.replace(target)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _is_passing(status: int) -> bool:
    """Whether another attempt may go better."""
    return status in {0, _TOO_MANY} or status >= _FIRST_SERVER_ERROR


class _Refused(Exception):
    """The web server gave no good answer; without a status it gave none at all."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def _read(
    address: str,
    part: Path,
    progress: Optional[Callable[[int], None]],
    check: Optional[Callable[[], None]],
    most: int,
) -> None:
    headers = {"Range": f"bytes=0-{most - 1}"} if most else {}
    with closing(_open(address, "GET", headers)) as answer, part.open("wb") as file:
        left = most or -1
        while left:
            if check is not None:
                check()
            try:
                chunk = answer.read(_CHUNK if left < 0 else min(left, _CHUNK))
            except (OSError, http.client.HTTPException) as error:
                raise _Refused(0, str(error) or type(error).__name__) from error
            if not chunk:
                break
            file.write(chunk)
            left -= len(chunk) if left > 0 else 0
            if progress is not None:
                progress(len(chunk))
        size = answer.getheader("Content-Length") or ""
        if not most and size.isdecimal() and file.tell() != int(size):
            raise _Refused(0, "the answer broke off")


def _headers(address: str, method: str) -> Mapping[str, str]:
    with closing(_open(address, method, {})) as answer:
        return {name.lower(): value for name, value in answer.getheaders()}


def _open(address: str, method: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
    asked = {"User-Agent": f"terrazul/{__version__}", "Accept-Encoding": "identity", **headers}
    request = Request(quote(address, safe=_SAFE), method=method, headers=asked)  # noqa: S310  # http and https only
    try:
        answer: http.client.HTTPResponse = build_opener(_OnTheWeb).open(request, timeout=_SECONDS)
    except HTTPError as error:
        error.close()
        raise _Refused(error.code, f"it answers {error.code} {error.reason}") from error
    except (URLError, OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise _Refused(0, str(reason) or type(error).__name__) from error
    return answer


def _told(address: str, refused: _Refused) -> DatasetExecutionError:
    shown = _without_secrets(address)
    if refused.status in _GONE:
        message = f"There is no file at {shown}: {refused.reason}."
        return DatasetWithoutData(message, target=shown, hint="Look whether the address is right.")
    message = f"The file at {shown} cannot be read: {refused.reason}."
    return DatasetExecutionError(message, target=shown, hint="Look whether the address answers from this machine.")


def _without_secrets(address: str) -> str:
    """The address without its query, in which signatures stand, and without a password."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _time(headers: Mapping[str, str]) -> str:
    try:
        moment = parsedate_to_datetime(headers.get("last-modified", ""))
    except (TypeError, ValueError, IndexError):
        return ""
    return to_text(int(moment.timestamp()) * 1_000_000)
