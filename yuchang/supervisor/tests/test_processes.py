"""How many processes answer."""

from __future__ import annotations

import pytest

from yuchang.supervisor import processes
from yuchang.supervisor.processes import Doors, children, web_workers
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
