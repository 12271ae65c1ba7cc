"""Pairings need both sides; pilots go on by decision of another than who reported."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from tests import people
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.partners import actions, queries
from yuchang.partners.actions import PairingFacts, RoundFacts
from yuchang.partners.models import Pairing, Pilot, PilotRound
from yuchang.partners.tests.test_commitments import firm
from yuchang.places.models import Place

pytestmark = pytest.mark.django_db


def east() -> Place:
    """A county of another province."""
    gansu = people.county().province_id
    found = Place.objects.filter(level=3, valid_to=None).exclude(province_id=gansu).first()
    return found or _made_east()


def _made_east() -> Place:
    province = Place.objects.create(
        code="310000000000", name="上海市", full_name="上海市", level=1, valid_from=date(1949, 10, 1)
    )
    Place.objects.filter(pk=province.pk).update(province_id=province.pk)
    row = Place.objects.create(
        code="310101000000",
        name="黄浦区",
        full_name="上海市黄浦区",
        level=3,
        valid_from=date(1949, 10, 1),
        province_id=province.pk,
    )
    Place.objects.filter(pk=row.pk).update(county_id=row.pk)
    return Place.objects.get(pk=row.pk)


def pair(**changes: Any) -> PairingFacts:
    facts = PairingFacts("firm_county", people.county().pk, clock.today())
    return replace(facts, **changes)


def test_a_firm_asks_a_county_and_the_county_says_yes() -> None:
    row = firm()
    zhao, wang = people.zhao(row.pk).actor, people.wang().actor
    made = actions.propose_pairing(actor=zhao, facts=pair(organisation_id=row.pk))
    with pytest.raises(Hidden):
        actions.answer_pairing(actor=zhao, pairing_id=made.pk, version=1, is_accepted=True)
    with pytest.raises(Hidden):
        actions.answer_pairing(actor=people.outsider().actor, pairing_id=made.pk, version=1, is_accepted=True)
    with pytest.raises(Conflict):
        actions.propose_pairing(actor=wang, facts=pair(organisation_id=row.pk))
    got = actions.answer_pairing(actor=wang, pairing_id=made.pk, version=1, is_accepted=True)
    assert got.state == "active"
    with pytest.raises(IntegrityError), transaction.atomic():
        Pairing.objects.filter(pk=got.pk).update(valid_from=date(2001, 1, 1))
    got = actions.end_pairing(actor=zhao, pairing_id=got.pk, version=2, reason="期满")
    assert (got.state, got.valid_to) == ("ended", clock.today())


def test_a_county_asks_a_firm_for_a_village() -> None:
    row, village = firm(), people.villages()[0]
    made = actions.propose_pairing(
        actor=people.wang().actor,
        facts=pair(kind="firm_village", organisation_id=row.pk, place_id=village.pk),
    )
    assert made.proposed_side == "receiver"
    assert queries.pairings_for(people.li().actor).get() == made
    got = actions.answer_pairing(
        actor=people.zhao(row.pk).actor, pairing_id=made.pk, version=1, is_accepted=True
    )
    assert got.village_id == village.pk


def test_east_and_west_pair_across_provinces() -> None:
    away = east()
    officer = people.person("沪专员", people.Role.COUNTY_OFFICER, place=away)
    facts = pair(kind="east_west", helper_place_id=away.pk)
    made = actions.propose_pairing(actor=officer.actor, facts=facts)
    assert (
        actions.answer_pairing(
            actor=people.wang().actor, pairing_id=made.pk, version=1, is_accepted=True
        ).state
        == "active"
    )
    with pytest.raises(Invalid):
        actions.propose_pairing(
            actor=people.wang().actor,
            facts=pair(kind="east_west", helper_place_id=people.county(people.WEN).pk),
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "gold"},
        {"organisation_id": 0},
        {"place_id": 0},
        {"valid_to": date(2000, 1, 1)},
        {"kind": "firm_village"},
    ],
)
def test_absurd_pairings_are_refused(changes: dict[str, Any]) -> None:
    row = firm()
    with pytest.raises(Invalid):
        actions.propose_pairing(
            actor=people.wang().actor, facts=pair(**({"organisation_id": row.pk} | changes))
        )


def test_nobody_pairs_others() -> None:
    with pytest.raises(Hidden):
        actions.propose_pairing(actor=people.outsider().actor, facts=pair(organisation_id=firm().pk))


def first(**changes: Any) -> RoundFacts:
    villages = [place.pk for place in people.villages()[:2]]
    return replace(RoundFacts(villages, clock.today(), clock.today(), "开店数", 20), **changes)


def test_a_pilot_is_widened_by_another_than_who_reported() -> None:
    wang, other = (
        people.wang().actor,
        people.person("第二专员", people.Role.COUNTY_OFFICER, place=people.county()).actor,
    )
    county = people.county().pk
    row = actions.open_pilot(actor=wang, place_id=county, title="网店", question="留得住吗", first=first())
    one = row.rounds.get()
    with pytest.raises(Conflict):
        actions.decide_round(actor=other, round_id=one.pk, version=1, decision="widen", reason="好")
    with pytest.raises(Conflict):
        actions.next_round(actor=wang, pilot_id=row.pk, version=1, facts=first())
    actions.report_round(actor=wang, round_id=one.pk, version=1, result=25, note="25 家")
    with pytest.raises(Refused):
        actions.decide_round(actor=wang, round_id=one.pk, version=2, decision="widen", reason="好")
    actions.decide_round(actor=other, round_id=one.pk, version=2, decision="widen", reason="达标")
    row = Pilot.objects.get()
    assert row.state == "widened"
    two = actions.next_round(actor=wang, pilot_id=row.pk, version=row.version, facts=first())
    assert (two.number, Pilot.objects.get().state) == (2, "running")
    with pytest.raises(IntegrityError), transaction.atomic():
        PilotRound.objects.filter(pk=one.pk).update(result=99)
    actions.report_round(actor=other, round_id=two.pk, version=1, result=3, note="3 家")
    actions.decide_round(actor=wang, round_id=two.pk, version=2, decision="stop", reason="无效")
    with pytest.raises(Conflict):
        actions.next_round(actor=wang, pilot_id=row.pk, version=Pilot.objects.get().version, facts=first())


@pytest.mark.parametrize(
    "changes", [{"place_ids": []}, {"goal": 0}, {"measure": ""}, {"ends_on": date(2000, 1, 1)}]
)
def test_absurd_rounds_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        actions.open_pilot(
            actor=people.wang().actor,
            place_id=people.county().pk,
            title="网店",
            question="?",
            first=first(**changes),
        )
    with pytest.raises(Hidden):
        actions.open_pilot(
            actor=people.outsider().actor,
            place_id=people.county().pk,
            title="网店",
            question="?",
            first=first(),
        )
