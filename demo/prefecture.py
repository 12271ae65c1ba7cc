"""A prefecture of a million people, taken over county by county, in as many processes as there are cores.

Each county is generated, sealed and written in one transaction with its mark, so that a killed run goes on
with the counties that are left. What is generated is what ``demo.county`` makes; the truth stays apart.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from django.db import transaction
from django.db.models import Count

from demo import cast
from demo.cast import Part
from demo.county import columns, reporting, truth
from demo.county.build import County, generate
from demo.county.tables import Recipe
from demo.progress import Line
from demo.scene import YEAR, Scene, seats_of
from demo.workers import in_processes
from yuchang.accounts.rules import SYSTEM, Role
from yuchang.core import actions
from yuchang.core.models import AuditEntry
from yuchang.core.once import remembering
from yuchang.places.models import Place
from yuchang.registry.actions import take_over_households

MARK = "demo.enter_county"
PEOPLE_PER_HOUSEHOLD = 3.63
"""Of the people a generated county has; so that so many people can be asked for."""
_DUPLICATE_CODES = {"id_twice", "person_elsewhere"}


@dataclass(frozen=True)
class Portion:
    """One county's share. ``username`` says whose hands write; without ``folder`` the truth is not kept."""

    county_code: str
    households: int
    seed: int
    username: str
    on: date
    folder: str = ""
    series: int = 0


@dataclass(frozen=True)
class Entered:
    """What came of a portion."""

    households: int
    members: int
    refused: int
    planted: int
    caught: int
    seconds: float


def portions(
    counties: Sequence[Place],
    households: int,
    *,
    seed: int,
    username: str,
    on: date,
    folder: str = "",
    series: int = 0,
) -> list[Portion]:
    """Divide the households among the counties by their villages; the largest county comes first."""
    rows = Place.objects.filter(
        county_id__in=[c.pk for c in counties], level=Place.Level.VILLAGE, valid_to=None
    )
    villages = dict(rows.values_list("county_id").annotate(n=Count("id")))
    total, left, found = sum(villages.values()), households, []
    for county in sorted(counties, key=lambda c: (villages.get(c.pk, 0), c.code)):
        mine = villages.get(county.pk, 0)
        share = left * mine // total if total else 0
        total, left = total - mine, left - share
        if share:
            found.append(Portion(county.code, share, seed, username, on, folder, series))
    return found[::-1]


def enter(portion: Portion) -> Entered:
    """Generate one county and take it over, unless an earlier run did."""
    name = f"{portion.county_code}/{portion.series}"
    mark = AuditEntry.objects.filter(action=MARK, object_id=name).values_list("body", flat=True).first()
    if mark is not None:
        return Entered(**json.loads(mark)["details"]["entered"])
    started = time.monotonic()
    place = Place.objects.get(code=portion.county_code, valid_to=None)
    rows = Place.objects.filter(county_id=place.pk, level=Place.Level.VILLAGE, valid_to=None)
    seats = seats_of(place, list(rows.order_by("code")))
    villages = dict(rows.values_list("code", "id"))
    recipe = Recipe(
        seed=portion.seed, households=portion.households, on=portion.on, months=12, series=portion.series
    )
    county = generate(seats, recipe)
    told = reporting.tell(county)
    sent = columns.hand_over(county, told, villages)
    if portion.folder:
        truth.write_told(Path(portion.folder) / portion.county_code[:6], county, told, sent.doubled)
    with remembering(), transaction.atomic():
        entered = _take_over(portion, county, told, sent, villages, started)
        with actions.write(MARK, SYSTEM) as audit:
            audit.add("demo_county", name, place_id=place.pk, entered=asdict(entered))
    return entered


def _take_over(
    portion: Portion,
    county: County,
    told: reporting.Told,
    sent: columns.Sent,
    villages: dict[str, int],
    started: float,
) -> Entered:
    """Hand the county over; who is refused comes a second time as he should have been."""
    hands = cast.actor(portion.username)
    first = take_over_households(
        actor=hands, observed_on=portion.on, households=sent.households, members=sent.members
    )
    refused = {one.number: one.code for one in first.refused}
    doubled = [one for one in sent.doubled if one.kind == columns.SAME_NUMBER]
    caught = sum(refused.get(str(told.number[one.household])) in _DUPLICATE_CODES for one in doubled)
    households, members = first.households, first.members
    if refused:
        again = columns.hand_over_again(county, told, villages, set(refused))
        second = take_over_households(
            actor=hands, observed_on=portion.on, households=again.households, members=again.members
        )
        households, members = households + second.households, members + second.members
    seconds = round(time.monotonic() - started, 1)
    return Entered(households, members, len(refused), len(doubled), caught, seconds)


HANDS = Part("province", "吴省员", Role.PROVINCE_OFFICER, "province")
"""Who hands down what the national system holds; each county's people verify it."""


def counties_of(scene: Scene) -> list[Place]:
    """The counties of the prefecture in which the scene's county lies."""
    rows = Place.objects.filter(
        prefecture_id=scene.county_place.prefecture_id, level=Place.Level.COUNTY, valid_to=None
    )
    return list(rows.order_by("code"))


def open_hands(scene: Scene, line: Line) -> str:
    """The province's officer, who hands the register down."""
    province = Place.objects.get(pk=scene.county_place.province_id or 0)
    user, one_time = cast.enter(HANDS, province)
    password = cast.choose_password(user, one_time)
    cast.remember(scene.options.folder, [cast.sign_in(HANDS, password, province.name)])
    return f"{HANDS.name} 可移交 {province.name} 的存量户"


def take_over(scene: Scene, line: Line) -> str:
    """Every county of the prefecture; the bar moves with each one that is in."""
    mine = portions(
        counties_of(scene),
        scene.options.households,
        seed=scene.options.seed,
        username=HANDS.username,
        on=date(YEAR, 1, 5),
        folder=str(scene.options.folder / "truth"),
    )
    total, done = sum(p.households for p in mine), 0
    found: list[Entered] = []
    line.step(0, total)
    for portion, entered in in_processes(enter, mine):
        found.append(entered)
        done += portion.households
        line.step(done, total)
    members = sum(one.members for one in found)
    return f"{len(found)} 县 {sum(one.households for one in found):,} 户 {members:,} 人"
