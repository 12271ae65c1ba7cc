"""Before the first stage: tables and places, as the owner of the database. A process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import django
import psycopg
from django.db import connection

from config.environment import ROOT, database_url

_GROWN = """
SELECT format('%I', s.relname) FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
WHERE s.schemaname = 'public' AND s.n_mod_since_analyze > 500 + 0.1 * greatest(c.reltuples, 0) ORDER BY 1
"""


def refresh_statistics() -> None:
    """Tell the planner what was just written, as a production server's autovacuum would have by then.

    Only tables that changed by a tenth are read again, by autovacuum's own rule.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
    with psycopg.connect(database_url("owner"), autocommit=True) as owner:
        analyze_grown(owner)


def analyze_grown(owner: psycopg.Connection[Any]) -> None:
    """Read the tables again that changed by a tenth since their statistics. The role must own them."""
    for (table,) in owner.execute(_GROWN).fetchall():
        owner.execute(f"ANALYZE {table}")


def prepare(areas: Sequence[str]) -> None:
    """Migrate and load the places of ``areas`` (empty: of the whole country) under the owner's role.

    Raises subprocess.CalledProcessError; what went wrong is on the terminal.
    """
    subprocess.run(
        [sys.executable, "-m", "demo.ground", *areas],
        cwd=ROOT,
        env=os.environ | {"YUCHANG_DB_ROLE": "owner"},
        check=True,
    )


def main(areas: Sequence[str]) -> None:
    """The work of the process started by ``prepare``."""
    django.setup()
    # Django's own modules may be imported only after its set-up.
    from django.core.management import call_command  # noqa: PLC0415

    from demo.progress import Line  # noqa: PLC0415
    from yuchang.places.loading import load_divisions  # noqa: PLC0415

    line = Line(0, 0, "建表")
    call_command("migrate", verbosity=0, interactive=False)
    line.done("")
    line = Line(0, 0, "载入行政区划")
    changed = load_divisions(list(areas) or None, lambda _step, done, total: line.step(done, total))
    call_command("sync_procedures", verbosity=0)
    line.done(f"{changed:,} 条" if changed else "已载入")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    main(sys.argv[1:])
