"""Backup, restore to a moment and comparison at size: RPO, RTO, and whether every table is equal.

Fills an embedded database of its own with households (three people each) and runs the drill under writes.
Run: ``python -m bench.drill --households 1000``; nightly: ``--households 333334``, which is 1,000,000 people.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg

from config.environment import ROOT

FILL = """
from bench.population import grow_to
from yuchang.places.loading import load_divisions
load_divisions(areas=("621221", "621222", "620522"))
grow_to({households})
"""


def fill(var: Path, households: int) -> None:
    """Tables and households."""
    names = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_PORTAL_URL", "DATABASE_ADMIN_URL")
    environment = {k: v for k, v in os.environ.items() if k not in names}
    environment |= {"YUCHANG_VAR": str(var), "PYTHONPATH": str(ROOT), "YUCHANG_DEBUG": ""}
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
    text = "import django; django.setup()\n" + FILL.format(households=households)
    for command, role in (
        ([sys.executable, "manage.py", "migrate", "-v", "0", "--skip-checks"], "owner"),
        ([sys.executable, "-c", text], "admin"),
    ):
        subprocess.run(command, cwd=ROOT, env=environment | {"YUCHANG_DB_ROLE": role}, check=True)


def write_on(url: str, stopping: threading.Event) -> None:
    """Somebody goes on writing meanwhile."""
    with psycopg.connect(url, autocommit=True) as session:
        while not stopping.wait(0.05):
            session.execute("UPDATE registry_household SET hamlet = hamlet WHERE id IN (1, 2, 3)")


def main() -> int:
    """Print the figures; 1 when something differs or a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=333_334)
    parser.add_argument("--var", type=Path, default=ROOT / "var" / "bench-drill")
    parser.add_argument("--keep", action="store_true", help="leave the database for the next time")
    options = parser.parse_args()
    # Before the supervisor is imported: it reads where the data are.
    os.environ["YUCHANG_VAR"] = str(options.var)
    from yuchang.supervisor.drill import drill
    from yuchang.supervisor.server import EmbeddedServer

    options.var.mkdir(parents=True, exist_ok=True)
    options.var.chmod(0o711)
    server, stopping = EmbeddedServer(options.var), threading.Event()
    second = options.var / "second"
    try:
        server.start()
        fill(options.var, options.households)
        writer = threading.Thread(target=write_on, args=(server.urls()["app"], stopping), daemon=True)
        writer.start()
        started = time.monotonic()
        report = drill(server, options.var / "backups", second)
        print(f"people     {3 * options.households:,}")
        print("\n".join(report.lines()))
        print(f"whole drill {time.monotonic() - started:.0f} s, with somebody writing all the time")
        return 0 if report.is_good else 1
    finally:
        stopping.set()
        EmbeddedServer(second).stop("immediate")
        server.stop()
        if not options.keep:
            shutil.rmtree(options.var, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
