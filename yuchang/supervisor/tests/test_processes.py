"""How many processes answer, and that their ports are free."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from yuchang.supervisor import processes
from yuchang.supervisor.processes import NOT_SERVED, Child, Doors, Supervisor, children, web_workers
from yuchang.supervisor.provision import CONNECTION_LIMITS
from yuchang.supervisor.words import Trouble

DOORS = Doors("127.0.0.1", 8000, 8001, metrics=8002)


@pytest.mark.parametrize(("cores", "workers"), [(None, 2), (1, 2), (2, 2), (4, 4), (64, 7)])
def test_one_process_answers_for_each_core_within_what_the_database_allows(
    monkeypatch: pytest.MonkeyPatch, cores: int | None, workers: int
) -> None:
    monkeypatch.delenv("YUCHANG_WEB_WORKERS", raising=False)
    monkeypatch.setattr(processes.os, "cpu_count", lambda: cores)
    assert web_workers() == workers
    wanted = sum(child.connections for child in children(DOORS) if child.role == "app")
    assert wanted <= CONNECTION_LIMITS["app"]


def test_an_operator_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUCHANG_WEB_WORKERS", "5")
    assert web_workers() == 5
    web = next(child for child in children(DOORS) if child.name == "web")
    assert web.command[web.command.index("--workers") + 1] == "5"


@pytest.mark.parametrize("asked", ["0", "8", "-1", "two", "²"])
def test_a_number_that_cannot_be_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.setenv("YUCHANG_WEB_WORKERS", asked)
    with pytest.raises(Trouble, match="from 1 to 7"):
        web_workers()


@pytest.mark.parametrize(
    ("left", "answers"), [(True, [True, True, False, False, False]), (False, [True] * 3)]
)
def test_a_start_waits_for_the_ports_of_a_killed_run_and_for_no_stranger(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, left: bool, answers: list[bool]
) -> None:
    monkeypatch.setattr(processes, "VAR", tmp_path)
    if left:
        processes.pid_file().write_text("4194305")  # no process has this number
    asked = iter(answers * 3)
    monkeypatch.setattr(processes, "is_taken", lambda _host, _port: next(asked))
    supervisor = Supervisor(None, DOORS)
    monkeypatch.setattr(supervisor.stopping, "wait", lambda _seconds: False)
    if left:
        supervisor._await_ports()
    else:
        with pytest.raises(Trouble, match="8000"):
            supervisor._await_ports()


def test_what_a_process_says_is_in_the_log_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    child = Child("x", [sys.executable, "-c", "import os; print('said'); os._exit(0)"], 0)
    child.start()
    assert child.process is not None
    child.process.wait(30)
    assert capfd.readouterr().out == "said\n"


def test_every_file_that_another_one_names_is_packed_for_browsers(settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
    }
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=list(NOT_SERVED))
    packed = json.loads((tmp_path / "staticfiles.json").read_text())["paths"]
    for name in ("js/field.js", "vendor/dexie/dexie.min.js", "vendor/htmx/htmx.min.js", "css/yuchang.css"):
        assert name in packed
    assert not any(name.startswith("vendor/dexie/modern") for name in packed)


def test_outside_the_workbench_s_port_is_neither_wanted_nor_announced(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert DOORS.ports == (8000, 8001, 8002)
    Supervisor(None, DOORS)._announce()
    assert "内部工作台 http://127.0.0.1:8000/" in capsys.readouterr().out
    monkeypatch.setenv("YUCHANG_ZONE", "public")
    assert DOORS.ports == (8001, 8002)
    Supervisor(None, DOORS)._announce()
    said = capsys.readouterr().out
    assert "公众门户 http://127.0.0.1:8001/" in said and "8000" not in said and "工作台" not in said
