"""An agreement of the exchange becomes an order that is delivered and paid like any other."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.db.models import F
from django.utils import timezone

from tests import people
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.core.models import AuditEntry
from yuchang.exchange.actions import Ordered, deliver_orders, judge_delivery, record_delivery
from yuchang.exchange.models import Agreement, Category, Delivery, Match, Posting
from yuchang.ledger import queries as book
from yuchang.ledger.tests.people_of_the_book import households, organisation
from yuchang.market.actions.agreements import order_from_agreement, orders_from_agreements
from yuchang.market.actions.goods import Harvest, deliver_rounds, fulfil_round, fulfil_rounds, lot_set
from yuchang.market.actions.payments import Report, confirm_payment
from yuchang.market.actions.settlements import settle_rounds
from yuchang.market.models import Order
from yuchang.messages.models import Message
from yuchang.places.models import keys_of


def posting(direction: str, **owner: Any) -> Posting:
    place = owner.pop("place", None) or people.villages()[0]
    category, _new = Category.objects.get_or_create(
        code="goods.walnut", defaults={"name_zh": "核桃", "name_en": "walnuts", "unit": "公斤"}
    )
    return Posting.objects.create(
        direction=direction,
        category=category,
        quantity=100,
        unit="公斤",
        limit_fen=1,
        window_from=date(2026, 9, 1),
        window_to=date(2026, 12, 1),
        place=place,
        **keys_of(place),
        **owner,
    )


def agreement(offer: Posting, need: Posting, **changes: Any) -> Agreement:
    terms = {"quantity": 40, "price_fen": 2500, "transport_fen": 100} | changes
    match = Match.objects.create(
        offer=offer,
        need=need,
        category=offer.category,
        quantity=terms["quantity"],
        price_fen=terms["price_fen"],
        offer_gain_fen=0,
        need_gain_fen=0,
        window_from=offer.window_from,
        window_to=offer.window_to,
        reason={},
    )
    now = timezone.now()
    seller, buyer = people.li().user.pk, people.zhang().user.pk
    signed = {
        "offer_yes_by_id": seller,
        "offer_yes_at": now,
        "need_yes_by_id": buyer,
        "need_yes_at": now,
        "agreed_at": now,
        "state": "agreed",
    }
    if terms.pop("unsigned", False):
        signed = {"offer_yes_by_id": seller, "offer_yes_at": now, "state": "proposed"}
    if signed["state"] == "agreed":
        held = F("agreed_quantity") + terms["quantity"]
        Posting.objects.filter(pk__in=[offer.pk, need.pk]).update(agreed_quantity=held)
    return Agreement.objects.create(
        match=match,
        offer=offer,
        need=need,
        category=offer.category,
        delivery_from=date(2026, 10, 1),
        delivery_to=date(2026, 11, 1),
        proposed_side="offer",
        place=offer.place,
        **keys_of(offer.place),
        **terms,
        **signed,
    )


def from_household() -> tuple[Agreement, Any, Any]:
    grower, buyer = households(1)[0], organisation("采购公司")
    made = agreement(
        posting("offer", owner_kind="household", household=grower),
        posting("need", owner_kind="organisation", organisation=buyer, place=people.county()),
    )
    return made, grower, buyer


def test_agreed_walnuts_are_delivered_and_paid(db: None) -> None:
    made, grower, _buyer = from_household()
    carrier, wang = organisation("物流", "logistics"), people.wang().actor
    order = order_from_agreement(actor=wang, agreement_id=made.pk, logistics_id=carrier.pk)
    assert (order.total_fen, order.channel, order.state) == (40 * 2600, "agreement", "held")
    assert order_from_agreement(actor=wang, agreement_id=made.pk) == order
    lot_set(actor=wang, offer_id=order.lines.get().offer_id, harvests=[Harvest(grower.pk, 40)])
    rounds = [order.round_id]
    assert fulfil_rounds(actor=wang, round_ids=rounds).lines == 0  # not paid yet: left for another time
    with pytest.raises(Conflict, match="等待付款"):
        fulfil_round(actor=wang, round_id=order.round_id, version=1)
    confirm_payment(report=Report(order.pk, order.total_fen, "transfer-1"))
    assert fulfil_rounds(actor=wang, round_ids=rounds).missing == 0
    deliver_rounds(actor=wang, round_ids=rounds)
    paid = settle_rounds(actor=wang, round_ids=rounds)
    assert (paid.households_fen, paid.logistics_fen, paid.residual_fen) == (100_000, 4_000, 0)
    days = (date(2020, 1, 1), date(2100, 1, 1))
    assert book.income_by_household([grower.pk], *days) == {grower.pk: 100_000}


def test_the_buyer_too_may_turn_it_into_an_order_and_nobody_else(db: None) -> None:
    made, _grower, buyer = from_household()
    for stranger in (people.outsider(), people.zhao(organisation("另一家").pk)):
        with pytest.raises(Hidden):
            order_from_agreement(actor=stranger.actor, agreement_id=made.pk)
    with pytest.raises(Hidden):
        order_from_agreement(actor=people.li().actor, agreement_id=made.pk)
    with pytest.raises(Refused):
        order_from_agreement(actor=people.administrator().actor, agreement_id=made.pk)
    order = order_from_agreement(actor=people.zhao(buyer.pk).actor, agreement_id=made.pk)
    assert order.total_fen == 40 * 2500 and order.organisation_id == buyer.pk


def test_a_villages_goods_need_their_growers(db: None) -> None:
    buyer, growers = organisation("采购公司"), households(2)
    made = agreement(
        posting("offer", owner_kind="village"),
        posting("need", owner_kind="organisation", organisation=buyer, place=people.county()),
    )
    wang, (one, two) = people.wang().actor, (h.pk for h in growers)
    for wrong in ((), ((one, 39),), ((one, 20), (one, 20)), ((one, 41), (two, -1))):
        with pytest.raises(Invalid):
            order_from_agreement(actor=wang, agreement_id=made.pk, growers=wrong)
    stranger = households(1, people.villages()[-1])[0]
    with pytest.raises(Hidden):
        order_from_agreement(actor=wang, agreement_id=made.pk, growers=((one, 20), (stranger.pk, 20)))
    order = order_from_agreement(actor=wang, agreement_id=made.pk, growers=((one, 25), (two, 15)))
    assert order.lines.get().offer.committed == 40


def test_what_is_not_agreed_or_not_grown_by_households_is_refused(db: None) -> None:
    grower, buyer, seller = households(1)[0], organisation("采购公司"), organisation("卖方公司")
    need = posting("need", owner_kind="organisation", organisation=buyer, place=people.county())
    wang = people.wang().actor
    unsigned = agreement(posting("offer", owner_kind="household", household=grower), need, unsigned=True)
    by_firm = agreement(posting("offer", owner_kind="organisation", organisation=seller), need)
    free = agreement(posting("offer", owner_kind="household", household=grower), need, price_fen=0)
    for made in (unsigned, by_firm, free):
        with pytest.raises(Conflict):
            order_from_agreement(actor=wang, agreement_id=made.pk)
    with pytest.raises(Hidden):
        order_from_agreement(actor=wang, agreement_id=0)


def test_many_agreements_take_as_many_statements_as_one(db: None, django_assert_num_queries: Any) -> None:
    made = [from_household()[0] for _ in range(5)]
    wang = people.wang().actor
    with django_assert_num_queries(10):
        orders_from_agreements(actor=wang, agreement_ids=[made[0].pk])
    with django_assert_num_queries(10):
        ids = orders_from_agreements(actor=wang, agreement_ids=[m.pk for m in made])
    assert len(ids) == 4 and Order.objects.count() == 5


def _delivered(made: Agreement, grower: Any, harvested: int, actor: Any) -> Order:
    """The order of an agreement, filled from what was harvested, paid and delivered."""
    order = order_from_agreement(actor=actor, agreement_id=made.pk)
    lot_set(actor=actor, offer_id=order.lines.get().offer_id, harvests=[Harvest(grower.pk, harvested)])
    confirm_payment(report=Report(order.pk, order.total_fen, f"transfer-{order.pk}"))
    fulfil_rounds(actor=actor, round_ids=[order.round_id])
    deliver_rounds(actor=actor, round_ids=[order.round_id])
    return order


def _now(made: Agreement) -> tuple[str, int, int, int]:
    """State and fulfilled quantity of the agreement, and of both postings; the database's own sums hold."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    row = Agreement.objects.select_related("offer", "need").get(pk=made.pk)
    return row.state, row.fulfilled, row.offer.fulfilled, row.need.fulfilled


