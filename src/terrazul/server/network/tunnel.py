"""A way out for libraries that make their own connections: a proxy on loopback that connects to checked addresses only.

``obstore`` resolves names by itself, follows redirects, and asks for tokens where a credential says. With this as its
proxy every connection that it makes, whatever for, passes the server's one gate: the name is looked up here, all its
addresses are checked, and the connection goes to one that was. TLS is between the library and the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import NamedTuple

from terrazul.core.errors import TerrazulError
from terrazul.server.network.outgoing import Outgoing
from terrazul.server.network.rules import Destination, read_destination

_USER = "terrazul"
_HEAD_BYTES = 64 << 10
_CHUNK = 256 << 10
_CONNECT_SECONDS = 5.0
_HEAD_SECONDS = 10.0
_PLAIN, _TLS = "http", "https"
_OWN_HEADERS = ("proxy-", "connection:")


class _Request(NamedTuple):
    destination: Destination
    head: bytes
    """What the destination is sent first; empty where it is to be a tunnel."""
    length: int | None
    """How many bytes of the caller belong to it; None for all."""


class _Refused(Exception):
    """A request that goes no further; the answer is its status line."""


class Tunnel:
    """The proxy of one process, which listens once it is asked for; only who knows the secret gets by."""

    def __init__(self, outgoing: Outgoing) -> None:
        self._outgoing = outgoing
        self._secret = secrets.token_hex(32)
        self._starting = asyncio.Lock()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def address(self) -> str:
        """The proxy's URL."""
        async with self._starting:
            if self._server is None:
                self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_HEAD_BYTES)
        port = self._server.sockets[0].getsockname()[1]
        return f"http://{_USER}:{self._secret}@127.0.0.1:{port}"

    async def stop(self) -> None:
        """Cut what is open."""
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        try:
            await self._forward(reader, writer)
        except _Refused as refusal:
            writer.write(f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        except (
            OSError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
            asyncio.TimeoutError,
            asyncio.CancelledError,
        ):
            pass
        finally:
            await _close(writer)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _HEAD_SECONDS)
        request = self._read(head.decode("latin-1"))
        there, back = await self._connect(request.destination)
        try:
            if request.head:
                back.write(request.head)
            else:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            onward = asyncio.ensure_future(_pump(reader, back, request.length))
            try:
                await _pump(there, writer, None)
            finally:
                onward.cancel()
                await asyncio.gather(onward, return_exceptions=True)
        finally:
            await _close(back)

    def _read(self, head: str) -> _Request:
        line, *lines = head.rstrip("\r\n").split("\r\n")
        method, _, rest = line.partition(" ")
        target = rest.rpartition(" ")[0]
        headers = {name.strip().lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
        wanted = "Basic " + b64encode(f"{_USER}:{self._secret}".encode()).decode()
        if not hmac.compare_digest(headers.get("proxy-authorization", "").encode("latin-1"), wanted.encode()):
            raise _Refused("407 Proxy Authentication Required")
        try:
            if method == "CONNECT":
                return _Request(read_destination(f"{_TLS}://{target}/"), b"", None)
            destination = read_destination(target)
        except TerrazulError:
            raise _Refused("400 Bad Request") from None
        if destination.scheme != _PLAIN or not self._outgoing.is_allowed(destination.place):
            raise _Refused("403 Forbidden")
        if "transfer-encoding" in headers or not headers.get("content-length", "0").isdecimal():
            raise _Refused("411 Length Required")
        kept = [each for each in lines if not each.lower().startswith(_OWN_HEADERS)]
        onward = "\r\n".join([f"{method} {destination.target} HTTP/1.1", *kept, "Connection: close", "", ""])
        return _Request(destination, onward.encode("latin-1"), int(headers.get("content-length", "0")))

    async def _connect(self, destination: Destination) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            addresses = await self._outgoing.addresses_of(destination)
        except TerrazulError:
            raise _Refused("403 Forbidden") from None
        for address in addresses:
            with contextlib.suppress(OSError, asyncio.TimeoutError):
                connecting = asyncio.open_connection(address, destination.port, limit=_CHUNK)
                return await asyncio.wait_for(connecting, _CONNECT_SECONDS)
        raise _Refused("502 Bad Gateway")


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, length: int | None) -> None:
    """Pass on so many bytes, or all, until one side ends."""
    with contextlib.suppress(OSError):
        async for part in _parts(reader, length):
            writer.write(part)
            await writer.drain()
        if length is None and writer.can_write_eof():
            writer.write_eof()


async def _parts(reader: asyncio.StreamReader, length: int | None) -> AsyncIterator[bytes]:
    left = length
    while left is None or left > 0:
        part = await reader.read(_CHUNK if left is None else min(_CHUNK, left))
        if not part:
            return
        left = None if left is None else left - len(part)
        yield part


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
