"""Where a server answers, and by which names."""

import socket
from pathlib import Path

import pytest
from cryptography import x509

from terrazul.core.clock import now
from terrazul.core.errors import InvalidInput
from terrazul.core.home import Home
from terrazul.core.settings import Settings
from terrazul.server.network.place import place_of

EVERYWHERE = "0.0.0.0"  # noqa: S104  # nothing is bound


def test_plain_address_of_every_kind(tmp_path: Path):
    home = Home(str(tmp_path))
    assert place_of(home, Settings(), ("127.0.0.1", 7), now).url == "http://127.0.0.1:7"
    assert place_of(home, Settings(host="::1"), ("::1", 7), now).url == "http://[::1]:7"
    everywhere = place_of(
        home, Settings(host=EVERYWHERE, plain_http=True, allowed_hosts="ML.example.com, b"), (EVERYWHERE, 7), now
    )
    assert everywhere.url == "http://127.0.0.1:7"
    assert everywhere.names == ["ml.example.com", "b", socket.gethostname().lower()]


def test_own_certificate_is_for_further_names_and_addresses(tmp_path: Path):
    place_of(Home(str(tmp_path)), Settings(tls=True, allowed_hosts="fd00::7, ml.example.com"), ("127.0.0.1", 7), now)
    certified = x509.load_pem_x509_certificate((tmp_path / "tls" / "certificate.pem").read_bytes())
    names = certified.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(each.value) for each in names} == {"localhost", "127.0.0.1", "::1", "fd00::7", "ml.example.com"}


def test_own_certificate_is_trusted_by_its_authority(tmp_path: Path):
    place = place_of(Home(str(tmp_path)), Settings(tls=True), ("127.0.0.1", 7), now)
    assert place.tls
    assert (place.url, place.ca_file) == ("https://127.0.0.1:7", str(tmp_path / "tls" / "ca.pem"))


@pytest.mark.parametrize("hosts", ["http://a", "a:80", "a b", "a/b", "*.a", "é", "::x", "[::1]"])
def test_name_that_is_none_is_refused(tmp_path: Path, hosts: str):
    with pytest.raises(InvalidInput, match="no name"):
        place_of(Home(str(tmp_path)), Settings(allowed_hosts=hosts), ("127.0.0.1", 7), now)


def test_certificate_that_cannot_be_used_is_refused(tmp_path: Path):
    for text in (None, "no certificate"):
        if text:
            (tmp_path / "c").write_text(text)
            (tmp_path / "k").write_text(text)
        settings = Settings(certificate=str(tmp_path / "c"), certificate_key=str(tmp_path / "k"))
        with pytest.raises(InvalidInput, match="cannot be used"):
            place_of(Home(str(tmp_path)), settings, ("127.0.0.1", 7), now)