def test_what_an_order_delivers_fulfils_its_agreement(db: None) -> None:
    made, grower, buyer = from_household()
    zhao = people.zhao(buyer.pk)
    _delivered(made, grower, 40, people.wang().actor)
    assert _now(made) == ("fulfilled", 40, 40, 40)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.accepted, delivery.recorded_by_name) == ("confirmed", 40, "订单签收")
    assert Message.objects.filter(recipient=zhao.user, title__contains="订单已签收").count() == 1
    assert AuditEntry.objects.filter(action="exchange.deliver_orders").count() == 1


def test_a_short_harvest_fulfils_in_part_and_the_rest_is_delivered_by_hand(db: None) -> None:
    made, grower, buyer = from_household()
    wang, li, zhao = people.wang().actor, people.li().actor, people.zhao(buyer.pk).actor
    order = _delivered(made, grower, 25, wang)
    assert _now(made) == ("agreed", 25, 25, 25)
    deliver_rounds(actor=wang, round_ids=[order.round_id])
    assert deliver_orders(actor=wang, delivered=[Ordered(made.pk, order.pk, 25)]) == 0  # once only
    by_hand = record_delivery(actor=li, agreement_id=made.pk, quantity=15, delivered_on=timezone.localdate())
    judge_delivery(actor=zhao, delivery_id=by_hand.pk, version=1, accepted=15)
    assert _now(made) == ("fulfilled", 40, 40, 40)


