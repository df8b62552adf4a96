"""What the server calls for its users: destinations in the public internet, and those that an administrator allowed.

The name of a destination is looked up once for each call, every address that it has is checked, and the connection goes
to an address that was checked: a name that points elsewhere a moment later changes nothing. Redirects are not followed,
and no proxy of the server's surroundings is used, which would connect where it likes.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from socket import SOCK_STREAM, gaierror
from typing import Any, NamedTuple

import httpcore

from terrazul.core.errors import DestinationRefused, DestinationUnreachable
from terrazul.server.network.rules import Destination, is_public, read_destination

_ALLOW = "An administrator can allow it: --allowed-destinations {place}."
_CONNECT_SECONDS = 5.0


class OutgoingAnswer(NamedTuple):
    """What came back; of the body only as much as was asked for."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes


class Outgoing:
    """All calls of one server to others; ``allowed`` are places (``host:port``) outside of the public internet."""

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = frozenset(allowed)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made at the first call: reading the authorities of the machine would take a part of each start."""
        return ssl.create_default_context()

    async def check(self, url: str) -> None:
        """Raise what ``call`` would raise now, but for what shows only once a connection is made."""
        await self._addresses(self._destination(url))

    async def call(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, seconds: float, most: int
    ) -> OutgoingAnswer:
        """Make one request and read at most so many bytes of the answer.

        Raises ``InvalidInput`` for what is no address, ``DestinationRefused`` for one that may not be called, and
        ``DestinationUnreachable`` where no answer came within the time.
        """
        destination = self._destination(url)
        try:
            return await asyncio.wait_for(self._call(destination, method, headers, body, most), seconds)
        except asyncio.TimeoutError:
            raise _unreachable(destination, f"no answer came within {seconds:g} s") from None
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, ssl.SSLError) as problem:
            raise _unreachable(destination, str(problem) or type(problem).__name__) from None

    async def addresses_of(self, destination: Destination) -> list[str]:
        """The addresses of a destination, for who makes the connection by another protocol than HTTP.

        Raises as ``check``.
        """
        return await self._addresses(destination)

    def is_allowed(self, place: str) -> bool:
        """Whether an administrator allowed a place (``host:port``), wherever it is and whatever it speaks."""
        return place in self._allowed

    def _destination(self, url: str) -> Destination:
        destination = read_destination(url)
        if destination.scheme == "http" and destination.place not in self._allowed:
            raise DestinationRefused(
                f"http://{destination.place} is not called: what is sent there could be read on its way.",
                target="url",
                hint=f"Use https://. {_ALLOW.format(place=destination.place)}",
            )
        return destination

    async def _addresses(self, destination: Destination) -> list[str]:
        """The addresses of a destination, all of which may be called."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(destination.host, destination.port, type=SOCK_STREAM)
        except (gaierror, UnicodeError):
            raise _unreachable(destination, "that name is not known") from None
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        if destination.place not in self._allowed and not all(map(is_public, addresses)):
            raise DestinationRefused(
                f"{destination.place} lies outside of the public internet, so it is not called.",
                target="url",
                hint=_ALLOW.format(place=destination.place),
            )
        return addresses

    async def _call(
        self, destination: Destination, method: str, headers: Mapping[str, str], body: bytes, most: int
    ) -> OutgoingAnswer:
        way = _CheckedWay(await self._addresses(destination))
        host = destination.place.encode()
        sent = [(b"Host", host), *((name.encode(), value.encode()) for name, value in headers.items())]
        sent.append((b"Content-Length", str(len(body)).encode()))
        url = httpcore.URL(
            scheme=destination.scheme.encode(),
            host=destination.host.encode(),
            port=destination.port,
            target=destination.target.encode(),
        )
        async with (
            httpcore.AsyncConnectionPool(ssl_context=self._tls, network_backend=way) as pool,
            pool.stream(method, url, headers=sent, content=body) as answer,
        ):
            read = b""
            async for part in answer.aiter_stream():
                read += part
                if len(read) >= most:
                    break
            told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
            return OutgoingAnswer(answer.status, told, read[:most])


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


def _unreachable(destination: Destination, why: str) -> DestinationUnreachable:
    return DestinationUnreachable(f"{destination.place} cannot be reached: {why}.", target="url")
