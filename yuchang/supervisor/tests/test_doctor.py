"""The doctor names every ill it knows, in a plain sentence, and is silent about it when there is none."""

import contextlib
import os
import shutil
import socket
import sys
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import psycopg
import pytest

from yuchang.supervisor import doctor
from yuchang.supervisor.provision import replace_url


def bad(findings):
    return [finding.en for finding in findings if finding.level == "bad"]


def database_findings(server, role):
    with psycopg.connect(server.urls()[role], autocommit=True) as connection:
        return [*doctor.check_version(connection), *doctor.check_rights(connection, role)]


@pytest.fixture
def admin(server):
    with psycopg.connect(server.urls()["admin"], autocommit=True) as connection:
        yield connection


@contextlib.contextmanager
def spoiled(admin, spoil, mend):
    admin.execute(spoil)
    try:
        yield
    finally:
        admin.execute(mend)


def test_a_healthy_server_is_said_to_be_healthy(server):
    for role in ("app", "portal"):
        findings = database_findings(server, role)
        assert bad(findings) == []
        assert any("neither become owner" in finding.en for finding in findings)


@pytest.mark.parametrize(
    ("spoil", "mend", "said"),
    [
        ("ALTER ROLE yuchang_app SUPERUSER", "ALTER ROLE yuchang_app NOSUPERUSER", "is a superuser"),
        ("ALTER ROLE yuchang_app CREATEROLE", "ALTER ROLE yuchang_app NOCREATEROLE", "create roles"),
        ("ALTER ROLE yuchang_app CREATEDB", "ALTER ROLE yuchang_app NOCREATEDB", "create roles or databases"),
        ("ALTER ROLE yuchang_app BYPASSRLS", "ALTER ROLE yuchang_app NOBYPASSRLS", "bypass row security"),
        ("GRANT yuchang_owner TO yuchang_app", "REVOKE yuchang_owner FROM yuchang_app", "become the owner"),
        ("GRANT pg_read_all_data TO yuchang_app", "REVOKE pg_read_all_data FROM yuchang_app", "other roles"),
        ("CREATE TABLE its (n int); ALTER TABLE its OWNER TO yuchang_app", "DROP TABLE its", "owns tables"),
        (
            "GRANT CREATE ON SCHEMA public TO yuchang_app",
            "REVOKE CREATE ON SCHEMA public FROM yuchang_app",
            "may create tables",
        ),
        (
            "CREATE TABLE core_auditentry (n int); GRANT UPDATE ON core_auditentry TO yuchang_app",
            "DROP TABLE core_auditentry",
            "change the audit log",
        ),
    ],
)
def test_an_application_role_that_is_too_strong_is_named(server, admin, spoil, mend, said):
    with spoiled(admin, spoil, mend):
        assert any(said in sentence for sentence in bad(database_findings(server, "app")))


@pytest.mark.parametrize(
    ("right", "said"),
    [("SELECT", "sees tables that are not published: secret"), ("UPDATE", "may change: secret")],
)
def test_a_portal_role_that_sees_too_much_is_named(server, admin, right, said):
    with spoiled(
        admin, f"CREATE TABLE secret (n int); GRANT {right} ON secret TO yuchang_portal", "DROP TABLE secret"
    ):
        assert any(said in sentence for sentence in bad(database_findings(server, "portal")))


def test_a_published_table_is_no_finding(server, admin):
    with spoiled(
        admin,
        "CREATE TABLE core_instance (n int); GRANT SELECT ON core_instance TO yuchang_portal",
        "DROP TABLE core_instance",
    ):
        assert bad(database_findings(server, "portal")) == []


def test_a_sign_in_that_fails_is_named(server):
    wrong = replace_url(server.urls()["app"], "yuchang", "yuchang_app", "wrong")
    assert "Cannot sign in to the database as app" in bad(doctor.check_database("app", wrong))[0]


def test_a_server_that_is_too_old_or_not_utf8_is_named():
    info = SimpleNamespace(server_version=140_011, user="x", parameter_status=lambda name: "SQL_ASCII")
    sentences = bad(doctor.check_version(SimpleNamespace(info=info)))
    assert "PostgreSQL 14 is too old" in sentences[0]
    assert "SQL_ASCII" in sentences[1]


