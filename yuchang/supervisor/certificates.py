"""A certificate authority of one's own, for networks without another: ``certificate``, ``run --tls``.

``var/tls`` holds ``authority.pem`` (install it on phones and desktops), ``server.pem`` with its chain and
``server.key``. Existing files of the operator are used as they are and never overwritten; a certificate that
our own authority made is made anew when its names changed or it ends within a month.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from yuchang.supervisor.server import write_private

AUTHORITY_DAYS, SERVER_DAYS, RENEW_DAYS = 3650, 397, 30
DEFAULT_HOSTS = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Files:
    """Where the certificate lies."""

    authority: Path
    certificate: Path
    key: Path


def files_in(var: Path) -> Files:
    folder = var / "tls"
    return Files(folder / "authority.pem", folder / "server.pem", folder / "server.key")


def days_left(var: Path) -> float | None:
    """Days until the certificate ends; None when there is none to be read."""
    try:
        found = x509.load_pem_x509_certificate(files_in(var).certificate.read_bytes())
    except (OSError, ValueError):
        return None
    return (found.not_valid_after_utc - datetime.now(UTC)).total_seconds() / 86400


def ensure(var: Path, hosts: Sequence[str] = ()) -> Files:
    """A certificate for these names and this machine, made or renewed if needed. Returns its files."""
    files, names = files_in(var), tuple(dict.fromkeys((*DEFAULT_HOSTS, *hosts)))
    if files.certificate.exists() and not _is_due(files, names):
        return files
    files.key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority_key, authority = _authority(files)
    key = ec.generate_private_key(ec.SECP256R1())
    made = (
        _builder(_name("Yuchang server"), authority.subject, key.public_key(), SERVER_DAYS)
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    write_private(files.key, _key_text(key))
    write_private(files.certificate, _text(made) + _text(authority))
    return files


def fingerprint(files: Files) -> str:
    """The authority's SHA-256, as devices show it; empty when the operator brought the certificate."""
    if not files.authority.exists():
        return ""
    authority = x509.load_pem_x509_certificate(files.authority.read_bytes())
    return authority.fingerprint(hashes.SHA256()).hex(":").upper()


def _is_due(files: Files, names: Sequence[str]) -> bool:
    """Whether a certificate of our own must be made anew. The operator's never is."""
    if not files.authority.exists():
        return False
    ours = x509.load_pem_x509_certificate(files.authority.read_bytes())
    found = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    if found.issuer != ours.subject:
        return False
    listed = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    missing = {_alternative(name) for name in names} - set(listed)
    return bool(missing) or found.not_valid_after_utc < datetime.now(UTC) + timedelta(days=RENEW_DAYS)


def _authority(files: Files) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """The authority, made at the first call. Its key stays beside it, readable by this account only."""
    key_file = files.authority.with_suffix(".key")
    if files.authority.exists() and key_file.exists():
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key, x509.load_pem_x509_certificate(files.authority.read_bytes())
    made_key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Yuchang local authority")
    made = (
        _builder(name, name, made_key.public_key(), AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_may_sign_certificates(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(made_key.public_key()), critical=False)
        .sign(made_key, hashes.SHA256())
    )
    write_private(key_file, _key_text(made_key))
    files.authority.write_text(_text(made))
    return made_key, made


def _may_sign_certificates() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    made = made.serial_number(x509.random_serial_number())
    return made.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=days))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_text(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
