"""Certificates are looked at before anything is started with them."""

from dataclasses import replace
from pathlib import Path

import pytest

from terrazul.core.errors import WebserviceException
from terrazul.server.endpoint import certificate
from terrazul.testing.certificate import make_pair
from terrazul.wire.endpoint import ServiceSettings

OFF = ServiceSettings(ssl_certificate="nobody looks", ssl_key="at this")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[ServiceSettings]:
    """Two certificates with their keys."""
    folder = tmp_path_factory.mktemp("pairs")
    return [settings_with_tls(folder, str(number)) for number in range(2)]


def settings_with_tls(folder: Path, name: str, *key_options: str) -> ServiceSettings:
    pair = make_pair(folder, name, *key_options)
    texts = {"ssl_certificate": pair.certificate.read_text(), "ssl_key": pair.key.read_text()}
    return ServiceSettings(ssl_enabled=True, **texts)


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
    settings = settings_with_tls(tmp_path, "locked", "-passout", "pass:secret")
    with pytest.raises(WebserviceException, match="password"):
        certificate.check(settings)
