"""What an operator copies from ``deploy/`` names only what exists, and promises what the pages rely on."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from config.environment import ROOT
from tools import compile_messages
from yuchang.supervisor.__main__ import parser
from yuchang.supervisor.keeping import passphrase_of
from yuchang.supervisor.words import Trouble

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("yuchang*.service"))


def unit(path: Path) -> RawConfigParser:
    found = RawConfigParser(strict=False)
    found.optionxform = str  # type: ignore[assignment, method-assign]
    found.read_string(path.read_text())
    return found


def read_by_the_program() -> set[str]:
    """Every environment variable that the program's text names."""
    files = [p for folder in ("config", "yuchang", "tools") for p in (ROOT / folder).rglob("*.py")]
    return {name for p in files for name in re.findall(r"\b(?:YUCHANG|DATABASE)_[A-Z_]+\b", p.read_text())}


@pytest.mark.parametrize("path", UNITS, ids=lambda p: p.name)
def test_a_unit_starts_a_command_that_exists_without_more_rights_than_it_needs(path: Path) -> None:
    service = unit(path)["Service"]
    program, *words = service["ExecStart"].split()
    assert program == "/opt/yuchang/.venv/bin/python"
    assert words[:2] == ["-m", "yuchang.supervisor"]
    assert callable(parser().parse_args(words[2:]).action)
    assert service["User"] == "yuchang"
    for name in ("NoNewPrivileges", "ProtectHome", "PrivateDevices"):
        assert service[name] == "yes", name
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""


def test_the_timer_belongs_to_a_unit_and_the_folders_of_both_agree() -> None:
    assert unit(DEPLOY / "systemd" / "yuchang-backup.timer")["Timer"]["OnCalendar"]
    folders = {unit(path)["Service"]["WorkingDirectory"] for path in UNITS}
    assert folders == {"/opt/yuchang"}


def test_the_command_of_the_service_has_its_account_its_data_and_its_settings(tmp_path: Path) -> None:
    program, said = tmp_path / "program", tmp_path / "said"
    python = program / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nprintf "%s\\n" "$PWD" "$YUCHANG_VAR" "$YUCHANG_HOSTS" "$@" >{said}\n')
    python.chmod(0o755)
    settings = tmp_path / "settings"
    settings.write_text("# a remark\nYUCHANG_HOSTS=a b.example,10.0.0.7\n#YUCHANG_VAR=/elsewhere\n")
    given = {"YUCHANG_PROGRAM": str(program), "YUCHANG_SETTINGS": str(settings), "YUCHANG_ACCOUNT": "root"}
    given["PATH"] = os.environ["PATH"]
    for words, wanted in (
        (["drill", "--newest"], ["-m", "yuchang.supervisor", "drill", "--newest"]),
        (["manage", "zone", "state"], ["manage.py", "zone", "state"]),
    ):
        subprocess.run(["sh", str(DEPLOY / "yuchang"), *words], env=given, check=True)
        assert said.read_text().splitlines() == [
            str(program),
            "/var/lib/yuchang",
            "a b.example,10.0.0.7",
            *wanted,
        ]
    folders = {unit(path)["Service"]["Environment"] for path in UNITS}
    text = (DEPLOY / "yuchang").read_text()
    assert folders and "YUCHANG_VAR:-/var/lib/yuchang" in text and "YUCHANG_PROGRAM:-/opt/yuchang" in text


@pytest.mark.parametrize(
    "written",
    ["'a=b c'", '"a=b c"', "a=b c", "a=b c  ", "a=b c\r"],
    ids=["single", "double", "bare", "blanks", "dos"],
)
def test_a_setting_means_to_the_command_what_it_means_to_systemd(tmp_path: Path, written: str) -> None:
    """What ``provision`` and ``move`` print for /etc/yuchang.env stands in quotes."""
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nprintf "%s" "$DATABASE_URL"\n')
    python.chmod(0o755)
    settings = tmp_path / "settings"
    settings.write_bytes(f"DATABASE_URL={written}\n".encode())
    given = {"YUCHANG_PROGRAM": str(tmp_path), "YUCHANG_SETTINGS": str(settings), "YUCHANG_ACCOUNT": "root"}
    given["PATH"] = os.environ["PATH"]
    done = subprocess.run(
        ["sh", str(DEPLOY / "yuchang"), "doctor"], env=given, check=True, capture_output=True
    )
    assert done.stdout.decode() == "a=b c"