def test_what_both_sides_counted_before_does_not_count_twice(db: None) -> None:
    made, grower, buyer = from_household()
    li, zhao = people.li().actor, people.zhao(buyer.pk).actor
    for quantity in (10, 5):
        by_hand = record_delivery(
            actor=li, agreement_id=made.pk, quantity=quantity, delivered_on=timezone.localdate()
        )
    judge_delivery(actor=zhao, delivery_id=by_hand.pk, version=1, accepted=5)  # 5 count, 10 wait
    _delivered(made, grower, 40, people.wang().actor)
    assert _now(made) == ("agreed", 30, 30, 30)


def test_many_orders_fulfil_in_as_many_statements_as_one(db: None, django_assert_num_queries: Any) -> None:
    wang = people.wang().actor
    made = [from_household()[0] for _ in range(6)]

    def ordered(rows: list[Agreement]) -> list[Ordered]:
        return [Ordered(row.pk, 1000 + row.pk, 40) for row in rows]

    with django_assert_num_queries(19):
        assert deliver_orders(actor=wang, delivered=ordered(made[:1])) == 1
    with django_assert_num_queries(19):
        assert deliver_orders(actor=wang, delivered=ordered(made[1:])) == 5
    assert {_now(row) for row in made} == {("fulfilled", 40, 40, 40)}


def test_a_reader_of_english_finds_the_order_of_an_agreement_in_english(db: None) -> None:
    made, grower, _buyer = from_household()
    Category.objects.filter(pk=made.category_id).update(name_en="walnuts", unit_en="kg")
    wang = people.wang()
    order = order_from_agreement(actor=wang.actor, agreement_id=made.pk)
    offer_id = order.lines.get().offer_id
    lot_set(actor=wang.actor, offer_id=offer_id, harvests=[Harvest(grower.pk, 40)])
    confirm_payment(report=Report(order.pk, order.total_fen, "transfer-1"))
    fulfil_rounds(actor=wang.actor, round_ids=[order.round_id])
    for address in (f"/market/orders/{order.pk}", f"/market/{order.round_id}"):
        english, chinese = wang.client(), wang.client().get(address).content.decode()
        english.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
        page = english.get(address).content.decode()
        assert f"walnuts #{made.pk}" in page and "公斤" not in page and "核桃" not in page, address
        assert f"核桃 #{made.pk}" in chinese and "公斤" in chinese, address
        assert "按双方协议交货" not in page
    english.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    assert f"Order {order.pk}" in english.get("/ledger/").content.decode()
