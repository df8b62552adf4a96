"""One HTTP connection: requests parsed by httptools, answered in order."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Deque, Dict, Optional
from urllib.parse import unquote

import httptools

from terrazul.scoring.request import Request, render
from terrazul.scoring.worker.frames import Answer

if TYPE_CHECKING:
    from terrazul.scoring.service import Service

_HEADER_BYTES = 64 << 10
_HEADER_COUNT = 200
_PIPELINED = 32
"""Requests that one connection may send ahead."""


class HttpConnection(asyncio.Protocol):
    """Takes bytes from a client, and gives whole requests to the service one at a time."""

    def __init__(self, service: Service) -> None:
        self.gone = False
        self.progress_at = 0.0
        self._service = service
        self._parser = httptools.HttpRequestParser(self)
        self._transport: Optional[asyncio.Transport] = None
        self._current: Optional[Request] = None
        self._next: Deque[Request] = deque()
        self._target = b""
        self._headers: Dict[bytes, bytes] = {}
        self._header_bytes = 0
        self._body: Any = None
        self._body_bytes = 0
        self._refused = False

    @property
    def idle(self) -> bool:
        """True between two requests."""
        return self._current is None and not self._target

    @property
    def busy(self) -> bool:
        """True while a request is with the service, whose time is the service's affair."""
        return self._current is not None

    def facts(self) -> Dict[str, Any]:
        """Where the request came in, for scripts that look at it."""
        transport = self._transport
        here = transport.get_extra_info("sockname") if transport else None
        there = transport.get_extra_info("peername") if transport else None
        return {
            "host": str(here[0]) if here else "localhost",
            "port": int(here[1]) if here else 80,
            "remote": str(there[0]) if there else "",
            "scheme": "https" if transport and transport.get_extra_info("ssl_object") else "http",
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        self._transport = transport  # type: ignore[assignment]  # a stream's transport is one that writes
        self.progress_at = time.monotonic()
        self._service.opened(self)

    def connection_lost(self, error: Optional[Exception]) -> None:
        """The client has gone; what it asked is not scored any more if it still waits."""
        del error
        self.gone = True
        self._next.clear()
        self._service.closed(self)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request."""
        self.progress_at = time.monotonic()
        if self._refused:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.refuse(400, "This service does not change protocols.")
        except httptools.HttpParserError:
            self.refuse(400, "The request is not HTTP as it must be.")

    def close(self) -> None:
        """Let the client go."""
        if self._transport is not None:
            self._transport.close()

    def refuse(self, status: int, message: str) -> None:
        """Answer what is not a request that can be taken, and let the client go."""
        self._refused = True
        if self._current is None and self._transport is not None:
            body = self._service.told(message)
            self._transport.write(render(Answer(status, body), b"", keep_alive=False))
        self.close()

    def finish(self, request: Request, answer: Answer) -> None:
        """Send the answer of the request that the service has, and give it the next one."""
        if request.done:
            return
        request.done = True
        if request.reshape is not None:
            answer = request.reshape(answer)
        self._service.count(request, answer)
        if self.gone or self._transport is None:
            return
        extra = request.own_headers() + self._service.headers_for(request)
        self._transport.write(render(answer, extra, request.keep_alive, request.method != "HEAD"))
        self._current = None
        if not request.keep_alive:
            self.close()
        elif self._next:
            self._begin(self._next.popleft())

    def on_message_begin(self) -> None:
        """A request begins."""
        self._target = b""
        self._headers = {}
        self._header_bytes = self._body_bytes = 0
        self._body = None

    def on_url(self, url: bytes) -> None:
        """Its target, or a part of it."""
        self._target += url
        self._count_header(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; several of one name are joined, as the Web's gateways do."""
        key = name.lower()
        there = self._headers.get(key)
        self._headers[key] = value if there is None else there + b"," + value
        self._count_header(len(name) + len(value))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        if self._refused:
            return
        announced = self._headers.get(b"content-length", b"")
        if announced.isdigit() and int(announced) > self._service.body_limit:
            self.refuse(413, f"The body is larger than {self._service.body_limit} bytes.")
        elif self._headers.get(b"expect", b"").lower() == b"100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        """A part of the body."""
        self._body_bytes += len(data)
        if self._body_bytes > self._service.body_limit:
            if not self._refused:
                self.refuse(413, f"The body is larger than {self._service.body_limit} bytes.")
        elif self._body is None:
            self._body = data
        elif isinstance(self._body, bytearray):
            self._body += data
        else:
            self._body = bytearray(self._body + data)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._refused:
            return
        method = self._parser.get_method().decode("ascii")
        path, _, query = self._target.partition(b"?")
        request = Request(self, method, _path_of(path), query.decode("latin-1"), self._parser.should_keep_alive())
        request.headers = self._headers
        request.body = bytes(self._body) if self._body else b""
        self._target, self._body = b"", None
        if self._current is None:
            self._begin(request)
        elif len(self._next) < _PIPELINED:
            self._next.append(request)
        else:
            self.refuse(400, "Too many requests were sent ahead on one connection.")

    def _begin(self, request: Request) -> None:
        self._current = request
        self._service.handle(request)

    def _count_header(self, size: int) -> None:
        self._header_bytes += size
        if not self._refused and (self._header_bytes > _HEADER_BYTES or len(self._headers) > _HEADER_COUNT):
            self.refuse(
                431, f"The head of the request is larger than {_HEADER_BYTES} bytes or {_HEADER_COUNT} headers."
            )


def _path_of(path: bytes) -> str:
    if not path.startswith(b"/"):  # an absolute target, as proxies send it
        path = httptools.parse_url(path).path or b"/"
    text = path.decode("latin-1")
    return unquote(text) if "%" in text else text
