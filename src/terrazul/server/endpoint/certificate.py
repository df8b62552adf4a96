"""Looking at certificates before a web service is started with them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from terrazul.core.errors import WebserviceException
from terrazul.server.network.certificate import Unusable, load
from terrazul.wire.endpoint import ServiceSettings


def check(settings: ServiceSettings) -> None:
    """Raise ``WebserviceException`` where certificate and key are no PEM texts, or do not belong to each other."""
    if not settings.ssl_enabled:
        return
    with tempfile.TemporaryDirectory() as folder:  # 0700, and the only form in which Python takes a key
        certificate, key = Path(folder, "certificate"), Path(folder, "key")
        certificate.write_text(settings.ssl_certificate, "utf-8")
        key.write_text(settings.ssl_key, "utf-8")
        try:
            load(certificate, key)
        except Unusable as problem:
            raise WebserviceException(
                f"Certificate and key cannot be used: {problem}.",
                target="ssl_certificate",
                hint="Give a certificate with its chain and the key that belongs to it, in PEM and without a password.",
            ) from None
