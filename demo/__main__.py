"""``python -m demo``: build a simulated county through the platform's own doors, and report on it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

import django

from config.environment import ROOT

# households, villages
SIZES = {"village": (260, 6), "county": (20_000, None), "prefecture": (275_500, None)}
ADDRESS = "http://127.0.0.1:8000/"


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    made.add_argument("--county", default="621221", help="6-digit code of the county (default 621221 成县)")
    made.add_argument("--households", type=int, help="how many households (default by size)")
    made.add_argument("--seed", type=int, default=1, help="same seed, same county")
    made.add_argument(
        "--size",
        choices=SIZES,
        default="county",
        help="village: seconds; county: the whole loop; prefecture: a million people, registered only",
    )
    made.add_argument(
        "--fast", action="store_const", const="village", dest="size", help="same as --size village"
    )
    made.add_argument("--all-places", action="store_true", help="load every village of the country")
    made.add_argument("--no-serve", action="store_true", help="build and report, then end")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code."""
    chosen = parser().parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("YUCHANG_LOG_LEVEL", "WARNING")
    os.environ.setdefault("YUCHANG_SLOW_SECONDS", "60")  # whole counties are written at once, as meant
    code = _build(chosen)
    if code == 0 and not chosen.no_serve:
        return subprocess.call([sys.executable, "-m", "yuchang.supervisor", "run"], cwd=ROOT)
    return code


def _areas(chosen: argparse.Namespace) -> list[str]:
    """Whose townships and villages are loaded: a few counties, a province, or all (nothing named)."""
    if chosen.all_places or chosen.size == "county":
        return []
    return [chosen.county[:2]] if chosen.size == "prefecture" else sorted({chosen.county, "621221", "621222"})


def _build(chosen: argparse.Namespace) -> int:
    # Everything below needs Django's set-up, which needs the tables' process to be over.
    from demo import ground  # noqa: PLC0415

    started = time.monotonic()
    try:
        ground.prepare(_areas(chosen))
    except subprocess.CalledProcessError:
        print("✕ 建表或载入区划失败,原因见上文。数据库是否已启动?(make doctor)", file=sys.stderr)
        return 2
    django.setup()
    from demo import show  # noqa: PLC0415

    households, villages = SIZES[chosen.size]
    return show.build(
        county_code=f"{chosen.county}000000",
        households=chosen.households or households,
        villages=villages,
        seed=chosen.seed,
        address=ADDRESS,
        is_prefecture=chosen.size == "prefecture",
        started=started,
    )


if __name__ == "__main__":
    sys.exit(main())
