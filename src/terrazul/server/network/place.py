"""Where a server answers: its address for clients on this machine, its names, and what it speaks TLS with."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import ssl
from pathlib import Path
from typing import NamedTuple

from terrazul.core.clock import Clock
from terrazul.core.errors import InvalidInput
from terrazul.core.home import Home
from terrazul.core.settings import Settings, is_loopback
from terrazul.server.network.certificate import Unusable, load
from terrazul.server.network.rules import name_of, written
from terrazul.wire.server import CA_VARIABLE

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # asked for by whoever sets it


class Place(NamedTuple):
    """Where a server answers."""

    url: str
    names: list[str]
    """By which it may be addressed, besides loopback and the address that a connection reaches."""
    tls: ssl.SSLContext | None = None
    ca_file: str = ""
    """What clients on this machine trust it by, where that is not the system's."""


def place_of(home: Home, settings: Settings, bound: tuple[str, int], clock: Clock) -> Place:
    """The place of a server whose listener is bound to an address. Raises ``InvalidInput`` for a wrong certificate."""
    address, port = bound
    host = _EVERYWHERE.get(address, address)
    names = _names(settings)
    if not settings.speaks_tls:
        return Place(f"http://{written(host)}:{port}", names)
    if settings.certificate:
        return _with_given(settings, names, host, port)
    # costly to import, and only a server that makes its own certificate needs it
    from terrazul.server.network import own_certificate  # noqa: PLC0415

    local = [] if address in _EVERYWHERE else [address]
    certified = {"localhost", "127.0.0.1", "::1", *local, *(name.strip("[]") for name in names)}
    files = own_certificate.ensure(home.tls_folder, certified, clock)
    tls = _loaded(files.certificate, files.key)
    return Place(f"https://{written(host)}:{port}", names, tls, str(files.authority))


def _with_given(settings: Settings, names: list[str], host: str, port: int) -> Place:
    # as in ``place_of``
    from terrazul.server.network import own_certificate  # noqa: PLC0415

    certificate = Path(settings.certificate)
    tls = _loaded(certificate, Path(settings.certificate_key))
    certified = [name.lower() for name in own_certificate.dns_names_of(certificate)]
    names = list(dict.fromkeys([*names, *certified]))
    url = f"https://{names[0] if names else written(host)}:{port}"
    return Place(url, names, tls, os.environ.get(CA_VARIABLE, ""))


def _names(settings: Settings) -> list[str]:
    for name in settings.names:
        if not _is_name(name):
            raise InvalidInput(
                f"{name[:80]!r} is no name that a server can go by.",
                target="allowed_hosts",
                hint="Give names and addresses without http:// and without ports, between commas.",
            )
    own = [] if is_loopback(settings.host) else [socket.gethostname().lower()]
    return list(dict.fromkeys([*map(written, settings.names), *filter(name_of, own)]))


def _is_name(text: str) -> bool:
    if ":" not in text:
        return name_of(text) == text
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(text).version == 6  # noqa: PLR2004  # what has colons
    return False


def _loaded(certificate: Path, key: Path) -> ssl.SSLContext:
    try:
        return load(certificate, key)
    except Unusable as problem:
        raise InvalidInput(
            f"The certificate {certificate} with the key {key} cannot be used: {problem}.",
            target="certificate",
            hint="Give a certificate with its chain and the key that belongs to it, in PEM and without a password.",
        ) from None
