"""One connection of a client, which may take its time for neither headers nor bodies, nor send headers without end.

The HTTP server that this builds on bounds neither, and the application learns of a request when its headers are whole.
"""

from __future__ import annotations

import enum
from asyncio import BaseTransport, TimerHandle
from typing import Any, ClassVar, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from terrazul.core.errors import AddressTooLong, HeaderTooLarge
from terrazul.server.network.rules import ADDRESS_BYTES

_HEAD_BYTES = 256 << 10
"""More than the application takes; what is over its own bounds, it refuses in its own words."""
_LEAST_BYTES = 1 << 10
_TOO_SLOW = 408


class _Part(enum.Enum):
    HEAD = "head"
    BODY = "body"
    NONE = "none"


class PatientConnection(HttpToolsProtocol):
    """Waits ``patience`` seconds for headers, and as long for each kilobyte of a body that is being read."""

    patience: ClassVar[float]

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin to wait for the first request."""
        super().connection_made(cast("Any", transport))
        self._part, self._bytes, self.url = _Part.HEAD, 0, b""
        self._watch: TimerHandle | None = self.loop.call_later(self.patience, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._stop_watch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, and note how far they have come."""
        before = self._part
        super().data_received(data)
        if self._part is _Part.HEAD and before is _Part.HEAD:
            self._bytes += len(data)
            if self._bytes > _HEAD_BYTES:
                self._refuse((AddressTooLong if len(self.url) > ADDRESS_BYTES else HeaderTooLarge).status)
        if self._part is not before or self._part is _Part.NONE:
            self._stop_watch()
        if self._part is not _Part.NONE and self._watch is None and not self.transport.is_closing():
            self._watch = self.loop.call_later(self.patience, self._look)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; an address that the parser finds too long is told to be that."""
        if len(self.url) > ADDRESS_BYTES:
            self._refuse(AddressTooLong.status)
        else:
            super().send_400_response(msg)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._part, self._bytes = _Part.HEAD, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its headers are whole."""
        self._part, self._bytes = _Part.BODY, 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of its body."""
        self._bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """All of it is there."""
        self._part = _Part.NONE
        super().on_message_complete()

    def _look(self) -> None:
        self._watch = None
        if self._part is _Part.NONE or self.transport.is_closing():
            return
        if self._part is _Part.BODY and (self._bytes >= _LEAST_BYTES or self._is_our_turn()):
            self._bytes = 0
            self._watch = self.loop.call_later(self.patience, self._look)
        elif self._bytes or self._part is _Part.BODY:
            self._refuse(_TOO_SLOW)
        else:
            self.transport.close()  # a client that only connected is told nothing, as after a request before

    def _is_our_turn(self) -> bool:
        """Whether the client waits for us to read, or to say that it may send."""
        return self.flow.read_paused or self.cycle.waiting_for_100_continue

    def _stop_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _refuse(self, status: int) -> None:
        answering = self._part is _Part.BODY and self.cycle.response_started
        if not answering and not self.transport.is_closing():
            self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()


def connection_of(patience: float) -> type[PatientConnection]:
    """The connections of one server."""
    return type("Connection", (PatientConnection,), {"patience": patience})
