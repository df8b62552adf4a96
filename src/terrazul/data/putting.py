"""Putting bytes to addresses that the server's storage has signed."""

from __future__ import annotations

import http.client
from typing import Callable, Iterator, Mapping, Sequence, Set

from terrazul.data.connection import Connections
from terrazul.wire.snapshot import PartAddress

_TAKEN = (200, 201)


def put_all(
    addresses: Sequence[PartAddress], sizes: Mapping[str, int], read: Callable[[str], Iterator[bytes]]
) -> Set[str]:
    """Put the bytes that ``read`` gives for a digest; returns the digests of those that are there.

    After the first one that does not come through no other one is tried: it may be that this machine does not reach the
    storage.
    """
    there = {each.digest for each in addresses if not each.url}
    connections = Connections()
    try:
        for each in addresses:
            if each.url and not _is_taken(connections, each, read(each.digest), sizes[each.digest]):
                break
            there.add(each.digest)
    finally:
        connections.close()
    return there


def _is_taken(connections: Connections, address: PartAddress, chunks: Iterator[bytes], size: int) -> bool:
    try:
        reply = connections.ask("PUT", address.url, address.headers, chunks, size)
        for _ in reply.chunks():
            pass
    except (OSError, http.client.HTTPException):
        return False
    return reply.status in _TAKEN
