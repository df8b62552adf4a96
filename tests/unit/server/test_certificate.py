"""Certificates are looked at before anything is started with them."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from terrazul.core.errors import WebserviceException
from terrazul.server.endpoint import certificate
from terrazul.testing.needs import needs_program
from terrazul.wire.endpoint import ServiceSettings

OFF = ServiceSettings(ssl_certificate="nobody looks", ssl_key="at this")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[ServiceSettings]:
    """Two certificates with their keys."""
    folder = tmp_path_factory.mktemp("pairs")
    return [make_pair(folder, str(number)) for number in range(2)]


def make_pair(folder: Path, name: str, *options: str) -> ServiceSettings:
    openssl = needs_program("openssl")
    certificate_file, key_file = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-subj", "/CN=localhost", "-days", "2",
         *(options or ["-nodes"]), "-out", certificate_file, "-keyout", key_file],
        check=True, capture_output=True,
    )  # fmt: skip
    return ServiceSettings(ssl_enabled=True, ssl_certificate=certificate_file.read_text(), ssl_key=key_file.read_text())


def test_pair_that_fits_is_taken(pairs: list[ServiceSettings]):
    certificate.check(pairs[0])
    certificate.check(OFF)


def test_key_of_another_certificate_is_refused(pairs: list[ServiceSettings]):
    with pytest.raises(WebserviceException, match="do not belong to each other"):
        certificate.check(replace(pairs[0], ssl_key=pairs[1].ssl_key))


@pytest.mark.parametrize("text", ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_text_that_is_no_certificate_is_refused(pairs: list[ServiceSettings], text: str):
    for wrong in (replace(pairs[0], ssl_certificate=text), replace(pairs[0], ssl_key=text)):
        with pytest.raises(WebserviceException, match="cannot be used"):
            certificate.check(wrong)


def test_key_with_a_password_is_refused(tmp_path: Path):
    settings = make_pair(tmp_path, "locked", "-passout", "pass:secret")
    with pytest.raises(WebserviceException, match="password"):
        certificate.check(settings)
