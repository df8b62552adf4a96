"""One HTTP connection: requests parsed by httptools, answered in order."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Deque, Dict, Optional, Union

import httptools

from terrazul.scoring.request import KEY_NEEDED, Request, render
from terrazul.scoring.worker.frames import Answer

if TYPE_CHECKING:
    from terrazul.scoring.front import Front

_HEAD_BYTES = 64 << 10
_HEADER_COUNT = 200
_AHEAD = 16
"""Requests that a connection may have sent ahead before it is read no further."""
_IDLE_SECONDS = 75.0
_REQUEST_SECONDS = 30.0
_SLOWEST = 1000
"""Bytes of a body that must come in a second, on the average."""
_LINGER_SECONDS = 2.0
_UNREAD_SECONDS = 600.0
"""How long a client may leave what it was sent unread."""
_OFFER = {b"upgrade", b"connection", b"http2-settings"}
_LARGE_BODY = 1 << 20
"""A larger body is not received before the key has been seen."""


class _Refusal:
    """What is answered in the place of a request that cannot be taken; nothing is read after it."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message


class HttpConnection(asyncio.Protocol):
    """Takes bytes from a client, and gives whole requests to the front one at a time."""

    def __init__(self, front: Front) -> None:
        self.gone = False
        self.ended = False
        """The client has said that it sends nothing more: it has gone, or waits for its last answer."""
        self._front = front
        self._parser = httptools.HttpRequestParser(self)
        self._transport: Optional[asyncio.Transport] = None
        self._current: Optional[Request] = None
        self._next: Deque[Union[Request, _Refusal]] = deque()
        self._in_head = True
        self._head_bytes = 0
        self._large = False
        """Whether a head that is complete now can be larger than it may be."""
        self._target = b""
        self._headers: Dict[bytes, bytes] = {}
        self._body: Any = b""
        self._body_bytes = 0
        self._since = time.monotonic()
        """Since when it is idle, or has been sending the request that is not whole yet."""
        self._receiving = False
        self._deaf = False
        """Whatever comes from the client is dropped."""
        self._paused = False
        self._blocked = False
        self._proceeding = False

    @property
    def busy(self) -> bool:
        """True while a request is with the front."""
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

    def is_overdue(self, now: float) -> bool:
        """Whether the client says nothing for too long, or too slowly, so that it may be let go."""
        silent = now - self._since
        if self._blocked:
            return silent > _UNREAD_SECONDS
        if self._current is not None:
            return False
        if self._receiving:
            return silent > _REQUEST_SECONDS + self._body_bytes / _SLOWEST
        return silent > _IDLE_SECONDS

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        self._transport = transport  # type: ignore[assignment]  # a stream's transport is one that writes
        self._front.opened(self)

    def connection_lost(self, error: Optional[Exception]) -> None:
        """The client has gone; what it asked is not scored any more if it still waits."""
        del error
        self.gone = True
        self._next.clear()
        self._front.closed(self)

    def eof_received(self) -> bool:
        """The client sends nothing more; what is being scored for it is still answered."""
        self.ended = True
        secure = self._transport is not None and self._transport.get_extra_info("ssl_object") is not None
        return not secure and (self._current is not None or bool(self._next))

    def pause_writing(self) -> None:
        """The client takes its answers too slowly: it gets no more for now."""
        self._blocked = True
        self._since = time.monotonic()

    def resume_writing(self) -> None:
        """The client takes answers again."""
        self._blocked = False
        self._since = time.monotonic()
        self._proceed()

    def data_received(self, data: bytes) -> None:
        """Bytes of a request."""
        if self._deaf:
            return
        if not self._receiving:
            self._receiving = True
            self._since = time.monotonic()
        self._large = len(data) + self._head_bytes > _HEAD_BYTES
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._stay_with_http(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.refuse(400, "The request is not HTTP as it must be.")
        if self._in_head and not self._deaf:
            self._head_bytes += len(data)
            if self._head_bytes > _HEAD_BYTES:
                self._refuse_head()
        if len(self._next) >= _AHEAD and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def close(self) -> None:
        """Let the client go, when it has got what was written."""
        if self._transport is not None:
            self._transport.close()

    def drop(self) -> None:
        """Let the client go, whatever it has not got yet."""
        if self._transport is not None:
            self._transport.abort()

    def refuse(self, status: int, message: str) -> None:
        """Answer what is not a request that can be taken, after those before it, and let the client go."""
        if self._deaf:
            return
        self._deaf = True
        self._next.append(_Refusal(status, message))
        self._proceed()

    def finish(self, request: Request, answer: Answer) -> None:
        """Send the answer of the request that the front has, and give it the next one."""
        if request.done:
            return
        request.done = True
        if request.reshape is not None:
            answer = request.reshape(answer)
        self._front.count(request, answer)
        transport = self._transport
        if self.gone or transport is None:
            return
        transport.write(render(request, answer, self._front.headers_for(request)))
        self._current = None
        if not request.keep_alive:
            self._linger()
        elif self._next:
            self._proceed()
        else:
            self._since = time.monotonic()
            if self.ended:
                self.close()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head = True
        self._head_bytes = 0
        self._target = b""
        self._headers = {}
        self._body = b""
        self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Its target, or a part of it."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; several of one name are joined, as the Web's gateways do."""
        key = name.lower()
        headers = self._headers
        if key in headers:
            value = headers[key] + b"," + value
        headers[key] = value

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False
        if self._deaf:
            return
        headers = self._headers
        if len(headers) > _HEADER_COUNT or (self._large and self._size_of_head() > _HEAD_BYTES):
            self._refuse_head()
            return
        announced = int(headers.get(b"content-length", b"0"))
        if announced > self._front.body_limit:
            self._refuse_body()
        elif (announced > _LARGE_BODY or b"transfer-encoding" in headers) and not self._front.knows(headers):
            self.refuse(401, KEY_NEEDED)
        elif b"expect" in headers and headers[b"expect"].lower() == b"100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        """A part of the body."""
        if self._deaf:
            return
        self._body_bytes += len(data)
        if self._body_bytes > self._front.body_limit:
            self._refuse_body()
        elif not self._body:
            self._body = data
        elif isinstance(self._body, bytearray):
            self._body += data
        else:
            self._body = bytearray(self._body + data)

    def on_message_complete(self) -> None:
        """The request is whole, unless it offers another protocol: then its body has not been read."""
        if self._deaf or self._parser.should_upgrade():
            return
        self._receiving = False
        target = self._target.decode("latin-1")
        request = Request(self, self._parser.get_method().decode("ascii"), target)
        request.keep_alive = self._parser.should_keep_alive()
        request.headers = self._headers
        request.body = self._body
        self._body = b""
        if self._current is None and not self._next and not self._blocked:
            self._current = request
            self._front.handle(request)
        else:
            self._next.append(request)

    def _proceed(self) -> None:
        """Go on with what came after the request that is answered now."""
        if self._proceeding:  # an answer that was given at once
            return
        self._proceeding = True
        while self._next and self._current is None and not self._blocked and not self.gone:
            upcoming = self._next.popleft()
            if isinstance(upcoming, Request):
                self._current = upcoming
                self._front.handle(upcoming)
            elif self._transport is not None:
                self._transport.write(self._front.refusal(upcoming.status, upcoming.message))
                self._linger()
        self._proceeding = False
        if self._paused and len(self._next) < _AHEAD and self._transport is not None and not self.gone:
            self._paused = False
            self._transport.resume_reading()
        if self.ended and self._current is None and not self._next:
            self.close()

    def _linger(self) -> None:
        """End the connection so that the client can still read: what it is sending meanwhile is dropped."""
        self._deaf = True
        self._next.clear()
        if self.ended or self._transport is None:
            self.close()
            return
        with contextlib.suppress(OSError):
            if self._transport.can_write_eof():
                self._transport.write_eof()
        asyncio.get_running_loop().call_later(_LINGER_SECONDS, self.close)

    def _stay_with_http(self, rest: bytes) -> None:
        """A client that offers another protocol is answered in this one: its request is read without the offer."""
        method = self._parser.get_method()
        if method == b"CONNECT":
            self.refuse(405, "This service is no proxy.")
            return
        lines = [name + b": " + value for name, value in self._headers.items() if name not in _OFFER]
        head = b"\r\n".join([method + b" " + self._target + b" HTTP/1.1", *lines, b"", b""])
        self._parser = httptools.HttpRequestParser(self)
        self.data_received(head + rest)

    def _size_of_head(self) -> int:
        return len(self._target) + sum(len(name) + len(value) for name, value in self._headers.items())

    def _refuse_head(self) -> None:
        self.refuse(431, f"The head of the request is larger than {_HEAD_BYTES} bytes or {_HEADER_COUNT} headers.")

    def _refuse_body(self) -> None:
        self.refuse(413, f"The body is larger than {self._front.body_limit} bytes.")
