"""Income by source: a permanent part (schooling, land, health, remoteness) and yearly shocks.

Ranks come from the model; the level comes from a curve by which ``poor_share`` of the households lies
below the line in the first year. Both knobs of the curve are assumed, not measured anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from demo.county.marginals import CAUSES
from demo.county.people import LABOUR, SCHOOLING, WEAK
from demo.county.tables import Flags, Floats, Households, Income, Members, Recipe, Texts, Villages, stream

PENSION_AGE = 60
PENSION_YUAN = 2100.0
"""Basic rural pension a year; assumed."""
SENT_HOME = np.array([0.0, 0.9, 0.75, 0.52, 0.45])
"""The share of wages that reaches the household, by ``WORK_PLACES``; who is away lives there. Assumed."""
SUPPORT_YUAN, CHILDREN_SUPPORT_YUAN = 2800.0, 1800.0
"""A year and head: allowance where nobody can work, and what children elsewhere send to the old. Assumed."""
MEDICAL_SERIOUS, MEDICAL_CHRONIC, MEDICAL_DISABLED = 9500.0, 1700.0, 900.0


@dataclass(frozen=True)
class Fortune:
    """What one year brings: a village's weather and a household's own luck, as factors."""

    weather: Floats
    luck: Floats
    wage: Floats


def per_household(members: Members, values: npt.NDArray[Any], count: int) -> Floats:
    """Sum a member column by household."""
    return np.bincount(members.household, weights=values, minlength=count).astype(np.float64)


def fortune(villages: Villages, recipe: Recipe, year: int) -> Fortune:
    """The shocks of one year. Remote villages have harsher weather and thinner luck."""
    rng = stream(recipe.seed, f"fortune {year}")
    weather = np.exp(
        rng.normal(0, 0.08 + 0.16 * villages.remoteness) - 0.12 * (rng.random(len(villages.code)) < 0.06)
    )
    count = recipe.households
    return Fortune(weather, rng.lognormal(0, 0.18, count), rng.lognormal(0, 0.12, count))


def raw_income(
    villages: Villages, households: Households, members: Members, recipe: Recipe, year: int, job_loss: Floats
) -> Income:
    """One year's income before the level is set. ``job_loss`` is the share of wages lost, per household."""
    rng = stream(recipe.seed, "permanent income")
    count = len(households.size)
    shocks = fortune(villages, recipe, year)
    remoteness = villages.remoteness[households.village]
    sent = members.monthly_wage * members.work_months * SENT_HOME[members.work_place]
    wage = per_household(members, sent, count)
    wage = wage * shocks.wage * (1 - 0.12 * remoteness) * (1 - job_loss) * 1.04**year
    hands = per_household(
        members, ((members.labour <= WEAK) * np.where(members.labour == WEAK, 0.45, 1.0)), count
    )
    adult_schooling = per_household(members, members.schooling * (members.age >= 18), count)
    adults = np.maximum(per_household(members, (members.age >= 18) * 1.0, count), 1.0)
    skill = 0.75 + 0.11 * adult_schooling / adults + rng.normal(0, 0.12, count)
    worked_land = np.minimum(households.land_mu, 3.5 * hands + 0.6) + 0.5 * households.forest_mu
    business = worked_land * 820.0 * np.clip(skill, 0.3, 2) * shocks.weather[households.village] * shocks.luck
    business *= np.where(households.savings_yuan > 8000, 1.2, 1.0) * (1.12 - 0.35 * remoteness)
    expense = business * np.clip(rng.normal(0.36, 0.06, count), 0.15, 0.6)
    pension = PENSION_YUAN * per_household(members, (members.age >= PENSION_AGE) * 1.0, count)
    transfer = pension + 110.0 * households.land_mu + rng.gamma(1.2, 500.0, count)
    transfer += per_household(members, members.is_disabled * 720.0, count)
    idle = hands < 0.5
    transfer += np.where(idle, SUPPORT_YUAN * households.size * rng.uniform(0.5, 1.2, count), 0.0)
    transfer += (
        CHILDREN_SUPPORT_YUAN * per_household(members, (members.age >= 65) * 1.0, count) * rng.random(count)
    )
    rent = np.where(rng.random(count) < 0.12, rng.lognormal(6.6, 0.7, count), 0.0)
    medical = per_household(
        members,
        members.is_serious * MEDICAL_SERIOUS
        + members.is_chronic * MEDICAL_CHRONIC
        + members.is_disabled * MEDICAL_DISABLED,
        count,
    )
    medical *= rng.lognormal(-0.15, 0.5, count) * 0.45  # what insurance leaves
    return _finish(households, wage, business, expense, transfer, rent, medical)


