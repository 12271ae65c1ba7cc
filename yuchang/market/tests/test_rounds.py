"""Opening rounds, gathering commitments; the cap never exceeds them."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.utils import timezone

from tests import people
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused, Stale
from yuchang.core.models import AuditEntry
from yuchang.ledger.tests.people_of_the_book import households, organisation
from yuchang.market.actions.rounds import add_offer, close_round, commit, open_round, start_sales
from yuchang.market.models import Commitment, Offer, Round
from yuchang.market.tests.world import build, goods, terms


def test_a_round_on_sale_is_capped_by_its_commitments(db: None) -> None:
    world = build((50, 30, 20))
    assert (world.round.state, world.offer.committed, world.offer.cap) == ("open", 100, 100)
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"market.open_round", "market.add_offer", "market.commit", "market.start_sales"} <= actions


def test_a_co_op_opens_its_own_round_and_nobody_elses(db: None) -> None:
    coop, firm = organisation("合作社", "cooperative"), organisation("公司")
    boss = people.zhao(coop.pk).actor
    row = open_round(actor=boss, place=people.county(), terms=terms(), organisation_id=coop.pk)
    assert row.organisation_id == coop.pk
    for actor, organisation_id in ((boss, firm.pk), (people.zhao(firm.pk).actor, firm.pk)):
        with pytest.raises(Refused):
            open_round(actor=actor, place=people.county(), terms=terms(), organisation_id=organisation_id)
    with pytest.raises(Refused):
        open_round(actor=boss, place=people.county(people.WEN), terms=terms(), organisation_id=coop.pk)
    with pytest.raises(Hidden):
        open_round(actor=boss, place=people.county(), terms=terms())


def test_an_officer_of_the_next_county_and_a_cadre_are_refused(db: None) -> None:
    world = build(on_sale=False)
    with pytest.raises(Hidden):
        open_round(actor=people.outsider().actor, place=people.county(), terms=terms())
    with pytest.raises(Refused):
        open_round(actor=people.li().actor, place=people.county(), terms=terms())
    for call in (start_sales, close_round):
        with pytest.raises(Hidden):
            call(actor=people.outsider().actor, round_id=world.round.pk, version=1)
        with pytest.raises(Refused):
            call(actor=people.li().actor, round_id=world.round.pk, version=1)


def test_terms_and_goods_that_make_no_sense_are_refused(db: None) -> None:
    world = build(on_sale=False)
    now = timezone.now()
    with pytest.raises(Invalid) as caught:
        open_round(
            actor=world.wang, place=people.county(), terms=terms(title=" ", sales_to=now.replace(year=2020))
        )
    assert {p.field for p in caught.value.problems} == {"title", "sales_to"}
    for changes in (
        {"grower_fen": 3000},
        {"price_fen": 0},
        {"coop_id": None},
        {"title": ""},
    ):
        with pytest.raises(Invalid):
            add_offer(
                actor=world.wang,
                round_id=world.round.pk,
                version=1,
                goods=goods(world.coop, world.carrier, **changes),
            )


def test_a_cadre_commits_households_of_the_own_village_only(db: None) -> None:
    world = build(on_sale=False)
    cadre = people.li().actor
    mine = households(1)[0]
    theirs = households(1, people.villages()[-1])[0]
    abroad = households(1, people.villages(people.WEN)[0])[0]
    row = commit(actor=cadre, offer_id=world.offer.pk, household_id=mine.pk, quantity=7)
    assert row.quantity == 7 and world.reload().offer.committed == 107
    for household in (theirs, abroad):
        with pytest.raises(Hidden):
            commit(actor=cadre, offer_id=world.offer.pk, household_id=household.pk, quantity=7)
    with pytest.raises(Hidden):
        commit(actor=world.wang, offer_id=world.offer.pk, household_id=abroad.pk, quantity=7)
    with pytest.raises(Hidden):
        commit(actor=people.outsider().actor, offer_id=world.offer.pk, household_id=abroad.pk, quantity=7)
    with pytest.raises(Invalid):
        commit(actor=cadre, offer_id=world.offer.pk, household_id=mine.pk, quantity=0, version=1)


def test_a_changed_commitment_moves_the_cap_and_names_its_version(db: None) -> None:
    world = build((50, 50))
    first = world.growers[0].pk
    with pytest.raises(Stale):
        commit(actor=world.wang, offer_id=world.offer.pk, household_id=first, quantity=60)
    row = commit(actor=world.wang, offer_id=world.offer.pk, household_id=first, quantity=60, version=1)
    assert (row.version, world.reload().offer.cap) == (2, 110)
    world.order(70)
    commit(actor=world.wang, offer_id=world.offer.pk, household_id=first, quantity=20, version=2)
    assert world.reload().offer.cap == 70
    with pytest.raises(Conflict):
        commit(actor=world.wang, offer_id=world.offer.pk, household_id=first, quantity=19, version=3)
    assert world.reload().offer.committed == 70


def test_the_database_keeps_sold_below_cap_below_commitments(db: None) -> None:
    offer = build((50, 50)).offer
    for change in ({"cap": 101}, {"sold": 101}, {"sold": -1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Offer.objects.filter(pk=offer.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        Commitment.objects.filter(offer=offer).first().delete()
    with pytest.raises(ProgrammingError), transaction.atomic():
        Offer.objects.filter(pk=offer.pk).update(committed=1000)
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE market_offer SET price_fen = price_fen")


def test_sales_start_once_and_only_with_goods(db: None) -> None:
    world = build()
    with pytest.raises(Conflict):
        start_sales(actor=world.wang, round_id=world.round.pk, version=world.round.version)
    with pytest.raises(Stale):
        close_round(actor=world.wang, round_id=world.round.pk, version=1)
    empty = open_round(actor=world.wang, place=people.county(), terms=terms())
    with pytest.raises(Conflict):
        start_sales(actor=world.wang, round_id=empty.pk, version=1)
    assert Round.objects.get(pk=empty.pk).state == "draft"
