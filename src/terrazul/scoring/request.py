"""One HTTP request on its way, and the rules of v1's headers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable, Dict, List, Optional
from urllib.parse import unquote

from terrazul.scoring.worker.frames import Answer, Body, Flag

if TYPE_CHECKING:
    from terrazul.scoring.connection import HttpConnection

ID_LIMIT = 100
KEY_NEEDED = "A key is needed: send the header `Authorization: Bearer <key>`."
_REASONS = {
    200: b"OK",
    400: b"Bad Request",
    401: b"Unauthorized",
    404: b"Not Found",
    405: b"Method Not Allowed",
    413: b"Payload Too Large",
    415: b"Unsupported Media Type",
    431: b"Request Header Fields Too Large",
    500: b"Internal Server Error",
    503: b"Service Unavailable",
}
_BEGINNINGS = {status: b"HTTP/1.1 %d %b\r\n" % (status, reason) for status, reason in _REASONS.items()}
_JSON = b"Content-Type: application/json\r\n"
_FIRST_ERROR = 400
_IDS_AT_ONCE = 64
_random: List[bytes] = []
Reshape = Callable[[Answer], Answer]


class Request:
    """What was asked, and what becomes of it."""

    __slots__ = (
        "begun_at", "body", "client_id", "connection", "done", "headers", "keep_alive", "legacy_id", "method", "path",
        "query", "queued_at", "request_id", "reshape", "target", "tries",
    )  # fmt: skip

    def __init__(self, connection: HttpConnection, method: str, target: str) -> None:
        self.connection = connection
        self.method = method
        self.target = target
        """As the client wrote it, without a line break in any case."""
        path, _, self.query = target.partition("?")
        self.path = path if path.startswith("/") and "%" not in path else _plain(path)
        self.keep_alive = True
        self.headers: Dict[bytes, bytes] = {}
        self.body: Body = b""
        self.request_id = b""
        self.legacy_id = b""
        self.client_id = b""
        self.begun_at = 0.0
        self.queued_at = 0.0
        self.tries = 0
        self.done = False
        self.reshape: Optional[Reshape] = None

    def take_ids(self) -> str:
        """Read the ids that the client gave, or make them; a text where one is too long."""
        get = self.headers.get
        request_id = get(b"x-request-id") or _new_id()
        if len(request_id) > ID_LIMIT:
            return f"x-request-id must not exceed {ID_LIMIT} characters"
        self.request_id = request_id
        legacy, client = get(b"x-ms-request-id", b""), get(b"x-ms-client-request-id", b"")
        client, legacy = client or legacy, legacy or client or request_id
        if len(legacy) > ID_LIMIT or len(client) > ID_LIMIT:
            return f"x-ms-request-id and x-ms-client-request-id must not exceed {ID_LIMIT} characters"
        self.legacy_id, self.client_id = legacy, client
        return ""

    def own_headers(self) -> bytes:
        """The headers that carry the ids back."""
        lines = b""
        if self.request_id:
            lines = b"x-request-id: " + self.request_id + b"\r\n"
        if self.legacy_id:
            lines += b"x-ms-request-id: " + self.legacy_id + b"\r\n"
        if self.client_id:
            lines += b"x-ms-client-request-id: " + self.client_id + b"\r\n"
        trace = self.headers.get(b"traceid")
        if trace is not None:
            lines += b"TraceId: " + trace + b"\r\n"
        return lines


def render(request: Request, answer: Answer, extra: bytes) -> bytes:
    """The answer to a request as HTTP; ``extra`` are header lines besides those of both."""
    ending = b"" if request.keep_alive else b"Connection: close\r\n"
    own = b"" if answer.flags & Flag.EXITING else request.own_headers()
    head = b"%b%b%b%b%bContent-Length: %d\r\n\r\n" % (
        _BEGINNINGS.get(answer.status) or b"HTTP/1.1 %d Status\r\n" % answer.status,
        _own_lines(answer), own, extra, ending, len(answer.body),
    )  # fmt: skip
    return head if request.method == "HEAD" else head + answer.body


def render_refusal(status: int, body: bytes, extra: bytes) -> bytes:
    """The answer to what is no request, after which the connection ends."""
    line = _BEGINNINGS[status]
    return b"%b%b%bConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (line, _JSON, extra, len(body), body)


def is_error(answer: Answer) -> bool:
    """True where the request was not served."""
    return answer.status >= _FIRST_ERROR


def _plain(path: str) -> str:
    """A path without escapes, and without the address that proxies write before it."""
    if not path.startswith("/"):
        path = "/" + path.partition("://")[2].partition("/")[2]
    return unquote(path)


def _new_id() -> bytes:
    """A random UUID; random bytes are fetched for many at once."""
    if not _random:
        pool = os.urandom(16 * _IDS_AT_ONCE).hex().encode()
        _random.extend(pool[begin : begin + 32] for begin in range(0, len(pool), 32))
    digits = _random.pop()
    return b"%b-%b-4%b-a%b-%b" % (digits[:8], digits[8:12], digits[13:16], digits[17:20], digits[20:])


def _own_lines(answer: Answer) -> bytes:
    """The header lines that an answer brings."""
    lines = _JSON
    if answer.headers:
        lines = b"".join(_line(name, value) for name, value in answer.headers)
        if not any(name.lower() == "content-type" for name, _ in answer.headers):
            lines += _JSON
    if answer.flags & Flag.FAILED:
        lines += b"x-ms-run-function-failed: True\r\n"
    elif not answer.flags & Flag.BARE:
        lines += b"x-ms-run-function-failed: False\r\n"
    if answer.flags & Flag.TIMED:
        lines += b"x-ms-run-fn-exec-ms: %.3f\r\n" % answer.milliseconds
    return lines


def _line(name: str, value: str) -> bytes:
    """A header of the script's; what would begin another line is taken out of it."""
    text = f"{name}: {value}".replace("\r", " ").replace("\n", " ")
    return text.encode("latin-1", "replace") + b"\r\n"
