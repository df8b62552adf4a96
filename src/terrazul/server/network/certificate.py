"""Loading certificates, and saying what is wrong with them."""

from __future__ import annotations

import ssl
from pathlib import Path


class Unusable(Exception):
    """A certificate and a key that cannot be used; the text says why, as the end of a sentence."""


def load(certificate: Path, key: Path) -> ssl.SSLContext:
    """What a server speaks TLS with. Raises ``Unusable``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, OSError, ValueError) as problem:
        raise Unusable(_reason(problem)) from None
    return context


def _no_password() -> str:
    raise ValueError("the key is protected by a password")


def _reason(problem: Exception) -> str:
    if not isinstance(problem, ssl.SSLError):
        return str(problem)
    known = {"KEY_VALUES_MISMATCH": "they do not belong to each other", "NO_START_LINE": "one of them is not PEM"}
    return known.get(problem.reason or "", problem.reason or str(problem))
