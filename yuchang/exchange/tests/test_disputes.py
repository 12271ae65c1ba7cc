"""Disputes are decided by somebody who took no part; reviews need fulfilled deals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from tests import people
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.exchange import actions, queries_deals
from yuchang.exchange.models import Agreement, Delivery, Dispute, Review
from yuchang.exchange.tests.deals import Deal, paper
from yuchang.exchange.tests.world import organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def deal() -> Deal:
    return Deal()


def dispute(deal: Deal, **more: Any) -> Dispute:
    given = {"actor": deal.li.actor, "side": "offer", "statement": "货已送到，对方少认"} | more
    return actions.open_dispute(agreement_id=deal.row.pk, **given)


def answered(deal: Deal, row: Dispute) -> Dispute:
    return actions.answer_dispute(
        actor=deal.zhao.actor, dispute_id=row.pk, version=row.version, side="need", answer="确有受潮"
    )


def decide(actor: Any, row: Dispute, **more: Any) -> Dispute:
    given = {"outcome": "partly", "decision": "复称后认定"} | more
    return actions.decide_dispute(actor=actor, dispute_id=row.pk, version=row.version, **given)


def test_a_ruling_counts_what_was_contested(deal: Deal) -> None:
    contested = deal.accept(deal.deliver(200), 150, "受潮")
    row = answered(deal, dispute(deal, delivery_id=contested.pk, uploads=[paper()]))
    for bad in (149, 201):
        with pytest.raises(Invalid):
            decide(deal.officer.actor, row, ruled_quantity=bad)
    found = decide(deal.officer.actor, row, ruled_quantity=200)
    assert (found.state, found.decided_by_id) == ("decided", deal.officer.user.pk)
    assert Delivery.objects.get().accepted == 200
    assert (deal.fresh().state, deal.fresh().fulfilled) == ("fulfilled", 200)
    with pytest.raises(Conflict):
        decide(deal.officer.actor, found)


def test_only_an_officer_of_the_place_who_took_no_part_decides(deal: Deal) -> None:
    row = dispute(deal)
    with pytest.raises(Conflict):
        decide(deal.officer.actor, row)
    row = answered(deal, row)
    with pytest.raises(Hidden):
        decide(deal.outsider.actor, row)
    for nobody in (deal.zhao.actor, deal.second_li.actor, people.auditor().actor):
        with pytest.raises(Refused):
            decide(nobody, row)
    busy = people.wang()
    deal.accept(deal.deliver(50, actor=busy.actor))
    with pytest.raises(Refused):
        decide(busy.actor, row)
    with pytest.raises(IntegrityError), transaction.atomic():
        Dispute.objects.filter(pk=row.pk).update(
            state="decided",
            outcome="upheld",
            decision="无",
            decided_by_id=busy.user.pk,
            decided_at=clock.now(),
        )
    assert decide(deal.officer.actor, row).state == "decided"


def test_without_an_answer_the_county_decides_once_the_days_are_over(deal: Deal) -> None:
    row = dispute(deal)
    Dispute.objects.filter(pk=row.pk).update(answer_by=clock.today() - timedelta(days=1))
    assert decide(deal.officer.actor, row).state == "decided"


def test_an_open_dispute_keeps_the_agreement_open(deal: Deal) -> None:
    row = dispute(deal)
    deal.accept(deal.deliver(200))
    assert (deal.fresh().state, deal.fresh().fulfilled) == ("agreed", 200)
    with pytest.raises(IntegrityError), transaction.atomic():
        Agreement.objects.filter(pk=deal.row.pk).update(state="fulfilled")
    with pytest.raises(Conflict):
        actions.ask_closing(
            actor=deal.li.actor,
            agreement_id=deal.row.pk,
            version=deal.fresh().version,
            side="offer",
            reason="算了",
        )
    with pytest.raises(Hidden):
        actions.withdraw_dispute(actor=deal.zhao.actor, dispute_id=row.pk, version=1, reason="算了")
    actions.withdraw_dispute(actor=deal.second_li.actor, dispute_id=row.pk, version=1, reason="误会")
    assert deal.fresh().state == "fulfilled"


def test_nobody_answers_the_own_dispute_and_strangers_see_none(deal: Deal) -> None:
    row = dispute(deal)
    with pytest.raises(Refused):
        actions.answer_dispute(
            actor=deal.second_li.actor, dispute_id=row.pk, version=1, side="offer", answer="同意"
        )
    for stranger in (people.zhao(organisation("别家").pk), people.li(people.villages()[5])):
        with pytest.raises(Hidden):
            queries_deals.dispute_for(stranger.actor, row.pk)
    assert queries_deals.disputes_for(deal.officer.actor).first(9) == [row]
    assert queries_deals.disputes_for(people.zhao(organisation("又一家").pk).actor).first(9) == []


def test_a_review_needs_an_accepted_delivery_and_is_written_and_answered_once(deal: Deal) -> None:
    given = {"agreement_id": deal.row.pk, "side": "offer", "stars": 5, "text": "付款及时"}
    with pytest.raises(Conflict):
        actions.review(actor=deal.li.actor, **given)
    deal.accept(deal.deliver(50))
    row = actions.review(actor=deal.li.actor, **given)
    assert row.organisation_id == deal.market.firm.pk
    for actor, bad, error in (
        (deal.second_li.actor, {}, Conflict),
        (deal.zhao.actor, {}, Hidden),
        (deal.li.actor, {"stars": 6}, Invalid),
        (deal.outsider.actor, {}, Hidden),
    ):
        with pytest.raises(error):
            actions.review(actor=actor, **(given | bad))
    with pytest.raises(Hidden):
        actions.answer_review(actor=deal.li.actor, review_id=row.pk, version=1, text="谢谢")
    actions.answer_review(actor=deal.zhao.actor, review_id=row.pk, version=1, text="合作愉快")
    with pytest.raises(Conflict):
        actions.answer_review(actor=deal.zhao.actor, review_id=row.pk, version=2, text="再说一句")
    with pytest.raises(IntegrityError), transaction.atomic():
        Review.objects.filter(pk=row.pk).update(stars=1)
    standing = queries_deals.standing_of(deal.market.firm.pk)
    assert (standing.count, standing.mean) == (1, 5.0)