def _finish(
    households: Households,
    wage: Floats,
    business: Floats,
    expense: Floats,
    transfer: Floats,
    rent: Floats,
    medical: Floats,
) -> Income:
    net = wage + business - expense + transfer + rent
    return Income(
        wage=np.round(wage, 2),
        business_gross=np.round(business, 2),
        expense=np.round(expense, 2),
        transfer=np.round(transfer, 2),
        property=np.round(rent, 2),
        medical_spending=np.round(medical, 2),
        net_per_head=np.round(net / households.size, 2),
    )


def with_net(households: Households, income: Income) -> Income:
    """The same columns with the net per head that follows from them."""
    return _finish(
        households,
        income.wage,
        income.business_gross,
        income.expense,
        income.transfer,
        income.property,
        income.medical_spending,
    )


@dataclass(frozen=True)
class Curve:
    """How raw net income per head becomes yuan: ``line × (raw / anchor) ** exponent``; every rank stays."""

    line_yuan: float
    anchor: float
    exponent: float


MEDIAN_TO_LINE = 1.75
"""The median of net income per head over the line; assumed."""


def curve_for(income: Income, line_yuan: float, poor_share: float) -> Curve:
    """The curve by which ``poor_share`` lie below the line and the median is ``MEDIAN_TO_LINE`` lines."""
    anchor, median = np.quantile(income.net_per_head, [poor_share, 0.5])
    exponent = float(np.log(MEDIAN_TO_LINE) / np.log(median / anchor))
    return Curve(line_yuan, float(anchor), round(exponent, 9))


def shaped(households: Households, income: Income, curve: Curve) -> Income:
    """The same year along the curve. Transfers stay where they fit; what is earned takes up the rest."""
    raw = np.maximum(income.net_per_head, 1.0)
    total = curve.line_yuan * (raw / curve.anchor) ** curve.exponent * households.size
    earned = income.wage + income.business_gross - income.expense + income.property
    has_earnings = earned > 1.0
    transfer = np.where(has_earnings, np.minimum(income.transfer, 0.9 * total), total)
    factor = np.where(has_earnings, (total - transfer) / np.where(has_earnings, earned, 1.0), 0.0)
    return _finish(
        households,
        income.wage * factor,
        income.business_gross * factor,
        income.expense * factor,
        transfer,
        income.property * factor,
        income.medical_spending,
    )


def true_causes(
    villages: Villages,
    households: Households,
    members: Members,
    income: Income,
    is_poor: Flags,
    recipe: Recipe,
) -> Texts:
    """The main cause of each poor household ("" for the others): the strongest of those its own state allows.

    Weights are raked until the shares among the poor come near ``marginals.CAUSES``.
    """
    codes = list(CAUSES)
    possible = _possible_causes(villages, households, members, income)[is_poor]
    strength = stream(recipe.seed, "causes").exponential(1.0, (recipe.households, len(codes)))[is_poor]
    strength = np.where(possible, strength + 0.05, 0.0)
    target = np.array(list(CAUSES.values())) / sum(CAUSES.values())
    weight = np.ones(len(codes))
    for _ in range(60):
        chosen = np.argmax(strength * weight, axis=1)
        share = np.bincount(chosen, minlength=len(codes)) / max(len(chosen), 1)
        weight *= np.clip((target / np.maximum(share, 1e-3)) ** 0.4, 0.7, 1.4)
    cause = np.full(recipe.households, "", dtype="U12")
    cause[is_poor] = np.array(codes)[np.argmax(strength * weight, axis=1)]
    return cause


def _possible_causes(villages: Villages, households: Households, members: Members, income: Income) -> Flags:
    count = len(households.size)

    def any_member(flag: Flags) -> Flags:
        return per_household(members, flag * 1.0, count) > 0

    remote = villages.remoteness[households.village]
    pupils = per_household(members, (members.enrolment != "非在校生") * 1.0, count)
    beyond_school = any_member(np.isin(members.enrolment, ("中职", "普通高中", "高职高专", "本科")))
    able = per_household(members, (members.labour <= LABOUR.index("普通劳动力")) * 1.0, count)
    best = np.zeros(count)
    np.maximum.at(best, members.household, np.where(members.age >= 18, members.schooling, 0))
    no_wages = income.wage < 3000
    columns = {
        "illness": any_member(members.is_serious | members.is_chronic),
        "skill": (best <= SCHOOLING.index("初中")) & (able > 0),
        "capital": households.savings_yuan < 8000,
        "labour": able * 2 <= households.size,
        "disability": any_member(members.is_disabled),
        "schooling": beyond_school | (pupils >= 2),
        "motivation": (able >= 1) & no_wages,
        "transport": (remote > 0.55) | ~villages.has_paved_road[households.village],
        "disaster": remote > 0.3,
        "land": households.land_mu < 1.0 * households.size,
        "water": ~households.has_safe_water,
    }
    return np.column_stack([columns[code] for code in CAUSES])
