"""Secrets in columns stay secret, stay where they were put, and outlive a change of the master key."""

import io
import os
import subprocess
import sys
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from config.environment import ROOT
from yuchang.core import secrets
from yuchang.core.models import AuditEntry, DataKey


@pytest.fixture(autouse=True)
def _no_cache():
    secrets.forget_keys()
    yield
    secrets.forget_keys()


def test_sm3_gives_the_known_answer():
    digest = hashes.Hash(hashes.SM3())
    digest.update(b"abc")
    assert digest.finalize().hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


def test_sm4_gives_the_known_answer():
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    cipher = Cipher(algorithms.SM4(key), modes.ECB()).encryptor()
    assert cipher.update(key).hex() == "681edf34d206965e86b3e94f536e4246"


@given(st.text(), st.text(min_size=1))
def test_what_is_sealed_is_unsealed_and_nothing_else_opens_it(text, uid):
    key = bytes(range(16))
    blob = secrets.sm4_seal(key, text.encode(), uid.encode())
    assert secrets.sm4_unseal(key, blob, uid.encode()).decode() == text
    for altered in (blob[:-1], blob[:-1] + bytes([blob[-1] ^ 1]), b"", blob[::-1] + b"x"):
        with pytest.raises(secrets.Unreadable):
            secrets.sm4_unseal(key, altered, uid.encode())
    with pytest.raises(secrets.Unreadable):
        secrets.sm4_unseal(key, blob, uid.encode() + b"x")


def test_a_blob_opens_only_for_its_county_field_and_row(db):
    blob = secrets.seal(1, "member.id", "u1", "000000200001010000")
    assert b"0000002000" not in blob
    assert secrets.unseal(1, "member.id", "u1", blob) == "000000200001010000"
    secrets.seal(2, "member.id", "u1", "x")
    for county, label, uid in ((2, "member.id", "u1"), (1, "member.phone", "u1"), (1, "member.id", "u2")):
        with pytest.raises(secrets.Unreadable):
            secrets.unseal(county, label, uid, blob)
    with pytest.raises(secrets.Unreadable):
        secrets.unseal(3, "member.id", "u1", blob)


def test_sealing_the_same_text_twice_shows_nothing_in_common(db):
    assert secrets.seal(1, "a", "u", "text") != secrets.seal(1, "a", "u", "text")


def test_a_blind_index_depends_on_label_and_text():
    one = secrets.blind_index("member.id", "000000200001010000")
    assert len(one) == 32
    assert one == secrets.blind_index("member.id", "000000200001010000")
    assert one != secrets.blind_index("member.phone", "000000200001010000")
    assert one != secrets.blind_index("member.id", "000000200001010001")
    assert secrets.blind_many("a", ["x", "y", "x"]) == [secrets.blind_index("a", t) for t in "xyx"]


def test_many_are_sealed_without_asking_the_database_for_each(db, django_assert_max_num_queries):
    with django_assert_max_num_queries(4):
        blobs = secrets.seal_many(7, "member.id", [(str(i), f"text {i}") for i in range(500)])
        texts = [secrets.unseal(7, "member.id", str(i), blob) for i, blob in enumerate(blobs)]
    assert texts == [f"text {i}" for i in range(500)]
    assert len({blob[2:14] for blob in blobs}) == 500  # no nonce twice


@pytest.mark.slow
def test_a_hundred_thousand_are_sealed_within_six_seconds(db):
    pairs = [(str(i), "000000200001010000") for i in range(100_000)]
    started = time.process_time()
    secrets.seal_many(7, "member.id", pairs)
    assert time.process_time() - started < 6


def test_a_key_of_a_transaction_that_was_rolled_back_is_not_used_again(db):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        secrets.seal(9, "a", "u", "text")
        1 / 0  # noqa: B018
    assert not DataKey.objects.filter(county_id=9).exists()
    blob = secrets.seal(9, "a", "u", "text")
    secrets.forget_keys()
    connection.run_on_commit.clear()
    assert secrets.unseal(9, "a", "u", blob) == "text"


