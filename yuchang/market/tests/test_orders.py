"""Orders take what is there, once, and nothing that is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest
from django.db.models import Sum
from django.utils import timezone

from tests import people
from yuchang.accounts.rules import Actor, Grant, OrganisationScope, Role
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused, Stale
from yuchang.core.models import AuditEntry
from yuchang.ledger.tests.people_of_the_book import organisation
from yuchang.market.actions.orders import OrderRow, cancel_order, order_set, place_order, release_expired
from yuchang.market.actions.rounds import add_offer, commit, commit_set, start_sales
from yuchang.market.models import BuyerCount, Offer, Order, OrderLine, Round
from yuchang.market.tests.processes import in_processes
from yuchang.market.tests.world import World, build, goods


def buy(world: World, quantities: dict[int, int], key: str = "key-00000001", **more: Any) -> Order:
    values = {"actor": world.zhao, "organisation_id": world.buyer.pk} | more
    return place_order(quantities=quantities, idempotency_key=key, **values)


def second_offer(world: World, quantity: int = 100) -> Offer:
    """Another kind of goods in the same round, put on sale as well."""
    Round.objects.filter(pk=world.round.pk).update(state="draft")
    offer = add_offer(
        actor=world.wang,
        round_id=world.round.pk,
        version=world.reload().round.version,
        goods=goods(world.coop, world.carrier, title="苹果"),
    )
    commit_set(actor=world.wang, offer_id=offer.pk, quantities={world.growers[0].pk: quantity})
    start_sales(actor=world.wang, round_id=world.round.pk, version=world.round.version)
    return offer


def test_an_order_freezes_price_and_parts(db: None) -> None:
    world = build()
    order = world.order(10)
    line = OrderLine.objects.get(order=order)
    assert (order.state, order.total_fen, order.placed_by_id) == ("held", 32000, world.buyer_person.user.pk)
    assert (line.price_fen, line.grower_fen, line.coop_fen, line.logistics_fen) == (3200, 2560, 160, 320)
    assert order.expires_at > timezone.now() + timedelta(minutes=25)
    assert world.reload().offer.sold == 10
    assert AuditEntry.objects.filter(action="market.place_order", object_id=str(order.pk)).count() == 1


def test_sold_out_says_how_much_is_left_and_takes_nothing(db: None) -> None:
    world = build((50,))
    world.order(45)
    with pytest.raises(Conflict, match="5公斤"):
        world.order(6, key="too-much-0001")
    assert world.reload().offer.sold == 45 and Order.objects.count() == 1
    world.order(5)
    assert world.reload().offer.sold == 50


def test_nobody_orders_for_another_organisation(db: None) -> None:
    world = build()
    other = organisation("另一家")
    with pytest.raises(Refused):
        buy(world, {world.offer.pk: 1}, organisation_id=other.pk)
    for stranger in (world.officer, people.li(), people.outsider()):
        with pytest.raises(Refused):
            buy(world, {world.offer.pk: 1}, actor=stranger.actor)
    assert world.reload().offer.sold == 0


def test_an_organisation_that_is_not_vetted_cannot_order(db: None) -> None:
    world = build()
    type(world.buyer).objects.filter(pk=world.buyer.pk).update(state="suspended")
    with pytest.raises(Conflict, match="核验"):
        world.order(1)


@pytest.mark.parametrize("state", ["draft", "closed"])
def test_what_is_not_on_sale_cannot_be_ordered(db: None, state: str) -> None:
    world = build()
    Offer.objects.filter(pk=world.offer.pk).update(state=state)
    with pytest.raises(Conflict, match="销售时间"):
        world.order(1)


def test_outside_the_sales_window_nothing_is_sold(db: None) -> None:
    world = build()
    Round.objects.filter(pk=world.round.pk).update(sales_to=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Conflict, match="销售时间"):
        world.order(1)


@pytest.mark.parametrize("quantities", [{}, {1: 0}, {1: -5}, {1: 10**12}])
def test_a_quantity_that_makes_no_sense_is_refused(db: None, quantities: dict[int, int]) -> None:
    with pytest.raises(Invalid):
        buy(build(), quantities)


def test_the_same_key_is_one_order_and_another_content_a_conflict(db: None) -> None:
    world = build()
    first = buy(world, {world.offer.pk: 5})
    assert buy(world, {world.offer.pk: 5}) == first
    with pytest.raises(Conflict, match="编号"):
        buy(world, {world.offer.pk: 6})
    assert world.reload().offer.sold == 5 and Order.objects.count() == 1


def test_several_lines_are_taken_together_or_not_at_all(db: None) -> None:
    world = build((50,))
    other = second_offer(world, 10)
    order = buy(world, {world.offer.pk: 5, other.pk: 3})
    assert order.total_fen == 8 * 3200 and order.lines.count() == 2
    with pytest.raises(Conflict, match="苹果 7公斤"):
        buy(world, {world.offer.pk: 5, other.pk: 8}, key="key-00000002")
    other.refresh_from_db()
    assert (world.reload().offer.sold, other.sold) == (5, 3)


def test_the_limit_per_buyer_is_kept_by_the_database(db: None) -> None:
    world = build(buyer_limit=10)
    world.order(6)
    with pytest.raises(Conflict, match="4"):
        world.order(5, key="too-much-0001")
    assert world.reload().offer.sold == 6
    held = world.order(4)
    assert BuyerCount.objects.get().bought == 10
    cancel_order(actor=world.zhao, order_id=held.pk, version=1)
    assert BuyerCount.objects.get().bought == 6


def test_a_cancelled_hold_gives_its_goods_back_once(db: None) -> None:
    world = build()
    order = world.order(10)
    rival = people.zhao(organisation("另一家").pk)
    with pytest.raises(Hidden):
        cancel_order(actor=rival.actor, order_id=order.pk, version=1)
    with pytest.raises(Stale):
        cancel_order(actor=world.zhao, order_id=order.pk, version=7)
    for _again in range(2):
        assert cancel_order(actor=world.zhao, order_id=order.pk, version=1).state == "cancelled"
    assert world.reload().offer.sold == 0
    paid = world.pay(world.order(3))
    with pytest.raises(Conflict):
        cancel_order(actor=world.zhao, order_id=paid.pk, version=paid.version)


def test_an_unpaid_order_expires_and_a_paid_one_does_not(db: None) -> None:
    world = build()
    unpaid, paid = world.order(10), world.pay(world.order(7))
    Order.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert release_expired() == 1 and release_expired() == 0
    assert Order.objects.get(pk=unpaid.pk).state == "expired"
    assert Order.objects.get(pk=paid.pk).state == "paid"
    assert world.reload().offer.sold == 7


def test_a_set_of_orders_is_filled_in_its_order(db: None, django_assert_max_num_queries: Any) -> None:
    world = build((20,), buyer_limit=12)
    rival = organisation("另一家")
    both = Actor(
        None,
        "两家",
        tuple(Grant(Role.PARTNER, OrganisationScope(pk)) for pk in (world.buyer.pk, rival.pk)),
    )
    a, b, offer = world.buyer.pk, rival.pk, world.offer.pk
    rows = [
        OrderRow(a, offer, 8, "set-00001"),
        OrderRow(a, offer, 5, "set-00002"),  # above the limit of 12
        OrderRow(b, offer, 7, "set-00003"),
        OrderRow(b, offer, 4, "set-00004"),  # 8 + 5 + 7 + 4 asked so far is more than 20
    ]
    with django_assert_max_num_queries(12):
        placed = order_set(actor=both, rows=rows)
    assert set(placed) == {"set-00001", "set-00003"}
    assert order_set(actor=both, rows=rows[:1]) == {}
    assert world.reload().offer.sold == 15 == OrderLine.objects.aggregate(n=Sum("quantity"))["n"]
    with pytest.raises(Refused):
        order_set(actor=world.zhao, rows=rows[2:3])


def shopping(
    world: World, name: str, baskets: list[dict[int, int]], key: str = ""
) -> Callable[[], list[str]]:
    """What one buyer does in a process of its own; how each order ends."""

    def shop() -> list[str]:
        ends = []
        for number, basket in enumerate(baskets):
            try:
                buy(world, basket, key=key or f"{name}-{number:05d}", actor=buyer)
                ends.append("placed")
            except Conflict:
                ends.append("refused")
        return ends

    buyer = world.zhao
    return shop


@pytest.mark.django_db(transaction=True)
def test_eight_processes_sell_exactly_a_hundred_of_a_hundred() -> None:
    world = build((60, 40))
    basket = {world.offer.pk: 1}
    ends = in_processes(*[shopping(world, f"buyer-{i}", [basket] * 20) for i in range(8)])
    assert Counter(chain(*ends)) == {"placed": 100, "refused": 60}
    assert world.reload().offer.sold == 100 == OrderLine.objects.aggregate(n=Sum("quantity"))["n"]
    assert AuditEntry.objects.filter(action="market.place_order").count() == 100


@pytest.mark.django_db(transaction=True)
def test_orders_in_opposite_order_do_not_block_each_other() -> None:
    world = build((1000,))
    other = second_offer(world, 1000)
    one, two = {world.offer.pk: 1, other.pk: 1}, {other.pk: 1, world.offer.pk: 1}
    ends = in_processes(*[shopping(world, f"buyer-{i}", [one if i % 2 else two] * 25) for i in range(4)])
    assert Counter(chain(*ends)) == {"placed": 100}
    other.refresh_from_db()
    assert (world.reload().offer.sold, other.sold) == (100, 100)


@pytest.mark.django_db(transaction=True)
def test_one_key_from_four_processes_is_one_order() -> None:
    world = build()
    same = [shopping(world, "", [{world.offer.pk: 3}], key="the-same-key") for _ in range(4)]
    assert Counter(chain(*in_processes(*same))) == {"placed": 4}
    assert Order.objects.count() == 1 and world.reload().offer.sold == 3


def test_the_table_of_the_handbook(db: None) -> None:
    """The worked table of docs/rules/orders.md, line by line."""
    world = build((50, 30, 20), buyer_limit=60)
    canteen = organisation("食堂", "canteen")
    cook = {"actor": people.zhao(canteen.pk).actor, "organisation_id": canteen.pk}
    first = world.order(45)
    with pytest.raises(Conflict, match="15"):
        world.order(20, key="second-order")
    with pytest.raises(Conflict, match="55公斤"):
        buy(world, {world.offer.pk: 60}, **cook)
    held = buy(world, {world.offer.pk: 55}, **cook)
    world.pay(held)
    Order.objects.filter(pk=first.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert release_expired() == 1 and world.reload().offer.sold == 55
    promise = {"actor": world.wang, "offer_id": world.offer.pk, "household_id": world.growers[0].pk}
    commit(**promise, quantity=10, version=1)
    assert world.reload().offer.cap == 60
    with pytest.raises(Conflict):
        commit(**promise, quantity=4, version=2)
    assert world.pay(first).state == "expired"
    assert world.reload().offer.sold == 55
