"""Any number of simulated households in the database a bench stands on, through the register's bulk door.

The people are those of the simulator (``demo.county``); nothing is written past the actions. A million people
take two minutes on two cores; ``python -m demo --size prefecture --no-serve`` makes them in a database of
their own, with officers to sign in as.
"""

from __future__ import annotations

from datetime import date

from django.db import connection

from config.environment import database_url, parse_database_url
from demo.prefecture import MARK, enter, portions
from demo.workers import in_processes
from tests import people
from yuchang.accounts.rules import Role
from yuchang.core.models import AuditEntry
from yuchang.places.models import Place
from yuchang.registry.models import Household

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
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE yuchang_owner")
        cursor.execute("ANALYZE")
        cursor.execute("SET ROLE yuchang_app")


def _clone() -> str | None:
    """The name of the clone this process was turned to; none when it stands where the environment says."""
    name = str(connection.settings_dict["NAME"])
    return None if name == parse_database_url(database_url("app"))["NAME"] else name


def busiest_county() -> Place:
    """A county with households."""
    return Place.objects.get(code="621221000000", valid_to=None)
