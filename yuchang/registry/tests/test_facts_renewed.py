"""Saying the same again on a later day is an observation: the date is renewed, nothing else changes."""

from __future__ import annotations

from datetime import date

import pytest

from tests import people, things
from yuchang.registry import actions
from yuchang.registry.models import HouseholdFacts

pytestmark = pytest.mark.django_db
LATER = date(2026, 11, 1)


@pytest.mark.parametrize("is_set", [True, False])
def test_facts_confirmed_on_a_later_day_carry_that_day(is_set: bool) -> None:
    home = things.household(people.villages()[0])
    things.facts(home, per_head_yuan=5000)
    wang = people.wang().actor
    for _ in range(2):  # the same day twice says nothing more
        if is_set:
            actions.record_facts_set(
                actor=wang, observed_on=LATER, source="visit", columns=["safe_water"], rows=[(home.pk, True)]
            )
        else:
            actions.record_facts(
                actor=wang,
                household_id=home.pk,
                observed_on=LATER,
                source="visit",
                facts={"safe_water": True},
            )
    found = list(HouseholdFacts.objects.filter(household=home).order_by("observed_on"))
    assert [(f.observed_on, f.net_income_per_head_fen, f.safe_water) for f in found] == [
        (things.SEEN, 500_000, True),
        (LATER, 500_000, True),
    ]


def test_an_older_day_adds_nothing_when_it_says_the_same() -> None:
    home = things.household(people.villages()[0])
    things.facts(home, per_head_yuan=5000)
    actions.record_facts_set(
        actor=people.wang().actor,
        observed_on=things.SEEN,
        source="visit",
        columns=["safe_water"],
        rows=[(home.pk, True)],
    )
    assert HouseholdFacts.objects.filter(household=home).count() == 1
