"""Consent: what was agreed opens exactly that; withdrawn, it opens nothing, from that moment on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import people, things
from yuchang.accounts import actions
from yuchang.accounts.doors import open_consented, open_door
from yuchang.accounts.models import Consent, User
from yuchang.accounts.queries import consented_fields, consents_for
from yuchang.accounts.rules import (
    Actor,
    AssignmentScope,
    ConsentScope,
    Grant,
    HouseholdScope,
    OrganisationScope,
    Role,
    SampleScope,
)
from yuchang.accounts.tests.makers import now
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused, Stale
from yuchang.registry.models import Household, Member

BANK = 77


def banker(organisation: int = BANK) -> Actor:
    return Actor(None, "信贷员", (Grant(Role.BANK_OFFICER, OrganisationScope(organisation)),))


def consent(home: Household, *, actor: Actor | None = None, **more: Any) -> Consent:
    values: dict[str, Any] = {
        "purpose": "credit",
        "organisation_id": BANK,
        "fields": ["settled_orders", "deliveries"],
        "channel": "paper",
    } | more
    return actions.give_consent(
        actor=actor or people.li().actor, household_id=home.pk, place=home.place, **values
    )


def test_a_bank_sees_the_consented_fields_and_after_the_withdrawal_nothing(db: None) -> None:
    home = things.household(people.villages()[0])
    given_one = consent(home)
    rows = Household.objects.all()
    row, fields = open_consented(rows, banker(), home.pk, household_id=home.pk, purpose="credit")
    assert row == home and fields == {"settled_orders", "deliveries"}
    for actor, purpose in ((banker(78), "credit"), (banker(), "insurance")):
        with pytest.raises(Hidden):
            open_consented(rows, actor, home.pk, household_id=home.pk, purpose=purpose)
    with pytest.raises(Refused):
        open_consented(rows, people.wang().actor, home.pk, household_id=home.pk, purpose="credit")
    actions.withdraw_consent(actor=people.li().actor, consent_id=given_one.pk, version=1)
    with pytest.raises(Hidden):
        open_consented(rows, banker(), home.pk, household_id=home.pk, purpose="credit")
    assert not consents_for(banker()).exists()


def test_a_consent_runs_out(db: None) -> None:
    home = things.household(people.villages()[0])
    row = consent(home, expires_on=clock.today())
    assert consented_fields(banker(), home.pk, "credit")
    assert row.expires_on == clock.today()
    with pytest.raises(Invalid):
        consent(home, expires_on=clock.today() - timedelta(days=1))


def test_who_may_record_a_consent(db: None) -> None:
    home = things.household(people.villages()[0])
    for actor in (people.outsider().actor, people.zhang().actor, people.administrator().actor):
        with pytest.raises(Refused):
            consent(home, actor=actor)
    with pytest.raises(Hidden):
        consent(home, actor=people.li(people.villages()[1]).actor)
    consent(home, actor=Actor(None, "农户", (Grant(Role.HOUSEHOLD, HouseholdScope(home.pk)),)))
    with pytest.raises(Refused):
        consent(home, actor=Actor(None, "农户", (Grant(Role.HOUSEHOLD, HouseholdScope(home.pk + 1)),)))


def test_withdrawing_twice_or_on_an_old_version_is_refused(db: None) -> None:
    row = consent(things.household(people.villages()[0]))
    cadre = people.li().actor
    with pytest.raises(Stale):
        actions.withdraw_consent(actor=cadre, consent_id=row.pk, version=9)
    actions.withdraw_consent(actor=cadre, consent_id=row.pk, version=1)
    with pytest.raises(Conflict):
        actions.withdraw_consent(actor=cadre, consent_id=row.pk, version=2)


def test_the_database_keeps_a_consent_as_it_was(db: None) -> None:
    row = consent(things.household(people.villages()[0]))
    for values in ({"fields": ["id_number"]}, {"organisation_id": 1}, {"purpose": "trade"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Consent.objects.filter(pk=row.pk).update(**values)
    actions.withdraw_consent(actor=people.li().actor, consent_id=row.pk, version=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Consent.objects.filter(pk=row.pk).update(withdrawn_at=None)
    with pytest.raises(DatabaseError), transaction.atomic():
        Consent.objects.filter(pk=row.pk).delete()


def test_each_kind_of_scope_opens_its_own_household_and_not_its_neighbours(db: None) -> None:
    mine, other = (things.household(people.villages()[0]) for _i in range(2))
    user = User.objects.create(username="helper", display_name="帮扶人")
    work = actions.assign_helper(
        actor=people.wang().actor, place=mine.place, household_ids=[mine.pk], user_id=user.pk
    )
    opened = {"household": [mine.pk]}
    actions.open_sample(actor=people.wang().actor, permission="registry.verify", sample_id=5, objects=opened)
    agreed = consent(mine)
    cases = (
        (Role.HOUSEHOLD, HouseholdScope(mine.pk), "household.own"),
        (Role.HELPER, AssignmentScope(work.pk), "registry.read"),
        (Role.EVALUATOR, SampleScope(5), "registry.read"),
        (Role.BANK_OFFICER, ConsentScope(agreed.pk), "consents.use"),
    )
    for role, scope, permission in cases:
        actor = Actor(None, "", (Grant(role, scope),))
        assert open_door(Household.objects.all(), actor, permission, mine.pk) == mine
        assert open_door(Member.objects.all(), actor, permission, mine.members.get().pk)
        with pytest.raises(Hidden):
            open_door(Household.objects.all(), actor, permission, other.pk)
        with pytest.raises(Refused):
            open_door(Household.objects.all(), actor, "registry.verify", mine.pk)
    actions.withdraw_consent(actor=people.li().actor, consent_id=agreed.pk, version=1)
    actions.end_assignment(actor=people.wang().actor, assignment_id=work.pk, version=1)
    for role, scope, permission in cases[1::2]:
        with pytest.raises(Hidden):
            open_door(Household.objects.all(), Actor(None, "", (Grant(role, scope),)), permission, mine.pk)


def test_a_telephone_opens_the_households_in_which_it_stands(db: None) -> None:
    one, two = (things.household(people.villages()[0]) for _i in range(2))
    user = actions.household_account(
        phone_blind=b"p" * 32, display_name="王小满", household_ids=[one.pk, two.pk]
    )
    assert {g.scope for g in now(user).grants} == {HouseholdScope(one.pk), HouseholdScope(two.pk)}
    again = actions.household_account(phone_blind=b"p" * 32, display_name="王小满", household_ids=[two.pk])
    assert again == user and [g.scope for g in now(user).grants] == [HouseholdScope(two.pk)]
    assert not user.has_usable_password()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(["give", "withdraw"]), st.integers(0, 2)), max_size=8))
def test_what_is_open_is_always_what_is_agreed_now(db: None, steps: list[tuple[str, int]]) -> None:
    names = ["orders", "refunds", "training"]
    with transaction.atomic():
        home = things.household(people.villages()[0])
        actor = Actor(None, "农户", (Grant(Role.HOUSEHOLD, HouseholdScope(home.pk)),))
        held: dict[int, set[int]] = {0: set(), 1: set(), 2: set()}
        for step, i in steps:
            if step == "give":
                held[i].add(consent(home, actor=actor, fields=[names[i]]).pk)
            elif held[i]:
                actions.withdraw_consent(actor=actor, consent_id=held[i].pop(), version=1)
        expected = {names[i] for i, rows in held.items() if rows}
        assert consented_fields(banker(), home.pk, "credit") == expected
        transaction.set_rollback(True)
