"""Before the first stage: tables and places, as the owner of the database. A process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

import django
import psycopg

from config.environment import ROOT, database_url


def refresh_statistics() -> None:
    """Tell the planner what was just written, as a production server's autovacuum would have by then."""
    with psycopg.connect(database_url("owner"), autocommit=True) as owner:
        found = owner.execute(
            "SELECT format('%I', tablename) FROM pg_tables"
            " WHERE schemaname = 'public' AND tablename NOT LIKE 'places%' ORDER BY 1"
        )
        for (table,) in found.fetchall():
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
    line.done(f"{changed:,} 条" if changed else "已载入")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    main(sys.argv[1:])
