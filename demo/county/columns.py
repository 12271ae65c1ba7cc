"""A generated county as the columns that the register takes over, with doubled people in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from demo.county import names, people
from demo.county.build import County
from demo.county.reporting import Told, attributes, misread
from demo.county.tables import Floats, Ints, Texts, stream
from yuchang.registry import codes
from yuchang.registry.columns import HouseholdColumns, MemberColumns

DOUBLED = 0.0005
"""Doubled people per household and kind."""
SAME_NUMBER, SWAPPED = "person in two households", "duplicate with swapped characters"
_WORK = ("none", "township", "county", "province", "outside")


@dataclass(frozen=True)
class Doubled:
    """A person who is entered a second time: the positions of both households, and the names as entered."""

    kind: str
    household: int
    other: int
    name: str
    name_entered: str


@dataclass(frozen=True)
class Sent:
    """What is handed over, which generated household each row is, and what was planted."""

    households: HouseholdColumns
    members: MemberColumns
    position: Ints
    doubled: tuple[Doubled, ...]


def hand_over(county: County, told: Told, village_ids: dict[str, int], *, plant: bool = True) -> Sent:
    """Every reported household; with ``plant`` some people stand in two of them."""
    kept = np.flatnonzero(told.is_reported)
    return _sent(county, told, village_ids, kept, _doubles(county, told) if plant else [])


def hand_over_again(county: County, told: Told, village_ids: dict[str, int], numbers: set[str]) -> Sent:
    """The households of these numbers as they should have been."""
    kept = np.flatnonzero(np.isin(told.number, sorted(numbers)))
    return _sent(county, told, village_ids, kept, [])


def _doubles(county: County, told: Told) -> list[tuple[Doubled, int, str]]:
    """(what is planted, the true person's row, the number as entered); each in a household of its own."""
    rng = stream(county.recipe.seed, "doubled people")
    everyone = county.members
    wanted = max(1, round(county.recipe.households * DOUBLED))
    fits = (everyone.age >= 30) & (np.char.str_len(everyone.name) >= 3) & told.is_reported[everyone.household]
    donors = rng.choice(np.flatnonzero(fits), 2 * wanted, replace=False)
    hosts = rng.choice(np.flatnonzero(told.is_reported), 4 * wanted, replace=False)
    hosts = hosts[~np.isin(hosts, everyone.household[donors])][: 2 * wanted]
    taken = set(everyone.id_number.tolist())
    made = []
    for i, (donor, host) in enumerate(zip(donors.tolist(), hosts.tolist(), strict=False)):
        name, number = str(everyone.name[donor]), str(everyone.id_number[donor])
        kind = SWAPPED if i < wanted and names.swap_two_characters(name) != name else SAME_NUMBER
        entered = names.swap_two_characters(name) if kind == SWAPPED else name
        number = misread(taken, number) if kind == SWAPPED else number
        taken.add(number)
        made.append((Doubled(kind, host, int(everyone.household[donor]), name, entered), donor, number))
    return sorted(made, key=lambda one: one[0].household)


def _sent(
    county: County,
    told: Told,
    village_ids: dict[str, int],
    kept: Ints,
    planted: list[tuple[Doubled, int, str]],
) -> Sent:
    everyone = county.members
    rows = np.flatnonzero(np.isin(everyone.household, kept))
    home = everyone.household[rows]
    ends = [int(np.searchsorted(home, one.household, side="right")) for one, _donor, _number in planted]
    rows = np.insert(rows, ends, [donor for _one, donor, _number in planted])
    home = np.insert(home, ends, [one.household for one, _donor, _number in planted])
    added = (np.array(ends, dtype=np.int64) + np.arange(len(ends))).tolist()
    position = np.searchsorted(kept, home)
    members = _members(county, told, rows, home, position)
    for at, (one, _donor, number) in zip(added, planted, strict=True):
        members["name"][at], members["id_number"][at] = one.name_entered, number
        members["relation"][at] = "other"
    return Sent(
        HouseholdColumns(**_households(county, told, village_ids, kept)),
        MemberColumns(**members),
        kept,
        tuple(one for one, _donor, _number in planted),
    )


def _households(county: County, told: Told, village_ids: dict[str, int], kept: Ints) -> dict[str, Any]:
    homes, income = county.households, county.incomes[0]
    claimed = told.is_claimed_poor[kept]
    place = np.array([village_ids[str(code)] for code in county.villages.code])
    attribute = codes.ATTRIBUTES.by_label()
    rng = stream(county.recipe.seed, "handed over")
    silent = rng.random(len(told.net)) < np.where(told.net > 9000, 0.012, 0.004)
    state = np.where(
        rng.random(len(told.net)) < 0.04, "entered", np.where(told.is_claimed_poor, "listed", "exited")
    )
    gap = (income.net_per_head - told.net) * homes.size
    net = _fen(told.net)[kept].tolist()
    money = {
        "wage_income_fen": np.maximum(income.wage - np.maximum(gap, 0.0), 0.0),
        "business_income_fen": income.business_gross,
        "transfer_income_fen": income.transfer,
        "property_income_fen": income.property,
        "production_expense_fen": income.expense,
        "compliant_medical_spending_fen": income.medical_spending,
        "debt_fen": homes.debt_yuan,
    }
    return {
        "number": told.number[kept].tolist(),
        "village_id": place[homes.village[kept]].tolist(),
        "attribute": [attribute[text] for text in attributes(county, told.is_claimed_poor)[kept].tolist()],
        "main_cause": told.cause[kept].tolist(),
        "hamlet": homes.hamlet[kept].tolist(),
        "exit_attribute": np.where(claimed, "not_exited", "exited").tolist(),
        "state": state[kept].tolist(),
        "facts": {
            "net_income_per_head_fen": [
                None if s else n for s, n in zip(silent[kept].tolist(), net, strict=True)
            ],
            "unsafe_house": np.char.lower(homes.unsafe_house[kept]).tolist(),
            "safe_water": homes.has_safe_water[kept].tolist(),
            "arable_land_mu_tenths": np.round(homes.land_mu[kept] * 10).astype(np.int64).tolist(),
            "house_area_sqm": np.round(homes.floor_area[kept]).astype(np.int64).tolist(),
            **{name: _fen(values)[kept].tolist() for name, values in money.items()},
        },
    }


def _fen(yuan: Floats) -> Ints:
    return np.round(yuan * 100).astype(np.int64)


_HEALTH = [
    tuple(code for bit, code in enumerate(("chronic", "serious", "disabled")) if mask >> bit & 1)
    or ("healthy",)
    for mask in range(8)
]


def _members(county: County, told: Told, rows: Ints, home: Ints, position: Ints) -> dict[str, Any]:
    everyone = county.members
    relation = codes.RELATIONS.by_label()
    relations = np.array(
        [[relation[text] for text in people.RELATIONS[slot]] for slot in range(people.SLOTS)]
    )
    starts = np.searchsorted(home, home, side="left")
    running = np.arange(len(home)) - starts + 1
    health = everyone.is_chronic[rows] + 2 * everyone.is_serious[rows] + 4 * everyone.is_disabled[rows]
    rng = stream(county.recipe.seed, "handed over people")
    no_phone = rng.random(len(rows)) < 0.12
    covered = rng.random(len(rows)) < 0.97
    return {
        "household": position,
        "number": np.char.add(told.number[home], np.char.zfill(running.astype("U2"), 2)).tolist(),
        "name": everyone.name[rows].tolist(),
        "relation": relations[everyone.slot[rows], np.where(everyone.is_male[rows], 0, 1)].tolist(),
        "id_number": everyone.id_number[rows].tolist(),
        "phone": np.where(no_phone, "", everyone.phone[rows]).tolist(),
        "ethnicity": _coded(codes.ETHNICITIES, everyone.ethnicity[rows]),
        "health": [_HEALTH[mask] for mask in health.tolist()],
        "facts": {
            "schooling": _listed(codes.SCHOOLING, people.SCHOOLING, everyone.schooling[rows]),
            "enrolment": _coded(codes.ENROLMENT, everyone.enrolment[rows]),
            "labour": _listed(codes.LABOUR, people.LABOUR, everyone.labour[rows]),
            "work_status": np.array(_WORK)[everyone.work_place[rows]].tolist(),
            "work_months": everyone.work_months[rows].tolist(),
            "has_serious_illness_cover": covered.tolist(),
        },
    }


def _coded(known: codes.CodeList, labels: Texts) -> list[str]:
    table = known.by_label()
    return [table[label] for label in labels.tolist()]


def _listed(known: codes.CodeList, labels: tuple[str, ...], index: Ints) -> list[str]:
    table = known.by_label()
    words = [table[label] for label in labels]
    return [words[i] for i in index.tolist()]
