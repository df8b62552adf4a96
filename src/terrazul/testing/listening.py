"""Servers of a test's own process."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def listening(server: socketserver.TCPServer) -> Iterator[str]:
    """Have a server answer as long as the block lasts; the place (``host:port``) at which it does."""
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
