"""Looking at certificates before a web service is started with them."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

from terrazul.core.errors import WebserviceException
from terrazul.wire.endpoint import ServiceSettings


def check(settings: ServiceSettings) -> None:
    """Raise ``WebserviceException`` where certificate and key are no PEM texts, or do not belong to each other."""
    if not settings.ssl_enabled:
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:  # 0700, and the only form in which Python takes a key
        certificate, key = Path(folder, "certificate"), Path(folder, "key")
        certificate.write_text(settings.ssl_certificate, "utf-8")
        key.write_text(settings.ssl_key, "utf-8")
        try:
            context.load_cert_chain(certificate, key, password=_no_password)
        except (ssl.SSLError, OSError, ValueError) as problem:
            raise WebserviceException(
                f"Certificate and key cannot be used: {_reason(problem)}.",
                target="ssl_certificate",
                hint="Give a certificate with its chain and the key that belongs to it, in PEM and without a password.",
            ) from None


def _no_password() -> str:
    raise ValueError("the key is protected by a password")


def _reason(problem: Exception) -> str:
    if not isinstance(problem, ssl.SSLError):
        return str(problem)
    known = {"KEY_VALUES_MISMATCH": "they do not belong to each other", "NO_START_LINE": "one of them is not PEM"}
    return known.get(problem.reason or "", problem.reason or str(problem))
