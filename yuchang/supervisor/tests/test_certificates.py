"""A certificate of one's own: made once, renewed in time, never over the operator's."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from yuchang.supervisor import certificates
from yuchang.supervisor.certificates import days_left, ensure, files_in, fingerprint


def test_it_fits_the_names_and_is_trusted_by_whoever_installed_the_authority(tmp_path):
    files = ensure(tmp_path, ["yuchang.example", "10.0.0.7"])
    found = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "yuchang.example" in names.get_values_for_type(x509.DNSName)
    assert "10.0.0.7" in map(str, names.get_values_for_type(x509.IPAddress))
    found.verify_directly_issued_by(x509.load_pem_x509_certificate(files.authority.read_bytes()))
    ssl.create_default_context(cafile=str(files.authority))
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(files.certificate, files.key)
    assert len(fingerprint(files)) == 95
    for key in (files.key, files.authority.with_suffix(".key")):
        assert key.stat().st_mode & 0o077 == 0


def test_a_good_one_stays_a_new_name_or_a_near_end_makes_a_new_one_of_the_same_authority(
    tmp_path, monkeypatch
):
    files = ensure(tmp_path)
    authority, first = files.authority.read_bytes(), files.certificate.read_bytes()
    assert ensure(tmp_path).certificate.read_bytes() == first
    second = ensure(tmp_path, ["yuchang.example"]).certificate.read_bytes()
    assert second != first
    assert 396 < days_left(tmp_path) < 398

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(UTC) + timedelta(days=380)

    monkeypatch.setattr(certificates, "datetime", Later)
    assert ensure(tmp_path, ["yuchang.example"]).certificate.read_bytes() != second
    assert files.authority.read_bytes() == authority


def test_the_operators_certificate_is_left_alone(tmp_path):
    files = files_in(tmp_path)
    files.key.parent.mkdir()
    other = ensure(tmp_path / "other")
    files.certificate.write_bytes(other.certificate.read_bytes())
    files.key.write_bytes(other.key.read_bytes())
    ensure(tmp_path, ["yuchang.example"])
    assert files.certificate.read_bytes() == other.certificate.read_bytes()
    assert fingerprint(files) == ""


@pytest.mark.parametrize("content", [None, b"not a certificate"])
def test_without_a_readable_certificate_there_are_no_days_to_count(tmp_path, content):
    if content:
        (tmp_path / "tls").mkdir()
        files_in(tmp_path).certificate.write_bytes(content)
    assert days_left(tmp_path) is None