def test_a_new_data_key_leaves_the_old_blobs_readable(db):
    old = secrets.seal(5, "a", "u", "before")
    secrets.rotate_data_key(actor=secrets_actor(), county_id=5)
    new = secrets.seal(5, "a", "u", "after")
    assert (old[:2], new[:2]) == (b"\x00\x01", b"\x00\x02")
    assert secrets.unseal(5, "a", "u", old) == "before"
    assert secrets.unseal(5, "a", "u", new) == "after"


def secrets_actor():
    from yuchang.accounts.rules import SYSTEM

    return SYSTEM


def test_changing_the_master_key_rewraps_the_data_keys_and_touches_no_blob(db, monkeypatch):
    monkeypatch.setenv(secrets.MASTER, "first master key")
    blob = secrets.seal(5, "a", "u", "text")
    before = bytes(DataKey.objects.get(county_id=5).wrapped)
    monkeypatch.setenv(secrets.MASTER, "second master key")
    monkeypatch.setenv(secrets.MASTER_OLD, "first master key")
    assert secrets.rotate_master_key(actor=secrets_actor()) == 1
    assert secrets.rotate_master_key(actor=secrets_actor()) == 0
    monkeypatch.delenv(secrets.MASTER_OLD)
    secrets.forget_keys()
    connection.run_on_commit.clear()
    assert bytes(DataKey.objects.get(county_id=5).wrapped) != before
    assert secrets.unseal(5, "a", "u", blob) == "text"
    assert AuditEntry.objects.filter(action="core.rotate_master_key").count() == 2


def test_without_the_master_key_nothing_opens_and_rotation_refuses(db, monkeypatch):
    monkeypatch.setenv(secrets.MASTER, "first master key")
    blob = secrets.seal(5, "a", "u", "text")
    secrets.forget_keys()
    connection.run_on_commit.clear()
    monkeypatch.setenv(secrets.MASTER, "a stranger's key")
    with pytest.raises(secrets.Unreadable):
        secrets.unseal(5, "a", "u", blob)
    with pytest.raises(secrets.Unreadable):
        secrets.rotate_master_key(actor=secrets_actor())


def test_the_application_cannot_remove_a_data_key(db):
    from django.db import ProgrammingError

    secrets.seal(5, "a", "u", "text")
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        DataKey.objects.filter(county_id=5).delete()


def test_processes_that_start_at_once_share_one_secret(tmp_path):
    """A master key read half-written would lock up everything sealed with it."""
    script = "from config.environment import secret; print(secret('YUCHANG_MASTER_KEY'))"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("YUCHANG_")}
    environment["YUCHANG_VAR"] = str(tmp_path)
    started = [
        subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, env=environment, stdout=subprocess.PIPE)
        for _ in range(6)
    ]
    said = {process.communicate()[0].strip() for process in started}
    assert len(said) == 1
    assert len(said.pop()) == 64
    assert [p.name for p in (tmp_path / "secrets").iterdir()] == ["yuchang_master_key"]
    assert (tmp_path / "secrets" / "yuchang_master_key").stat().st_mode & 0o077 == 0


def test_the_command_rewraps_or_says_what_is_missing(db, monkeypatch):
    monkeypatch.setenv(secrets.MASTER, "first master key")
    secrets.seal(5, "a", "u", "text")
    monkeypatch.setenv(secrets.MASTER, "second master key")
    with pytest.raises(CommandError, match="YUCHANG_MASTER_KEY_OLD"):
        call_command("rotate_master_key")
    monkeypatch.setenv(secrets.MASTER_OLD, "first master key")
    said = io.StringIO()
    call_command("rotate_master_key", stdout=said)
    assert "1 data keys rewrapped" in said.getvalue()
