"""A certificate of the server's own, for who has none from elsewhere; and reading the names in any certificate.

It is signed by an authority that lives as long as making it takes: its key is forgotten, so that whoever trusts it
trusts this one certificate, and nothing that could be signed later.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from terrazul.core.clock import Clock

_DAYS = 800
"""What browsers take of an authority that is not public, and a little less."""
_RENEWED_DAYS = 60
_SKEW = timedelta(days=1)
_MICROSECONDS = 1_000_000


class Files(NamedTuple):
    """Where certificate, key and authority lie."""

    certificate: Path
    key: Path
    authority: Path

    @classmethod
    def within(cls, folder: Path) -> Files:
        """Their places in a folder."""
        return cls(folder / "certificate.pem", folder / "key.pem", folder / "ca.pem")


def ensure(folder: Path, names: Iterable[str], clock: Clock) -> Files:
    """A certificate for these names and IP addresses, made where there is none, or one that has not long to live."""
    files = Files.within(folder)
    now = datetime.fromtimestamp(clock() / _MICROSECONDS, timezone.utc)
    wanted = sorted({*names})
    if not _serves(files, wanted, now):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(files, wanted, now)
    return files


def dns_names_of(certificate: Path) -> list[str]:
    """The DNS names that a certificate is for, without patterns. Raises ``OSError`` or ``ValueError``."""
    known = _names(x509.load_pem_x509_certificate(certificate.read_bytes()))
    return [str(each.value) for each in known if isinstance(each, x509.DNSName) and "*" not in each.value]


def _serves(files: Files, names: list[str], now: datetime) -> bool:
    with contextlib.suppress(OSError, ValueError):
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        there = {str(each.value) for each in _names(certificate)}
        lasting = certificate.not_valid_after_utc - now > timedelta(days=_RENEWED_DAYS)
        return lasting and there >= {*names} and files.key.exists() and files.authority.exists()
    return False


def _make(files: Files, names: list[str], now: datetime) -> None:
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Terrazul on {names[0]} of {now:%Y-%m-%d}"[:64])])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Terrazul")])
    issuer_id = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    authority = (
        _begun(issuer, issuer, authority_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(issuer_id, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    certificate = (
        _begun(issuer, subject, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(files.key, secret)
    _write(files.authority, authority.public_bytes(pem))
    _write(files.certificate, certificate.public_bytes(pem))


def _begun(
    issuer: x509.Name, subject: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + timedelta(days=_DAYS))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _names(certificate: x509.Certificate) -> list[x509.GeneralName]:
    try:
        return [*certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value]
    except x509.ExtensionNotFound:
        return []


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode())


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
