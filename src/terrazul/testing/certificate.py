"""Self-signed certificates of tests."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

from terrazul.testing.needs import needs_program


class Pair(NamedTuple):
    """The PEM files of a certificate and its private key."""

    certificate: Path
    key: Path


def make_pair(folder: Path, name: str = "localhost", *key_options: str) -> Pair:
    """A certificate for ``localhost`` and 127.0.0.1, valid for two days.

    The key is not encrypted unless ``key_options`` of ``openssl req`` say otherwise.
    """
    pair = Pair(folder / f"{name}.crt", folder / f"{name}.key")
    subprocess.run(
        [needs_program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-subj", "/CN=localhost", "-days", "2",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", *(key_options or ["-nodes"]),
         "-out", pair.certificate, "-keyout", pair.key],
        check=True, capture_output=True,
    )  # fmt: skip
    return pair