def test_tables_that_wait_for_migrations_are_named(server, monkeypatch):
    for role in ("app", "owner"):
        monkeypatch.setenv({"app": "DATABASE_URL", "owner": "DATABASE_OWNER_URL"}[role], server.urls()[role])
    assert "Migrations are pending" in bad(doctor.check_migrations())[0]


def test_a_running_a_stopped_and_an_absent_server_are_told_apart(fresh_server, monkeypatch):
    monkeypatch.setattr(doctor, "database_url", lambda role: fresh_server.urls()[role])
    monkeypatch.setattr(doctor, "check_migrations", lambda: [])
    assert "no embedded database yet" in next(doctor.check_server(fresh_server)).en
    fresh_server.start()
    findings = list(doctor.check_server(fresh_server))
    assert bad(findings) == []
    assert "The embedded database is used" in findings[0].en
    fresh_server.stop()
    assert "is not running" in next(doctor.check_server(fresh_server)).en


def test_a_taken_port_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "Something listens" in next(doctor.check_port(taken.getsockname()[1])).en


def test_a_platform_that_nobody_started_is_named(monkeypatch):
    for number, level in ((None, "note"), (4711, "good")):
        monkeypatch.setattr(doctor, "running_pid", lambda number=number: number)
        assert next(doctor.check_run()).level == level


def test_a_backup_of_the_future_tells_of_a_wrong_clock(monkeypatch):
    monkeypatch.setattr(doctor, "check_archive", lambda server: [])
    server = SimpleNamespace(connection_file=SimpleNamespace(exists=lambda: True))
    for hours, level, said in ((0, "good", "0 hours"), (-2, "bad", "clock"), (27, "bad", "27 hours")):
        made = SimpleNamespace(name="x", finished=datetime.now(UTC) - timedelta(hours=hours))
        monkeypatch.setattr(doctor, "backups_in", lambda folder, made=made: [made])
        found = next(doctor.check_backups(server))
        assert found.level == level
        assert said in found.en


def test_backups_that_cannot_be_looked_at_are_named(monkeypatch):
    def unreadable(folder):
        raise PermissionError("base")

    monkeypatch.setattr(doctor, "backups_in", unreadable)
    server = SimpleNamespace(connection_file=SimpleNamespace(exists=lambda: True))
    assert "cannot be looked at" in bad(doctor.check_backups(server))[0]


def test_an_archive_that_takes_no_log_is_named(fresh_server, tmp_path):
    fresh_server.start()
    assert list(doctor.check_archive(fresh_server)) == []
    fresh_server.archive_to(tmp_path / "missing")
    with psycopg.connect(fresh_server.urls()["admin"], autocommit=True) as admin:
        admin.execute("SELECT pg_logical_emit_message(true, 'x', 'y')")
        admin.execute("SELECT pg_switch_wal()")
    for _attempt in range(100):
        if found := bad(doctor.check_archive(fresh_server)):
            break
        time.sleep(0.2)
    assert "does not reach the archive" in found[0]


def test_a_full_and_a_nearly_full_disk_are_named(tmp_path, monkeypatch):
    for free, level in ((2**20, "bad"), (2**30, "note"), (2**40, "good")):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: SimpleNamespace(free=free))
        assert next(doctor.check_disk(tmp_path)).level == level


def test_a_folder_without_rights_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, rights: False)
    assert bad(doctor.check_folders(tmp_path / "not" / "yet")) == [f"No right to write in {tmp_path}."]


def test_a_key_that_others_can_read_is_named(tmp_path):
    key = tmp_path / "secrets" / "yuchang_audit_key"
    key.parent.mkdir()
    key.write_text("x")
    key.chmod(0o600)
    assert list(doctor.check_secrets(tmp_path)) == []
    key.chmod(0o640)
    assert str(key) in bad(doctor.check_secrets(tmp_path))[0]


def test_an_old_python_and_missing_packages_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 4, "final", 0))
    assert bad(doctor.check_python())
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert "make setup" in bad(doctor.check_node())[0]


def test_it_says_all_in_both_languages(server):
    for finding in doctor.examine(server, (1,)):
        assert finding.zh.strip()
        assert finding.en.strip()
        assert finding.level in {"good", "note", "bad"}
