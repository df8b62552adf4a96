"""A receiver of webhooks on loopback, which answers as a test wants and remembers what it was sent."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

_WAIT_SECONDS = 60
_LOOK_SECONDS = 0.02


class Received(NamedTuple):
    """One request."""

    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def message(self) -> Any:
        """What it tells."""
        return json.loads(self.body)

    @property
    def kind(self) -> str:
        """The event that it tells of."""
        return f"{self.message['entity']}.{self.message['action']}"

    @property
    def id(self) -> str:
        """The id of the delivery."""
        return self.headers["x-mlflow-delivery-id"]

    def is_signed_with(self, secret: str) -> bool:
        """Whether its signature is what a receiver with this secret computes."""
        signed = b".".join((self.id.encode(), self.headers["x-mlflow-timestamp"].encode(), self.body))
        expected = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
        return self.headers.get("x-mlflow-signature") == f"v1,{expected}"


class Reply(NamedTuple):
    """What a request is answered with."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"taken"


class Receiver:
    """Begins at once; ``with`` ends it. ``replies`` are given one after another, then 200 for good."""

    def __init__(self, port: int = 0) -> None:
        self.received: list[Received] = []
        self.replies: list[Reply] = []
        self.held = threading.Event()
        """Cleared, it keeps every request without an answer until it is set."""
        self.held.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def __enter__(self) -> Receiver:  # noqa: PYI034  # nobody makes a subclass of it
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.close()

    def close(self) -> None:
        """Nobody listens at its port any more; may be called again."""
        self.held.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def place(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def port(self) -> int:
        """Its port."""
        return int(self._server.server_address[1])

    @property
    def kinds(self) -> list[str]:
        """The events it was told of, in order."""
        return [each.kind for each in list(self.received)]

    def wait_for(self, number: int) -> list[Received]:
        """What was received, as soon as it is so much."""
        self.wait_until(lambda: len(self.received) >= number)
        return list(self.received)

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Go on as soon as something holds."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while not holds():
            assert time.monotonic() < deadline, self.received
            time.sleep(_LOOK_SECONDS)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the library's name
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(self.path, headers, body))
                receiver.held.wait(_WAIT_SECONDS)
                reply = receiver.replies.pop(0) if receiver.replies else Reply()
                self.send_response(reply.status)
                for name, value in (*reply.headers, ("Content-Length", str(len(reply.body)))):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
