"""By which names a server may be addressed, which pages may change something, and whom it calls. Pure functions.

A page of another site can make a browser send requests to a server that the site itself cannot reach: to one on the
browser's own machine, above all. Its name then stands in ``Host`` (it points to us, by its DNS) or in ``Origin``.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from typing import NamedTuple
from urllib.parse import urlsplit

from terrazul.core.errors import InvalidInput

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
MOST_HEADERS = 100
HEADER_BYTES = 32 << 10
ADDRESS_BYTES = 48 << 10
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?\Z")
_DESTINATION = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:(?P<port>\d{1,5}))?\Z")
_PRINTABLE = re.compile(r"[!-~]+\Z")
_DESTINATION_BYTES = 2048
_PORTS = {"http": 80, "https": 443}
_HIGHEST_PORT = 65535
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""A gateway reaches the IPv4 address in the last four bytes for who has IPv6 only."""
_FOREIGN_SITES = frozenset({"cross-site", "same-site"})


def name_of(host: str) -> str:
    """The name in a ``Host`` header, without its port; empty for what is none."""
    match = _HOST.match(host.lower())
    return match["name"] if match else ""


def written(address: str) -> str:
    """A name or an IP address as it stands in a ``Host`` header."""
    return f"[{address}]" if ":" in address else address.lower()


def is_own_name(host: str, local_address: str, names: Collection[str]) -> bool:
    """Whether a ``Host`` header names this server: by loopback, by the address that was reached, or as it is allowed.

    The address that was reached is safe, since a site that has its name point to us stands in the header by that name.
    """
    name = name_of(host)
    return bool(name) and (name in LOOPBACK_NAMES or name == written(local_address) or name in names)


def is_foreign_origin(origin: str, site: str, host: str, *, secure: bool) -> bool:
    """Whether a request comes from a page of another origin, by its ``Origin`` and ``Sec-Fetch-Site``.

    Clients that are no browsers send neither. A server that speaks plain HTTP may have a proxy in front which does not,
    so it takes either scheme.
    """
    if site in _FOREIGN_SITES:
        return True
    scheme, separator, place = origin.lower().partition("://")
    own = separator and place == host.lower() and (scheme == "https" or (scheme == "http" and not secure))
    return bool(origin) and not own


class Destination(NamedTuple):
    """What the server is to call for a user."""

    scheme: str
    host: str
    """In lower case; an IPv6 address without its brackets."""
    port: int
    target: str
    """Path and query."""

    @property
    def place(self) -> str:
        """Host and port, as an administrator allows them."""
        return f"{written(self.host)}:{self.port}"


def read_destination(url: str) -> Destination:
    """The destination that an address names. Raises ``InvalidInput`` for one that could be read in two ways."""
    if not _PRINTABLE.match(url) or len(url) > _DESTINATION_BYTES:
        raise _no_destination(url, "it holds other characters than those of an address, or too many")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _no_destination(url, "it cannot be read") from None
    if parts.scheme not in _PORTS:
        raise _no_destination(url, "it begins neither with https:// nor with http://")
    place = _DESTINATION.match(parts.netloc.lower())
    if place is None:
        raise _no_destination(url, "between // and the next slash stand a name and perhaps a port, and nothing else")
    port = int(place["port"] or _PORTS[parts.scheme])
    if not 0 < port <= _HIGHEST_PORT:
        raise _no_destination(url, "its port is none")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(parts.scheme, place["name"].strip("[]"), port, target)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, and so is any IPv4 address that stands within it."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv4Address):
        return _is_public(found)
    if found in _TRANSLATED:
        return _is_public(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF))
    if found.ipv4_mapped:
        return _is_public(found.ipv4_mapped)
    within = [each for each in (found.sixtofour, *(found.teredo or ())) if each is not None]
    return all(map(_is_public, [found, *within]))


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _no_destination(url: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"{url[:80]!r} is not an address to call: {why}.", target="url", hint="Write https://name/path."
    )
