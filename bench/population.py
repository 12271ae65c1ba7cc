"""Any number of simulated households in the database a bench stands on, through the register's bulk door.

The people are those of the simulator (``demo.county``); nothing is written past the actions. A million people
take minutes on two cores, so the benches can share a database that stays:
``python -m bench.population --households 333334 --database yc_million`` makes it, or goes on with it.
``python -m demo --size prefecture --no-serve`` makes one with officers to sign in as.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import date

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import connection  # noqa: E402

from config.environment import database_url, parse_database_url  # noqa: E402
from demo.prefecture import MARK, enter, portions  # noqa: E402
from demo.workers import in_processes  # noqa: E402
from tests import people  # noqa: E402
from tests.databases import kept  # noqa: E402
from yuchang.accounts.rules import Role  # noqa: E402
from yuchang.core.models import AuditEntry, Instance  # noqa: E402
from yuchang.core.tallies import fold  # noqa: E402
from yuchang.monitoring.actions import assess_county  # noqa: E402
from yuchang.monitoring.models import Assessment  # noqa: E402
from yuchang.places.models import Place  # noqa: E402
from yuchang.registry.actions.cases import await_second_persons  # noqa: E402
from yuchang.registry.models import Household  # noqa: E402

ON = date(2026, 1, 5)


def grow_to(households: int) -> None:
    """Add households until there are this many, over the villages of all loaded counties; then ANALYZE.

    Some people whom the rules refuse are left out, so the number is met within a hundredth.
    """
    have = Household.objects.count()
    if have < households * 0.99:
        counties = Place.objects.filter(level=Place.Level.COUNTY, valid_to=None)
        settled = counties.filter(pk__in=Place.objects.filter(level=5, valid_to=None).values("county_id"))
        series = AuditEntry.objects.filter(action=MARK).values("object_id").count() // max(1, settled.count())
        hands = people.person("吴省员", Role.PROVINCE_OFFICER, nation=True).user
        mine = portions(
            list(settled), households - have, seed=1, username=hands.username, on=ON, series=series
        )
        for _portion, _entered in in_processes(enter, mine, _clone()):
            pass
    settle()


def settle() -> None:
    """What the worker and the database do by themselves in a day: tallies folded, statistics made."""
    while fold():
        pass
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE NONE")
        cursor.execute("VACUUM (ANALYZE)")
        cursor.execute("SET ROLE yuchang_app")


def live_a_while(officer: people.Person) -> None:
    """Verification waits for its second persons, and the officer's county has been compared with the line."""
    while await_second_persons():
        pass
    if not Assessment.objects.exists():
        assess_county(actor=officer.actor, on=ON)


def _clone() -> str | None:
    """The name of the clone this process was turned to; none when it stands where the environment says."""
    name = str(connection.settings_dict["NAME"])
    return None if name == parse_database_url(database_url("app"))["NAME"] else name


def busiest_county() -> Place:
    """A county with households."""
    return Place.objects.get(code="621221000000", valid_to=None)


def main() -> int:
    """Make or enlarge a database that stays."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=333_334)
    parser.add_argument("--database", required=True)
    options = parser.parse_args()
    started = time.monotonic()
    with kept(options.database):
        # Simulated, as the households are: nobody is asked for a second factor.
        Instance.objects.update_or_create(id=1, defaults={"is_simulated": True})
        grow_to(options.households)
        print(
            f"{Household.objects.count():,} households after {time.monotonic() - started:.0f} s", flush=True
        )
        live_a_while(people.wang())
        settle()
    print(f"{options.database} is ready after {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
