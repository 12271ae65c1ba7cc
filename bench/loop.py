"""The whole loop of ``make demo`` at two sizes of the same county: how the seconds of each stage grow.

The peer of a stage is itself in a smaller county: with five times the households it may take some five times
as long. A statement whose plan reads all for each takes twenty-five times as long, or never ends; no small
demonstration shows it. A statement that runs for longer than ``LONGEST`` ends the bench by its name.
Run: ``python -m bench.loop`` (some ten minutes), ``--households 1000 4000`` for a quick look.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import django
import psycopg

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import connection  # noqa: E402

from config.environment import database_url  # noqa: E402
from demo import ground, report  # noqa: E402
from demo.loop import STAGES  # noqa: E402
from demo.scene import Options, Scene  # noqa: E402
from demo.stages import run_stages  # noqa: E402
from tests.databases import cloned, own_name  # noqa: E402

LONGEST = "150s"
SIZES = (4_000, 20_000)
LIMIT = 3.5
NOTICED = 3.0
"""Seconds below which a stage is not judged: its start weighs more than its work."""


@dataclass(frozen=True)
class Growth:
    """One stage: seconds in the smaller and in the larger county, and how much larger that is."""

    stage: str
    few: float
    many: float
    times: float

    @property
    def against_size(self) -> float:
        """1 is linear; a square would be ``times``. Less than ``NOTICED`` seconds count as that."""
        return self.many / max(self.few * self.times, NOTICED)


@contextmanager
def county(households: int) -> Iterator[dict[str, float]]:
    """Live through the loop in a database of its own. Yields the seconds of each stage.

    Raises django.db.OperationalError when a statement runs for longer than ``LONGEST``, and
    AssertionError when the report finds an unsound figure.
    """
    name = own_name("yc_loop")
    with cloned(name), tempfile.TemporaryDirectory() as folder:
        connection.settings_dict["OPTIONS"]["options"] += f" -c statement_timeout={LONGEST}"
        options = Options(households=households, folder=Path(folder))
        seconds = run_stages(STAGES, Scene(options), options.recipe, lambda: refresh(name))
        made = report.make(Scene(options), seconds)
        assert made.is_sound, made.text
        yield seconds


def refresh(name: str) -> None:
    """The planner's statistics, as ``make demo`` refreshes them after a stage that writes much."""
    info = psycopg.conninfo.conninfo_to_dict(database_url("admin")) | {"dbname": name}
    with psycopg.connect(**info, autocommit=True) as admin:
        ground.analyze_grown(admin)


def growths(few: int, many: int) -> list[Growth]:
    """Every stage of the loop, in order."""
    measured = []
    for households in (few, many):
        with county(households) as seconds:
            measured.append(seconds)
    small, large = measured
    return [Growth(stage.name, small[stage.name], large[stage.name], many / few) for stage in STAGES]


def table(found: Sequence[Growth], few: int, many: int) -> str:
    """What is printed."""
    lines = [f"{'stage':<14}{few:>10,}{many:>10,}   of linear"]
    for one in found:
        judged = f"{one.against_size:.2f}" if one.many > NOTICED else "–"
        lines.append(f"{one.stage:<14}{one.few:>10.1f}{one.many:>10.1f}{judged:>12}")
    total = [sum(one.few for one in found), sum(one.many for one in found)]
    lines.append(f"{'all':<14}{total[0]:>10.1f}{total[1]:>10.1f}{total[1] / total[0] * few / many:>12.2f}")
    return "\n".join(lines)


def main() -> int:
    """Returns how many stages grow faster than ``LIMIT`` allows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, nargs=2, default=SIZES, metavar=("FEW", "MANY"))
    few, many = parser.parse_args().households
    found = growths(few, many)
    sys.stdout.write(table(found, few, many) + "\n")
    above = [one.stage for one in found if one.against_size > LIMIT]
    if above:
        sys.stderr.write(f"✕ more than {LIMIT} times what its size explains: {', '.join(above)}\n")
    return len(above)


if __name__ == "__main__":
    raise SystemExit(main())
