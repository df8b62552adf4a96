"""TLS for a service, from the PEM texts of its settings."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

from terrazul.wire.endpoint import ServiceSettings


def context_of(settings: ServiceSettings) -> ssl.SSLContext:
    """A context with the certificate and the key of these settings. Raises ``ssl.SSLError`` for others than PEM."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    renew(context, settings)
    return context


def renew(context: ssl.SSLContext, settings: ServiceSettings) -> None:
    """Have a context use the certificate and the key of these settings from the next connection on."""
    with tempfile.TemporaryDirectory() as folder:  # 0700, and the only form in which Python takes a key
        certificate, key = Path(folder, "certificate"), Path(folder, "key")
        certificate.write_text(settings.ssl_certificate, "utf-8")
        key.write_text(settings.ssl_key, "utf-8")
        context.load_cert_chain(certificate, key)
