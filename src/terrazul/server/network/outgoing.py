"""What the server calls for its users: destinations in the public internet, and those that an administrator allowed.

The name of a destination is looked up once for each call, every address that it has is checked, and the connection goes
to an address that was checked: a name that points elsewhere a moment later changes nothing. Redirects are not followed,
and no proxy of the server's surroundings is used, which would connect where it likes.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection, Mapping
from functools import cached_property
from socket import SOCK_STREAM, gaierror

from terrazul.core.errors import DestinationRefused, DestinationUnreachable
from terrazul.server.network.message import OutgoingAnswer, OutgoingRequest
from terrazul.server.network.rules import Destination, is_public, read_destination

_ALLOW = "An administrator can allow it: --allowed-destinations {place}."


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
        request = OutgoingRequest(method, headers, body, most)
        try:
            return await asyncio.wait_for(self._call(destination, request), seconds)
        except asyncio.TimeoutError:
            raise _unreachable(destination, f"no answer came within {seconds:g} s") from None

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

    async def _call(self, destination: Destination, request: OutgoingRequest) -> OutgoingAnswer:
        # Its library is a twentieth of the server's start, and most servers never call another one.
        from terrazul.server.network.exchange import NoAnswer, exchange  # noqa: PLC0415

        addresses = await self._addresses(destination)
        try:
            return await exchange(destination, addresses, request, self._tls)
        except NoAnswer as problem:
            raise _unreachable(destination, str(problem)) from None


def _unreachable(destination: Destination, why: str) -> DestinationUnreachable:
    return DestinationUnreachable(f"{destination.place} cannot be reached: {why}.", target="url")
