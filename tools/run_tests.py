"""Run pytest against the server in ``DATABASE_ADMIN_URL``, or against an embedded one of its own.

The embedded test server lives in ``var/test``, apart from the county's data. It is started for the run and
stopped afterwards.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parent.parent


def supervisor(command: str, environment: dict[str, str]) -> None:
    """Start or stop the embedded test server."""
    subprocess.run(
        [sys.executable, "-m", "yuchang.supervisor", command], cwd=ROOT, env=environment, check=True
    )


def relax(environment: dict[str, str]) -> None:
    """Let the test server forget in a power cut: nothing it holds outlives the run, and tests commit much."""
    asked = [sys.executable, "-m", "yuchang.supervisor", "url", "admin"]
    address = subprocess.run(
        asked, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()
    with psycopg.connect(address, autocommit=True) as admin:
        for setting in ("fsync = off", "full_page_writes = off", "max_wal_size = '4GB'"):
            admin.execute(f"ALTER SYSTEM SET {setting}")
        admin.execute("SELECT pg_reload_conf()")


def main() -> int:
    """Returns pytest's exit code."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "YUCHANG_LOG_LEVEL": "ERROR"}
    is_ours = "DATABASE_ADMIN_URL" not in environment
    if is_ours:
        environment["YUCHANG_VAR"] = str(ROOT / "var" / "test")
        supervisor("up", environment)
        relax(environment)
    arguments = sys.argv[1:]
    if "-m" not in arguments:
        arguments = ["-m", "not nightly", *arguments]
    if "-n" not in arguments and "-p" not in arguments:
        # One more than there are cores: many tests wait for a process, a browser or a time limit.
        arguments = ["-n", str(min(4, (os.cpu_count() or 1) + 1)), "--dist", "loadgroup", *arguments]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *arguments], cwd=ROOT, env=environment, check=False
        )
        return done.returncode
    finally:
        if is_ours:
            supervisor("down", environment)


if __name__ == "__main__":
    raise SystemExit(main())
