"""Households for these tests, written straight into the register's tables. All made up."""

from __future__ import annotations

import random
from datetime import date

from django.utils import timezone

from tests.people import county, villages
from yuchang.core.models import Instance
from yuchang.places.models import keys_of
from yuchang.registry.models import Household, HouseholdFacts, Member, MemberFacts, MemberHealth

DAY = date(2026, 6, 1)
SEEN = date(2026, 5, 1)
SAFE = {"unsafe_house": "no", "safe_water": True, "water_hardship": False}
WORKER = {
    "labour": "ordinary",
    "enrolment": "not_enrolled",
    "has_serious_illness_cover": True,
    "has_medical_insurance": True,
    "health": ["healthy"],
}


def simulated():
    """Mark the test database as simulated, so that the assumed lines apply."""
    Instance.objects.update_or_create(pk=1, defaults={"is_simulated": True})


def household(village=None, members=(WORKER,), observed_on=SEEN, size=None, **facts):
    """One household with one observation; ``facts`` beyond the safe defaults."""
    village = village or villages()[0]
    columns = {k: facts.pop(k) for k in ("state", "attribute", "exit_attribute", "main_cause") if k in facts}
    number = f"T{Household.objects.count():06d}"
    row = Household.objects.create(
        place=village,
        **keys_of(village),
        number=number,
        **({"attribute": "ordinary", "main_cause": "skill"} | columns),
        size=size or max(len(members), 1),
        head_name="测试",
        entered_at=timezone.now(),
    )
    seen = {"observed_on": observed_on, "recorded_at": timezone.now(), "source": "form"}
    HouseholdFacts.objects.create(household=row, **seen, **(SAFE | facts))
    for i, details in enumerate(members):
        _member(row, i, dict(details), seen)
    return row


def _member(row, number, details, seen):
    health = details.pop("health", None)
    person = Member.objects.create(
        household=row,
        number=f"{row.number}-{number}",
        name="测试",
        relation="head" if number == 0 else "other",
        birth_on=details.pop("birth_on", date(1980, 2, 29)),
        joined_on=date(2020, 1, 1),
    )
    MemberFacts.objects.create(member=person, **seen, **details)
    if health is not None:
        MemberHealth.objects.create(member=person, **seen, health=health)


def random_household(seed, places):
    """A household with gaps and values around the lines."""
    rng = random.Random(seed)

    def maybe(*values):
        return rng.choice([None, *values, *values])

    members = [
        {
            "labour": maybe("ordinary", "skilled", "weak", "lost", "none"),
            "enrolment": maybe("not_enrolled", "senior", "dropped_out", "primary"),
            "has_medical_insurance": maybe(True, True, False),
            "has_serious_illness_cover": maybe(True, True, False),
            "birth_on": maybe(date(1950, 1, 1), date(2010, 6, 1), date(1988, 6, 2), date(1961, 6, 1)),
            "health": maybe(["healthy"], ["healthy"], ["chronic"], ["serious", "disabled"]),
        }
        for _ in range(rng.randrange(0, 5))
    ]
    return household(
        village=rng.choice(places),
        members=members,
        size=max(len(members), 1),
        observed_on=rng.choice([SEEN, SEEN, SEEN, date(2025, 3, 1), DAY]),
        state=rng.choice(["entered", "listed", "removed", "exited"]),
        attribute=rng.choice(["ordinary", "allowance", "fully_supported"]),
        exit_attribute=rng.choice(["not_exited", "exited", "exited_no_policy", "returned"]),
        main_cause=rng.choice(["illness", "schooling", "disability", "skill"]),
        net_income_per_head_fen=maybe(854_999, 855_000, 855_001, 570_000, 569_999, 1_200_000, 0, 10_000_001),
        compliant_medical_spending_fen=maybe(0, 1_000_000, 5_000_000),
        disaster_loss_fen=maybe(0, 300_000),
        insurance_claims_fen=maybe(0, 100_000),
        unsafe_house=maybe("no", "no", "c", "d"),
        safe_water=maybe(True, True, False),
        water_hardship=maybe(False, False, True),
    )


__all__ = ["DAY", "SAFE", "SEEN", "WORKER", "county", "household", "random_household", "simulated"]
