"""Certificates that a server makes for itself."""

import ssl
import stat
from pathlib import Path

import pytest

from terrazul.core.clock import now
from terrazul.server.network.certificate import Unusable, load
from terrazul.server.network.own_certificate import dns_names_of, ensure

DAY = 86_400_000_000


def test_made_once_for_its_names_and_closed_to_others(tmp_path: Path):
    files = ensure(tmp_path / "tls", ["localhost", "127.0.0.1", "ml.example.com"], now)
    assert dns_names_of(files.certificate) == ["localhost", "ml.example.com"]
    load(files.certificate, files.key)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)
    before = files.certificate.read_bytes()
    ensure(tmp_path / "tls", ["localhost"], now)
    assert files.certificate.read_bytes() == before


@pytest.mark.parametrize("change", ["name", "time", "key"])
def test_made_anew_for_another_name_or_towards_its_end_or_where_a_part_is_missing(tmp_path: Path, change: str):
    files = ensure(tmp_path, ["localhost"], now)
    before = files.certificate.read_bytes()
    if change == "key":
        files.key.unlink()
    ensure(
        tmp_path,
        ["localhost", "other"] if change == "name" else ["localhost"],
        lambda: now() + 750 * DAY * (change == "time"),
    )
    assert files.certificate.read_bytes() != before


def test_authority_signs_nothing_else(tmp_path: Path):
    """Its key is nowhere: what is on disk is the key of the certificate alone."""
    files = ensure(tmp_path, ["localhost"], now)
    with pytest.raises(Unusable, match="do not belong to each other"):
        load(files.authority, files.key)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ca.pem", "certificate.pem", "key.pem"]
    context = ssl.create_default_context(cafile=str(files.authority))
    assert len(context.get_ca_certs()) == 1
