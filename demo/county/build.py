"""The way in: ``generate`` a whole county from real seats and a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from demo.county import economy, income, people
from demo.county.tables import (
    Events,
    Flags,
    Floats,
    Households,
    Income,
    Members,
    Produce,
    Recipe,
    Seat,
    Texts,
    Villages,
)
from demo.county.villages import settle


@dataclass(frozen=True)
class County:
    """Everything about one generated county, as it truly is. No domain of the product may see it."""

    recipe: Recipe
    code: str
    name: str
    villages: Villages
    households: Households
    members: Members
    incomes: tuple[Income, ...]
    is_poor: Flags
    cause: Texts
    produce: Produce
    events: Events
    organisations: tuple[economy.Organisation, ...]

    @property
    def is_monitored(self) -> Flags:
        """Truly below the line and at risk (illness, disability, schooling, labour, house, water), or brought
        below it by what the sick cost."""
        homes, everyone = self.households, self.members

        def any_member(flag: Flags) -> Flags:
            return income.per_household(everyone, flag, self.recipe.households) > 0

        upper = np.isin(everyone.enrolment, ("中职", "普通高中", "高职高专", "本科"))
        able = any_member(everyone.labour <= people.WEAK)
        risk = any_member(everyone.is_serious | everyone.is_disabled | upper) | ~able
        risk |= (homes.unsafe_house != "no") | ~homes.has_safe_water
        first = self.incomes[0]
        left = first.net_per_head - first.medical_spending / homes.size
        is_sudden = ~self.is_poor & (first.medical_spending > 0) & (left < self.recipe.line_yuan)
        return (self.is_poor & risk) | is_sudden

    @property
    def income_year(self) -> int:
        """The calendar year of ``incomes[0]``; the workbook reports it."""
        return self.recipe.on.year - 1


def generate(seats: Sequence[Seat], recipe: Recipe) -> County:
    """Generate a county: a second for 20,000 households. Same seats and recipe, same bytes."""
    if not seats:
        raise ValueError("a county needs at least one village")
    villages = settle(seats, recipe.seed)
    county_code, county_name = seats[0].county_code, seats[0].county_name
    households, members = people.populate(villages, recipe, county_code)
    nothing = np.zeros(recipe.households)
    raw = income.raw_income(villages, households, members, recipe, 0, nothing)
    curve = income.curve_for(raw, recipe.line_yuan, recipe.poor_share)
    first = income.shaped(households, raw, curve)
    is_poor = first.net_per_head < recipe.line_yuan
    cause = income.true_causes(villages, households, members, first, is_poor, recipe)
    events = economy.shocks(villages, households, members, first.wage, recipe)
    later = [
        _later_year(villages, households, members, recipe, events, curve, year)
        for year in range(1, recipe.months // 12 + 1)
    ]
    produce = economy.grow(villages, households, members, recipe)
    organisations = economy.organisations(villages, produce, county_name, county_code, recipe)
    return County(
        recipe=recipe,
        code=county_code,
        name=county_name,
        villages=villages,
        households=households,
        members=members,
        incomes=(first, *later),
        is_poor=is_poor,
        cause=cause,
        produce=produce,
        events=events,
        organisations=tuple(organisations),
    )


def _later_year(
    villages: Villages,
    households: Households,
    members: Members,
    recipe: Recipe,
    events: Events,
    curve: income.Curve,
    year: int,
) -> Income:
    """The income of a later year after what struck in its twelve months."""
    raw = income.raw_income(villages, households, members, recipe, year, np.zeros(recipe.households))
    base = income.shaped(households, raw, curve)
    in_year = (events.month >= 12 * (year - 1)) & (events.month < 12 * year)

    def lost(*kinds: str) -> Floats:
        chosen = in_year & np.isin(events.kind, kinds)
        loss = np.bincount(
            events.household[chosen], weights=events.loss_yuan[chosen], minlength=recipe.households
        )
        return loss.astype(np.float64)

    idle = 0.3 * np.minimum(lost("illness", "accident"), base.wage)
    wage = np.clip(base.wage - lost("job loss") - idle, 0.0, None)
    business = np.clip(base.business_gross - lost("drought", "price crash"), 0.0, None)
    changed = replace(
        base,
        wage=np.round(wage, 2),
        business_gross=np.round(business, 2),
        medical_spending=np.round(base.medical_spending + 0.45 * lost("illness", "accident"), 2),
    )
    return income.with_net(households, changed)
