"""Views, queries, forms and rules never write; only actions do (and what they are made of)."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, python_files, room_of

READING_ROOMS = {
    "views",
    "queries",
    "forms",
    "rules",
    "urls",
    "tasks",
    "models",
    "extracts",
    "codes",
    "context",
}
WRITES = {
    "save", "create", "update", "delete", "bulk_create", "bulk_update", "get_or_create", "update_or_create",
    "acreate", "aupdate", "adelete", "asave",
}  # fmt: skip
HARMLESS_OWNERS = {
    "context",
    "digest",
    "data",
    "params",
    "query",
    "counts",
    "totals",
    "hashlib",
    "result",
    "seen",
}
SQL_WRITE = re.compile(
    r"^\s*(INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|COPY\s+\w+.*FROM|TRUNCATE)", re.I | re.M
)


def writes_in(path: Path) -> list[str]:
    """Each writing call or writing SQL text of a module, as ``file:line what``."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
            owner = node.func.value
            name = owner.id if isinstance(owner, ast.Name) else ""
            is_dictionary = node.func.attr == "update" and (
                name in HARMLESS_OWNERS or name.endswith("digest")
            )
            if not is_dictionary:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno} .{node.func.attr}()")
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL_WRITE.search(node.value):
            found.append(f"{path.relative_to(ROOT)}:{node.lineno} SQL that writes")
    return found


@pytest.mark.parametrize("room", sorted(READING_ROOMS))
def test_a_reading_room_holds_no_write(room: str) -> None:
    found = [w for path in python_files() if room_of(path) == room for w in writes_in(path)]
    assert not found, "move these into actions: " + "; ".join(found)


def test_the_check_finds_a_planted_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.architecture.test_only_actions_write.ROOT", tmp_path)
    planted = tmp_path / "views.py"
    planted.write_text(
        "def view(household):\n    household.save()\n    run('DELETE FROM registry_household')\n"
    )
    assert len(writes_in(planted)) == 2


def test_no_domain_listens_to_signals() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in python_files()
        if re.search(r"django\.db\.models\.signals|@receiver|django\.dispatch", path.read_text())
    ]
    assert not found


def test_domain_code_asks_only_the_clock_for_the_time() -> None:
    allowed = {
        "yuchang/core/clock.py",
        "yuchang/core/readings.py",  # ages of backups and of the log: the machine's own time
        "yuchang/core/audit.py",
        "yuchang/core/logs.py",
        "yuchang/core/sequencer.py",
    }
    found = []
    for path in python_files():
        name = str(path.relative_to(ROOT))
        if name in allowed or "supervisor" in name or "/management/" in name:
            continue
        if re.search(
            r"timezone\.(now|localdate|localtime)\(\)|datetime\.now\(|date\.today\(", path.read_text()
        ):
            found.append(name)
    assert not found, found
