"""One HTTP request to a destination at addresses that were checked."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore

from terrazul.server.network.message import OutgoingAnswer, OutgoingRequest
from terrazul.server.network.rules import Destination

_CONNECT_SECONDS = 5.0


class NoAnswer(Exception):
    """Why none came, in words."""


async def exchange(
    destination: Destination, addresses: list[str], request: OutgoingRequest, tls: ssl.SSLContext
) -> OutgoingAnswer:
    """Make the request and read what is wanted of its answer. Raises ``NoAnswer``."""
    try:
        return await _exchange(destination, addresses, request, tls)
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, ssl.SSLError) as problem:
        raise NoAnswer(str(problem) or type(problem).__name__) from None


async def _exchange(
    destination: Destination, addresses: list[str], request: OutgoingRequest, tls: ssl.SSLContext
) -> OutgoingAnswer:
    host = destination.place.encode()
    sent = [(b"Host", host), *((name.encode(), value.encode()) for name, value in request.headers.items())]
    sent.append((b"Content-Length", str(len(request.body)).encode()))
    url = httpcore.URL(
        scheme=destination.scheme.encode(),
        host=destination.host.encode(),
        port=destination.port,
        target=destination.target.encode(),
    )
    async with (
        httpcore.AsyncConnectionPool(ssl_context=tls, network_backend=_CheckedWay(addresses)) as pool,
        pool.stream(request.method, url, headers=sent, content=request.body) as answer,
    ):
        read = b""
        async for part in answer.aiter_stream():
            read += part
            if len(read) >= request.most:
                break
        told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
        return OutgoingAnswer(answer.status, told, read[: request.most])


class _CheckedWay(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were checked, whatever the name of the host."""

    def __init__(self, addresses: list[str]) -> None:
        self._addresses = addresses
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """The first of them that answers."""
        del host, timeout  # the call as a whole has its time
        problem: Exception = httpcore.ConnectError("it has no address")
        for address in self._addresses:
            try:
                return await self._plain.connect_tcp(address, port, _CONNECT_SECONDS, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:  # noqa: PERF203  # the next may answer
                problem = error
        raise problem
