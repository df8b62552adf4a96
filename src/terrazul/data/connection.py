"""Plain HTTP for the addresses that a store has signed: kept connections, each used by one thread at a time."""

from __future__ import annotations

import contextlib
import http.client
import importlib
import os
import socket
import ssl
import threading
from functools import lru_cache
from typing import Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple, Union
from urllib.parse import SplitResult, urlsplit

_TIMEOUT_SECONDS = 60.0
_CHUNK = 1 << 20
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
Body = Union[Iterator[bytes], None]
_Place = Tuple[str, str, Optional[int]]


class Reply(NamedTuple):
    """What a store answered; the body is read by ``chunks``, or as a whole."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    response: http.client.HTTPResponse

    def chunks(self) -> Iterator[bytes]:
        """The bytes in pieces. Raises ``OSError`` or ``HTTPException`` where they break off."""
        while True:
            chunk = self.response.read(_CHUNK)
            if not chunk:
                return
            yield chunk


class Connections:
    """Connections to stores, one for each thread and place; ``close`` ends them all."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._lock = threading.Lock()
        self._all: List[http.client.HTTPConnection] = []

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: Body = None, length: int = 0) -> Reply:
        """Make a request. Raises ``OSError`` or ``HTTPException`` where no answer comes."""
        parts = urlsplit(url)
        target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        sent = dict(headers)
        if body is not None:
            sent["Content-Length"] = str(length)
        connection = self._connection(parts)
        try:
            connection.request(method, target, body, sent)
            response = connection.getresponse()
        except BaseException:
            connection.close()
            raise
        return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, response)

    def drop(self, url: str) -> None:
        """Close this thread's connection to a place, whose answer was not read to its end; the next one is new."""
        self._connection(urlsplit(url)).close()

    def interrupt(self) -> None:
        """Break off what any thread waits for."""
        with self._lock:
            for connection in self._all:
                if connection.sock is not None:
                    with contextlib.suppress(OSError):
                        connection.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close all."""
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()

    def _connection(self, parts: SplitResult) -> http.client.HTTPConnection:
        known: Dict[_Place, http.client.HTTPConnection] = self._local.__dict__.setdefault("known", {})
        place = (parts.scheme, parts.hostname or "", parts.port)
        if place not in known:
            known[place] = _connection_to(parts)
            with self._lock:
                self._all.append(known[place])
        return known[place]


def _connection_to(parts: SplitResult) -> http.client.HTTPConnection:
    host, port = parts.hostname or "", parts.port
    proxy = None if host in _LOOPBACK else _proxy_of(parts.scheme, host)
    make: Callable[..., http.client.HTTPConnection] = http.client.HTTPConnection
    options = {}
    if parts.scheme == "https":
        make, options = http.client.HTTPSConnection, {"context": _trust(os.environ.get("TERRAZUL_CA_FILE", ""))}
    if proxy is None:
        return make(host, port, timeout=_TIMEOUT_SECONDS, **options)
    connection = make(proxy.hostname or "", proxy.port, timeout=_TIMEOUT_SECONDS, **options)
    connection.set_tunnel(host, port)
    return connection


@lru_cache(maxsize=4)
def _trust(further: str) -> ssl.SSLContext:
    """The authorities of the system, and those of a file that servers of one's own are trusted by."""
    context = ssl.create_default_context()
    if further:
        context.load_verify_locations(further)
    return context


@lru_cache(maxsize=64)
def _proxy_of(scheme: str, host: str) -> Optional[SplitResult]:
    request = importlib.import_module("urllib.request")  # only where a store is elsewhere: it costs more than the rest
    if request.proxy_bypass(host):
        return None
    proxy = request.getproxies().get(scheme)
    return urlsplit(proxy if "//" in proxy else f"http://{proxy}") if proxy else None
