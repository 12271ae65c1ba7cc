"""Where the project's own source files are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DOMAINS = sorted(p.parent for p in (ROOT / "yuchang").glob("*/apps.py"))


def python_files() -> Iterator[Path]:
    """Every module of the product, tests and migrations left out."""
    for path in sorted((ROOT / "yuchang").rglob("*.py")):
        if "tests" not in path.parts and "migrations" not in path.parts:
            yield path


def templates() -> list[Path]:
    """Every template of the product."""
    return sorted([*(ROOT / "templates").rglob("*.html"), *(ROOT / "yuchang").rglob("templates/**/*.html")])


def room_of(path: Path) -> str:
    """``actions`` for both ``actions.py`` and ``actions/households.py``."""
    parts = path.relative_to(ROOT / "yuchang").parts
    return parts[1].removesuffix(".py") if len(parts) > 1 else ""