def test_one_setting_seals_the_keys_of_every_backup(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for words in (["backup"], ["drill"], ["upgrade"], ["restore", "--into", "x"]):
        assert passphrase_of(parser().parse_args(words)) is None
    path = tmp_path / "passphrase"
    path.write_text("geheim\n")
    monkeypatch.setenv("YUCHANG_BACKUP_PASSPHRASE_FILE", str(path))
    for words in (["backup"], ["drill"], ["upgrade"], ["restore", "--into", "x"]):
        assert passphrase_of(parser().parse_args(words)) == "geheim"
    for wrong in ("", None):
        if wrong is None:
            path.unlink()
        else:
            path.write_text(wrong)
        with pytest.raises(Trouble):
            passphrase_of(parser().parse_args(["backup"]))


def test_an_upgrade_writes_no_translation_that_the_installation_has_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source, made = (
        tmp_path / "en" / "LC_MESSAGES" / "django.po",
        tmp_path / "en" / "LC_MESSAGES" / "django.mo",
    )
    source.parent.mkdir(parents=True)
    source.write_text('msgid "是"\nmsgstr "Yes"\n')
    monkeypatch.setattr(compile_messages, "catalogues", lambda: [source])
    compile_messages.main()
    assert b"Yes" in made.read_bytes()
    made.write_bytes(b"made before")
    os.utime(source, ns=(1, 1))
    compile_messages.main()
    assert made.read_bytes() == b"made before"
    os.utime(made, ns=(0, 0))
    compile_messages.main()
    assert b"Yes" in made.read_bytes()


def test_every_name_of_the_example_is_read() -> None:
    text = (DEPLOY / "systemd" / "yuchang.env.example").read_text()
    named = set(re.findall(r"^#?([A-Z_]+)=", text, re.M))
    assert named
    assert named <= read_by_the_program()


def test_nginx_says_itself_who_the_visitor_is_and_that_it_came_over_tls() -> None:
    text = (DEPLOY / "nginx" / "yuchang.conf").read_text()
    passed = re.findall(r"location / \{(.*?)\n    \}", text, re.S)
    assert len(passed) == 2
    for place in passed:
        assert "proxy_set_header X-Forwarded-For $remote_addr;" in place, "a visitor could name an address"
        assert "proxy_set_header X-Forwarded-Proto $scheme;" in place, "TLS would redirect for ever"
        assert "proxy_set_header Host $http_host;" in place, "beside port 443 every form would be refused"
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in text


def test_nginx_leads_plain_visitors_to_the_port_on_which_their_zone_answers() -> None:
    text = (DEPLOY / "nginx" / "yuchang.conf").read_text()
    blocks = re.findall(r"^server \{\n(.*?)^\}", text, re.S | re.M)
    ports = dict(re.findall(r"listen (\d+) ssl;\n    server_name (\S+);", text))
    for block in blocks:
        if led := re.search(r"return 301 https://\$host(:\d+)?\$request_uri;", block):
            (name,) = re.search(r"server_name (.*);", block)[1].split()  # type: ignore[index]
            port = (led[1] or ":443")[1:]
            assert ports[port] == name


def test_behind_tls_django_finds_nothing_to_warn_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of its checks two are left to the operator: sub-domains, and the list that browsers keep."""
    monkeypatch.setenv("YUCHANG_TLS", "1")
    monkeypatch.setenv("YUCHANG_SECRET_KEY", "".join(map(chr, range(40, 110))))
    monkeypatch.delenv("YUCHANG_DEBUG", raising=False)
    given = runpy.run_path(str(ROOT / "config" / "settings.py"))
    names = [n for n in given if n.startswith(("SECURE_", "SESSION_COOKIE_", "CSRF_", "X_FRAME"))]
    names += ["SECRET_KEY", "DEBUG", "ALLOWED_HOSTS", "MIDDLEWARE"]
    with override_settings(**{name: given[name] for name in names}):
        found = {str(one.id) for one in run_checks(tags=["security"], include_deployment_checks=True)}
    assert {name for name in found if name.startswith("security.")} == {"security.W005", "security.W021"}
