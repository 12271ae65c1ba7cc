"""From the harvest to the household's book: nothing more sold than grown, every fen accounted for."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.db.models import Sum

from tests import people
from yuchang.accounts.rules import SYSTEM
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused, Stale
from yuchang.ledger import queries as book
from yuchang.ledger.models import Leg
from yuchang.market import queries
from yuchang.market.actions.goods import (
    Harvest,
    deliver_order,
    deliver_rounds,
    dispatch_rounds,
    fulfil_round,
    lot_set,
    record_lot,
)
from yuchang.market.actions.settlements import settle_round, settle_rounds
from yuchang.market.models import Allocation, Lot, Order, OrderLine, Settlement
from yuchang.market.tests.world import World, build

DAYS = (date(2020, 1, 1), date(2100, 1, 1))


def sold(world: World, *quantities: int) -> list[Order]:
    """Paid orders, sales ended."""
    orders = [world.pay(world.order(quantity)) for quantity in quantities]
    world.close()
    return orders


def settle(world: World) -> Any:
    return settle_round(actor=world.wang, round_id=world.round.pk, version=world.reload().round.version)


def balance(kind: str) -> int:
    return Leg.objects.filter(account__kind=kind).aggregate(n=Sum("amount_fen"))["n"] or 0


def test_a_round_is_settled_to_the_fen(db: None) -> None:
    world = build((50, 30, 20))
    sold(world, 40, 20)
    world.harvest(50, 30, 20)
    assert world.fulfil().missing == 0
    world.deliver()
    preview = queries.settlement_preview(world.round.pk)
    paid = settle(world)
    assert (paid.orders, paid.households_fen, paid.coop_fen) == (2, 60 * 2560, 60 * 160)
    assert (paid.logistics_fen, paid.residual_fen) == (60 * 320, 60 * 160)
    assert preview.total_fen == 60 * 3200 and preview.households_fen == paid.households_fen
    each = {pk: fen for pk, _name, fen in preview.households}
    assert each == book.income_by_household([h.pk for h in world.growers], *DAYS)
    assert each[world.growers[0].pk] == 30 * 2560
    assert (balance("clearing"), balance("household"), balance("residual")) == (0, 60 * 2560, 60 * 160)
    assert world.reload().round.state == "settled"
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize(("rule", "delivered"), [("pro_rata", [27, 14, 9]), ("first_come", [40, 10, 0])])
def test_a_shortfall_is_refunded_by_the_written_rule(db: None, rule: str, delivered: list[int]) -> None:
    world = build((50, 30, 20), shortfall_rule=rule)
    orders = sold(world, 40, 20, 14)
    world.harvest(30, 20, 0)
    done = world.fulfil()
    assert (done.missing, done.refunded_fen) == (24, 24 * 3200)
    lines = OrderLine.objects.order_by("order_id").values_list("fulfilled", flat=True)
    assert list(lines) == delivered
    world.deliver()
    settle(world)
    for order, quantity in zip(orders, delivered, strict=True):
        order.refresh_from_db()
        assert order.state == ("settled" if quantity else "refunded")
    assert balance("clearing") == 0
    assert balance("household") == 50 * 2560
    total = book.totals(people.county(), *DAYS)
    assert (
        total.received_fen
        == total.refunded_fen + total.households_fen + total.organisations_fen + total.fees_fen
    )
    assert total.refunded_fen == 24 * 3200


def test_settling_again_pays_nothing_more(db: None) -> None:
    world = build()
    sold(world, 10)
    world.harvest(50, 30, 20)
    world.fulfil()
    world.deliver()
    settle(world)
    legs = Leg.objects.count()
    for version in (1, None, world.reload().round.version):
        assert settle_round(actor=world.wang, round_id=world.round.pk, version=version).orders == 0
    assert settle_rounds(actor=world.wang, round_ids=[world.round.pk]).orders == 0
    assert Leg.objects.count() == legs and Settlement.objects.count() == 1


def test_only_delivered_orders_are_paid_out(db: None) -> None:
    world = build()
    first, second = sold(world, 10, 10)
    world.harvest(50, 30, 20)
    world.fulfil()
    with pytest.raises(Conflict):
        deliver_order(actor=world.zhao, order_id=first.pk, version=2)
    dispatch_rounds(actor=world.wang, round_ids=[world.round.pk])
    first.refresh_from_db()
    with pytest.raises(Refused):
        deliver_order(actor=world.wang, order_id=first.pk, version=first.version)
    deliver_order(actor=world.zhao, order_id=first.pk, version=first.version)
    assert settle(world).orders == 1 and world.reload().round.state == "fulfilled"
    deliver_rounds(actor=world.wang, round_ids=[world.round.pk])
    assert settle(world).orders == 1 and world.reload().round.state == "settled"
    assert {first.pk, second.pk} == set(Settlement.objects.values_list("order_id", flat=True))


def test_nobody_else_fills_delivers_or_settles(db: None) -> None:
    world = build()
    sold(world, 10)
    world.harvest(50, 30, 20)
    for stranger, error in (
        (people.outsider(), Hidden),
        (people.li(), Refused),
        (world.buyer_person, Refused),
    ):
        for call in (fulfil_round, settle_round):
            with pytest.raises(error):
                call(actor=stranger.actor, round_id=world.round.pk, version=world.reload().round.version)
        with pytest.raises(error):
            deliver_rounds(actor=stranger.actor, round_ids=[world.round.pk])
    with pytest.raises(Stale):
        fulfil_round(actor=world.wang, round_id=world.round.pk, version=1)
    with pytest.raises(Refused):
        settle_rounds(actor=SYSTEM, round_ids=[world.round.pk])


def test_an_open_round_is_not_filled_and_an_unfilled_one_not_delivered(db: None) -> None:
    world = build()
    with pytest.raises(Conflict):
        world.fulfil()
    sold(world, 10)
    with pytest.raises(Conflict):
        deliver_rounds(actor=world.wang, round_ids=[world.round.pk])


def test_goods_are_recorded_by_the_village_for_its_own_growers(db: None) -> None:
    world = build()
    cadre, first = people.li().actor, world.growers[0].pk
    lot = record_lot(actor=cadre, offer_id=world.offer.pk, harvest=Harvest(first, 40, 5))
    assert (lot.harvested, lot.lost, lot.sold) == (40, 5, 0)
    other = people.li(people.villages()[-1]).actor
    for actor in (other, people.outsider().actor):
        with pytest.raises(Hidden):
            record_lot(actor=actor, offer_id=world.offer.pk, harvest=Harvest(first, 40))
    for wrong in (Harvest(first, 0), Harvest(first, 5, 6), Harvest(first, 5, -1)):
        with pytest.raises(Invalid):
            record_lot(actor=cadre, offer_id=world.offer.pk, harvest=wrong)
    with pytest.raises(Hidden):
        lot_set(actor=world.wang, offer_id=world.offer.pk, harvests=[Harvest(0, 5)])


def test_the_database_refuses_to_sell_more_of_a_lot_than_was_grown(db: None) -> None:
    world = build((50,))
    sold(world, 30)
    world.harvest(20, lost=5)
    world.fulfil()
    lot = Lot.objects.get()
    assert (lot.sold, OrderLine.objects.get().fulfilled) == (15, 15)
    line = OrderLine.objects.get()
    Allocation_ = {"household_id": lot.household_id, "quantity": 1}
    second = Lot.objects.create(
        number="second", offer=world.offer, household_id=lot.household_id, harvested=1, lost=1,
        harvested_on=lot.harvested_on, place_id=lot.place_id,
    )  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        Allocation.objects.create(line=line, lot=second, **Allocation_)
    with pytest.raises(IntegrityError), transaction.atomic():
        Allocation.objects.create(line=line, lot=second, household_id=0, quantity=1)
    for change in ({"sold": 0}, {"harvested": 100}):
        with pytest.raises(ProgrammingError), transaction.atomic():
            Lot.objects.filter(pk=lot.pk).update(**change)
    for model in (Allocation, Settlement):
        with pytest.raises(ProgrammingError), transaction.atomic():
            model.objects.all().delete()


def test_the_flow_of_money_equals_the_totals(db: None) -> None:
    world = build((50, 30, 20), way="value_chain")
    sold(world, 40, 20)
    world.harvest(50, 30, 20)
    world.fulfil()
    world.deliver()
    settle(world)
    flows = book.money_flows(people.county(), *DAYS)
    total = book.totals(people.county(), *DAYS)
    assert flows["households_fen"] == total.households_fen == 60 * 2560
    assert flows["total_fen"] == total.received_fen - total.refunded_fen == 60 * 3200
    assert {"产业链带动", "合作社服务费", "物流费", "平台留存与尾差"} <= {n["name"] for n in flows["nodes"]}
    into: dict[str, int] = {}
    for link in flows["links"]:
        into[link["target"]] = into.get(link["target"], 0) + link["value"]
    assert into["产业链带动"] == 60 * 2560
    assert book.money_flows(people.county(people.WEN), *DAYS)["total_fen"] == 0
    assert queries.totals(people.county(), *DAYS) == {
        "orders": 2, "sold_fen": 60 * 3200, "settled_orders": 2, "settled_fen": 60 * 3200,
    }  # fmt: skip
