"""What every stage knows: the options, the generated county, the places, and who acts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from config.environment import VAR
from demo import cast
from demo.county import reporting
from demo.county.build import County, generate
from demo.county.tables import Recipe, Seat
from yuchang.accounts.rules import Actor
from yuchang.core import actions
from yuchang.core.models import Instance
from yuchang.core.once import forget
from yuchang.places.models import Place
from yuchang.registry.models import Household

FOLDER = VAR / "demo"
NEXT_COUNTY = "621222000000"
ZONE = ZoneInfo("Asia/Shanghai")
YEAR = 2026
"""The simulated year of the loop: lines for it are stored in ``policies/simulated.yaml``."""


@dataclass(frozen=True)
class Options:
    """What the command line asked for."""

    county_code: str = "621221000000"
    households: int = 20_000
    seed: int = 1
    villages: int | None = None
    folder: Path = FOLDER

    @property
    def recipe(self) -> str:
        """One text that names this simulation."""
        return f"{self.county_code} households={self.households} villages={self.villages} seed={self.seed}"

    @property
    def scale(self) -> float:
        """Against a whole county."""
        return min(1.0, self.households / 20_000)


def seats_of(county: Place, villages: Sequence[Place]) -> list[Seat]:
    """Villages of a county as the generator knows them."""
    townships = Place.objects.in_bulk({v.township_id for v in villages if v.township_id})
    return [
        Seat(
            code=v.code,
            name=v.name,
            township_code=townships[v.township_id or 0].code,
            township_name=townships[v.township_id or 0].name,
            county_code=county.code,
            county_name=county.name,
        )
        for v in villages
    ]


@dataclass
class Scene:
    """The stage on which the loop is played."""

    options: Options
    notes: dict[str, object] = field(default_factory=dict)

    @cached_property
    def county_place(self) -> Place:
        """The county of the simulation."""
        return Place.objects.get(code=self.options.county_code, valid_to__isnull=True)

    @cached_property
    def villages(self) -> dict[str, Place]:
        """The villages that take part, by code: all, or some from all over the county."""
        rows = Place.objects.filter(
            county_id=self.county_place.pk, level=Place.Level.VILLAGE, valid_to__isnull=True
        )
        places = list(rows.order_by("code"))
        wanted = self.options.villages or len(places)
        step = max(1, len(places) // wanted)
        return {place.code: place for place in places[::step][:wanted]}

    @cached_property
    def county(self) -> County:
        """The generated county. Only the workbook, the answers and the final report may look at it."""
        seats = seats_of(self.county_place, list(self.villages.values()))
        recipe = Recipe(
            seed=self.options.seed, households=self.options.households, on=date(YEAR, 1, 5), months=12
        )
        return generate(seats, recipe)

    @cached_property
    def report(self) -> reporting.Report:
        """What the cadres wrote down."""
        return reporting.fill_in(self.county)

    @property
    def household_ids(self) -> dict[int, int]:
        """{row number of the generated county: id in the register} of every household still registered."""
        rows = Household.objects.filter(county_id=self.county_place.pk)
        known = dict(rows.exclude(state=Household.State.REMOVED).values_list("number", "id"))
        numbers = self.report.household_number.tolist()
        return {i: known[number] for i, number in enumerate(numbers) if number in known}

    @property
    def claimed_ids(self) -> set[int]:
        """The registered households that their cadre reported below the line."""
        ids = self.household_ids
        return {ids[i] for i in np.flatnonzero(self.report.is_claimed_poor).tolist() if i in ids}

    @cached_property
    def officer(self) -> Actor:
        """王专员, who imports, declares and opens rounds."""
        return cast.actor("officer")

    @cached_property
    def second(self) -> Actor:
        """周专员, the second person: verifies, publishes, decides, visits."""
        return cast.actor("officer2")

    def rng(self, purpose: str) -> np.random.Generator:
        """The random numbers of one purpose."""
        return np.random.default_rng([self.options.seed, *purpose.encode()])

    def set_clock(self, month: int, day: int, hour: int = 9) -> date:
        """Turn the simulated clock; the database is marked simulated by it."""
        at = datetime.combine(date(YEAR, month, day), time(hour), ZONE)
        with actions.write("demo.set_clock", cast.OPERATOR) as audit:
            Instance.objects.update_or_create(
                pk=1, defaults={"is_simulated": True, "clock_at": at, "name": "渔场(模拟)"}
            )
            audit.add("instance", 1, clock_at=at.isoformat())
        forget()
        return at.date()
