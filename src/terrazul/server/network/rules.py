"""By which names a server may be addressed, and which pages may change something. Pure functions.

A page of another site can make a browser send requests to a server that the site itself cannot reach: to one on the
browser's own machine, above all. Its name then stands in ``Host`` (it points to us, by its DNS) or in ``Origin``.
"""

from __future__ import annotations

import re
from collections.abc import Collection

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
MOST_HEADERS = 100
HEADER_BYTES = 32 << 10
ADDRESS_BYTES = 48 << 10
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?\Z")
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
