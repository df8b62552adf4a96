"""One HTTP request on its way, and the rules of v1's headers."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Callable, Dict, Optional, Tuple

from terrazul.scoring.worker.frames import Answer, Flag

if TYPE_CHECKING:
    from terrazul.scoring.connection import HttpConnection

ID_LIMIT = 100
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
    502: b"Bad Gateway",
    503: b"Service Unavailable",
}
_JSON = b"application/json"
_FIRST_ERROR = 400
Header = Tuple[bytes, bytes]
Reshape = Callable[[Answer], Answer]


class Request:
    """What was asked, and what becomes of it."""

    __slots__ = (
        "alone", "begun_at", "body", "client_id", "connection", "done", "headers", "keep_alive", "legacy_id", "method",
        "path", "query", "queued_at", "request_id", "reshape", "tries",
    )  # fmt: skip

    def __init__(self, connection: HttpConnection, method: str, path: str, query: str, keep_alive: bool) -> None:
        self.connection = connection
        self.method = method
        self.path = path
        self.query = query
        self.keep_alive = keep_alive
        self.headers: Dict[bytes, bytes] = {}
        self.body = b""
        self.request_id = b""
        self.legacy_id = b""
        self.client_id = b""
        self.begun_at = 0.0
        self.queued_at = 0.0
        self.tries = 0
        self.alone = False
        self.done = False
        self.reshape: Optional[Reshape] = None

    def take_ids(self) -> str:
        """Read the ids that the client gave, or make them; a text where one is too long."""
        get = self.headers.get
        request_id = get(b"x-request-id") or str(uuid.uuid4()).encode()
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
            lines += b"x-request-id: " + self.request_id + b"\r\n"
        if self.legacy_id:
            lines += b"x-ms-request-id: " + self.legacy_id + b"\r\n"
        if self.client_id:
            lines += b"x-ms-client-request-id: " + self.client_id + b"\r\n"
        trace = self.headers.get(b"traceid")
        if trace is not None:
            lines += b"TraceId: " + trace + b"\r\n"
        return lines


def render(answer: Answer, extra: bytes, keep_alive: bool, with_body: bool = True) -> bytes:
    """An answer as HTTP; ``extra`` are header lines besides those of the answer itself."""
    head = b"HTTP/1.1 %d %b\r\n" % (answer.status, _REASONS.get(answer.status, b"Status"))
    typed = False
    for name, value in answer.headers:
        typed = typed or name.lower() == "content-type"
        head += _line(name, value)
    if not typed:
        head += b"Content-Type: " + _JSON + b"\r\n"
    if answer.flags & Flag.FAILED:
        head += b"x-ms-run-function-failed: True\r\n"
    elif not answer.flags & Flag.BARE:
        head += b"x-ms-run-function-failed: False\r\n"
    if answer.flags & Flag.TIMED:
        head += b"x-ms-run-fn-exec-ms: %.3f\r\n" % answer.milliseconds
    ending = b"" if keep_alive else b"Connection: close\r\n"
    return b"%b%b%bContent-Length: %d\r\n\r\n%b" % (
        head, extra, ending, len(answer.body), answer.body if with_body else b"",
    )  # fmt: skip


def _line(name: str, value: str) -> bytes:
    """A header of the script's; what would begin another line is taken out of it."""
    text = f"{name}: {value}".replace("\r", " ").replace("\n", " ")
    return text.encode("latin-1", "replace") + b"\r\n"


def is_error(answer: Answer) -> bool:
    """True where the request was not served."""
    return answer.status >= _FIRST_ERROR
