"""A payment counts once, in time or not at all; what does not count goes back."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from tests import people
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.core.models import Instance
from yuchang.ledger.models import Leg, Transaction
from yuchang.ledger.tests.people_of_the_book import organisation
from yuchang.market.actions.orders import cancel_order, release_expired
from yuchang.market.actions.payments import (
    Report,
    confirm_payment,
    confirm_set,
    pay_simulated,
    record_transfer,
)
from yuchang.market.models import Order, Payment
from yuchang.market.tests.world import World, build


def balance(kind: str) -> int:
    return Leg.objects.filter(account__kind=kind).aggregate(n=Sum("amount_fen"))["n"] or 0


def late(order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def test_a_report_pays_the_order_once_however_often_it_comes(db: None) -> None:
    world = build()
    order = world.order(10)
    for _again in range(3):
        assert world.pay(order).state == "paid"
    assert Payment.objects.count() == 1 and Transaction.objects.count() == 1
    assert (balance("clearing"), balance("organisation")) == (32000, -32000)


def test_a_late_payment_goes_straight_back(db: None) -> None:
    world = build()
    for ended in ("expired", "cancelled", "due"):
        order = world.order(10)
        if ended == "cancelled":
            cancel_order(actor=world.zhao, order_id=order.pk, version=1)
        else:
            late(order)
        if ended == "expired":
            release_expired()
        state = world.pay(order).state
        assert state == ("held" if ended == "due" else ended)
        assert Payment.objects.get(order=order).is_returned
        release_expired()
    assert (balance("clearing"), balance("organisation")) == (0, 0)
    assert sorted(Transaction.objects.values_list("kind", flat=True)) == ["payment"] * 3 + ["refund"] * 3
    assert world.reload().offer.sold == 0


def test_a_second_payment_of_one_order_goes_straight_back(db: None) -> None:
    world = build()
    order = world.order(10)
    reports = [Report(order.pk, 32000, f"twice-{i}") for i in range(2)]
    assert confirm_set(reports=reports) == 2
    assert confirm_set(reports=reports) == 0
    assert [p.is_returned for p in Payment.objects.order_by("id")] == [False, True]
    assert balance("clearing") == 32000


def test_a_wrong_amount_order_or_reference_is_refused(db: None) -> None:
    world = build()
    order, other = world.order(10), world.order(10)
    with pytest.raises(Invalid):
        confirm_payment(report=Report(order.pk, 31999, "reference-a"))
    with pytest.raises(Hidden):
        confirm_payment(report=Report(0, 1, "reference-a"))
    world.pay(order, "reference-a")
    with pytest.raises(Conflict):
        world.pay(other, "reference-a")
    assert Order.objects.get(pk=other.pk).state == "held"


def test_simulated_payment_only_in_a_simulated_database_and_by_the_buyer(db: None) -> None:
    world = build()
    order = world.order(10)
    with pytest.raises(Conflict, match="演示"):
        pay_simulated(actor=world.zhao, order_id=order.pk)
    Instance.objects.update_or_create(pk=1, defaults={"is_simulated": True})
    with pytest.raises(Hidden):
        pay_simulated(actor=people.zhao(organisation("另一家").pk).actor, order_id=order.pk)
    with pytest.raises(Refused):
        pay_simulated(actor=world.wang, order_id=order.pk)
    for _again in range(2):
        assert pay_simulated(actor=world.zhao, order_id=order.pk).state == "paid"
    assert Payment.objects.get().provider == "simulated"


def test_an_officer_of_the_place_records_a_bank_transfer(db: None) -> None:
    world = build()
    order = world.order(10)
    for stranger, error in (
        (people.outsider(), Hidden),
        (people.li(), Refused),
        (world.buyer_person, Refused),
    ):
        with pytest.raises(error):
            record_transfer(actor=stranger.actor, order_id=order.pk, amount_fen=32000, reference="B-1")
    with pytest.raises(Invalid):
        record_transfer(actor=world.wang, order_id=order.pk, amount_fen=32000, reference=" ")
    paid = record_transfer(actor=world.wang, order_id=order.pk, amount_fen=32000, reference="B-1")
    assert paid.state == "paid" and Payment.objects.get().provider == "transfer"


def in_threads(*calls: object) -> None:
    """Run calls at the same time, each on its own connection."""
    gate = threading.Barrier(len(calls))

    def run(call: object) -> None:
        try:
            gate.wait()
            call()  # type: ignore[operator]
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def race(world: World) -> str:
    """A payment arrives in the moment in which the hold expires; how it ended."""
    order = world.order(1)
    moment = Order.objects.get(pk=order.pk)
    Order.objects.filter(pk=order.pk).update(expires_at=timezone.now() + timedelta(milliseconds=3))
    in_threads(lambda: world.pay(moment), release_expired, release_expired)
    release_expired()
    return Order.objects.get(pk=order.pk).state


@pytest.mark.django_db(transaction=True)
def test_payment_and_expiry_in_the_same_moment_have_one_winner() -> None:
    world = build()
    ends = [race(world) for _ in range(12)]
    paid = ends.count("paid")
    late_holds = Order.objects.filter(state="held").count()
    assert world.reload().offer.sold == paid + late_holds
    assert balance("clearing") == paid * 3200
    assert Payment.objects.count() == 12 and Payment.objects.filter(is_returned=True).count() == 12 - paid


@pytest.mark.django_db(transaction=True)
def test_the_same_report_from_four_connections_counts_once() -> None:
    world = build()
    order = world.order(10)
    in_threads(*[lambda: world.pay(order)] * 4)
    assert Payment.objects.count() == 1 and balance("clearing") == 32000
