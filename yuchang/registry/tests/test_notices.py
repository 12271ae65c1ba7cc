"""From verification through the masked public notice to the list, with objections."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.people import li, outsider, villages, wang
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused, Stale
from yuchang.core.models import Instance
from yuchang.registry import actions, queries
from yuchang.registry.models import Household, Notice, NoticeEntry, Objection
from yuchang.registry.tests.test_import import bring_in
from yuchang.registry.tests.workbooks import families

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene():
    """Three households of one village, entered by one officer and verified by another."""
    officer, second = wang(), wang()
    bring_in(officer, families(3, villages()[:1]))
    actions.verify_households(actor=second.actor)
    return officer, second


def at(days: int) -> None:
    day = clock.timezone.now() + timedelta(days=days)
    Instance.objects.update_or_create(id=1, defaults={"is_simulated": True, "clock_at": day})


def publish(second) -> Notice:
    ids = list(Household.objects.values_list("pk", flat=True))
    return actions.publish_notice(
        actor=second.actor, village_id=villages()[0].pk, household_ids=ids, opens_on=clock.today(), days=7
    )


def test_the_one_who_entered_cannot_verify_and_another_can():
    officer, second = wang(), wang()
    bring_in(officer, families(1))
    household = Household.objects.get()
    with pytest.raises(Refused):
        actions.verify_household(actor=officer.actor, household_id=household.pk, version=1)
    with pytest.raises(Conflict):
        actions.verify_households(actor=officer.actor)
    with pytest.raises(Hidden):
        actions.verify_household(actor=outsider().actor, household_id=household.pk, version=1)
    with pytest.raises(Stale):
        actions.verify_household(actor=second.actor, household_id=household.pk, version=None)
    actions.verify_household(actor=second.actor, household_id=household.pk, version=1)
    with pytest.raises(Conflict):
        actions.verify_household(actor=wang().actor, household_id=household.pk, version=2)


def test_a_notice_shows_the_surname_and_nothing_that_identifies(scene):
    _officer, second = scene
    notice = publish(second)
    assert set(Household.objects.values_list("state", flat=True)) == {"noticed"}
    rows = list(queries.live_notice_entries(notice.county_id))
    assert len(rows) == 3
    for row in rows:
        assert row.masked_name.endswith("某某") and row.cause_group == "burden"
    text = str([(row.public_code, row.masked_name, row.cause_group) for row in rows])
    for household in Household.objects.all():
        assert household.head_name not in text and household.number not in text
    assert notice.closes_on == notice.opens_on + timedelta(days=6)


def test_a_notice_is_no_longer_live_after_its_last_night(scene):
    county = publish(scene[1]).county_id
    at(6)
    assert queries.live_notice_entries(county).count() == 3
    at(7)
    assert queries.live_notice_entries(county).count() == 0


def test_only_verified_households_of_the_village_and_area_are_published(scene):
    _officer, second = scene
    ask = {"opens_on": date(2026, 11, 21), "days": 7}
    ids = list(Household.objects.values_list("pk", flat=True))
    with pytest.raises(Refused):
        actions.publish_notice(actor=li().actor, village_id=villages()[0].pk, household_ids=ids, **ask)
    with pytest.raises(Hidden):
        actions.publish_notice(actor=outsider().actor, village_id=villages()[0].pk, household_ids=ids, **ask)
    with pytest.raises(Conflict):
        actions.publish_notice(actor=second.actor, village_id=villages()[1].pk, household_ids=ids, **ask)
    with pytest.raises(Invalid):
        actions.publish_notice(
            actor=second.actor,
            village_id=villages()[0].pk,
            household_ids=ids,
            opens_on=ask["opens_on"],
            days=3,
        )
    assert not Notice.objects.exists()


def test_after_the_notice_households_are_listed_but_not_those_with_an_upheld_objection(scene):
    officer, second = scene
    notice = publish(second)
    entry = NoticeEntry.objects.order_by("id").first()
    objection = actions.raise_objection(actor=li().actor, entry_id=entry.pk, text="该户在县城有商品房。")
    with pytest.raises(Conflict):
        actions.close_notice(actor=second.actor, notice_id=notice.pk, version=1)
    at(8)
    with pytest.raises(Conflict, match="异议"):
        actions.close_notice(actor=second.actor, notice_id=notice.pk, version=1)
    decide = {"objection_id": objection.pk, "version": 1, "upheld": True, "reason": "经核查属实。"}
    with pytest.raises(Refused):
        actions.decide_objection(actor=officer.actor, **decide)  # entered the household
    actions.decide_objection(actor=second.actor, **decide)
    with pytest.raises(Conflict):
        actions.decide_objection(actor=second.actor, **{**decide, "version": 2})
    actions.close_notice(actor=second.actor, notice_id=notice.pk, version=1)
    states = dict(Household.objects.values_list("pk", "state"))
    assert states.pop(entry.household_id) == "entered"
    assert set(states.values()) == {"listed"}


def test_many_villages_are_published_and_closed_at_once(scene):
    officer, second = scene
    bring_in(officer, families(3, villages()[1:3], start=50))
    actions.verify_households(actor=second.actor)
    assert actions.publish_notices(actor=second.actor, opens_on=clock.today()) == 3
    assert actions.close_notices(actor=second.actor) == 0
    at(8)
    assert actions.close_notices(actor=second.actor) == 3
    assert set(Household.objects.values_list("state", flat=True)) == {"listed"}


def test_an_objection_from_the_public_page_counts_from_the_moment_it_was_received(scene):
    notice = publish(scene[1])
    code = NoticeEntry.objects.first().public_code
    now = clock.now()
    at(notice_days := 7)  # carried in on the day after the last
    received = [
        actions.Received(code, "这户有小汽车,请核查。", now),
        actions.Received("NOSUCHCODE", "胡乱填写的内容。", now),
        actions.Received(code, "公示期过后才提出的异议。", now + timedelta(days=notice_days)),
    ]
    first, unknown, late = actions.take_in_objections(actor=scene[1].actor, received=received)
    assert Objection.objects.get().pk == first and Objection.objects.get().origin == "portal"
    assert unknown is None and late is None
    with pytest.raises(Refused):
        actions.take_in_objections(actor=li().actor, received=received)
    with pytest.raises(Conflict, match="异议"):
        actions.close_notice(actor=scene[1].actor, notice_id=notice.pk, version=1)


def test_a_household_under_notice_cannot_be_changed_by_import(scene):
    officer, second = scene
    publish(second)
    rows = families(3, villages()[:1])
    for row in rows:
        row["net_income_per_head_fen"] = 9999
    batch = bring_in(officer, rows)
    assert batch.counts["rejected"] == 3
