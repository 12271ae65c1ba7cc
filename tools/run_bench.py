"""Run every bench in ``bench/`` against a server of its own, one after the other, and print their tables.

Figures are ratios against a named peer in the same run; absolute times hold for this machine only.
``python tools/run_bench.py pages imports`` runs those two.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Returns the number of benches that failed."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "YUCHANG_LOG_LEVEL": "ERROR"}
    is_ours = "DATABASE_ADMIN_URL" not in environment
    if is_ours:
        environment["YUCHANG_VAR"] = str(ROOT / "var" / "bench")
    supervisor = [sys.executable, "-m", "yuchang.supervisor"]
    if is_ours:
        subprocess.run([*supervisor, "up"], cwd=ROOT, env=environment, check=True)
    names = sys.argv[1:] or sorted(p.stem for p in (ROOT / "bench").glob("[a-z]*.py"))
    failed = 0
    try:
        for name in names:
            sys.stdout.write(f"\n== bench/{name}.py\n")
            sys.stdout.flush()
            command = [sys.executable, "-m", f"bench.{name}"]
            failed += subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0
    finally:
        if is_ours:
            subprocess.run([*supervisor, "down"], cwd=ROOT, env=environment, check=True)
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
