"""Whatever buyers, growers and officers do in whatever order: no unit and no fen appears or disappears."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from yuchang.core.errors import YuchangError
from yuchang.ledger.models import Leg
from yuchang.market.actions.goods import Harvest, deliver_order, deliver_rounds, dispatch_rounds, lot_set
from yuchang.market.actions.orders import cancel_order, release_expired
from yuchang.market.actions.payments import Report, confirm_payment
from yuchang.market.actions.rounds import commit
from yuchang.market.actions.settlements import settle_round
from yuchang.market.models import Allocation, Commitment, Lot, Order, OrderLine, Payment, Settlement
from yuchang.market.tests.world import World, build

LIVE = ["held", "paid", "dispatched", "delivered", "settled", "refunded"]


def total(rows: Any, column: str) -> int:
    return rows.aggregate(n=Sum(column))["n"] or 0


class Season(RuleBasedStateMachine):
    """One round with three growers, from open sales to the last settlement."""

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.world: World = build((30, 20, 10), shortfall_rule="pro_rata")
        self.reports: list[Report] = []

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def an_order(self, number: int) -> Order | None:
        orders = list(Order.objects.order_by("id"))
        return orders[number % len(orders)] if orders else None

    @rule(quantity=st.integers(1, 25))
    def somebody_orders(self, quantity: int) -> None:
        with suppress(YuchangError):
            self.world.order(quantity)

    @rule(number=st.integers(0, 50), again=st.booleans())
    def a_payment_arrives(self, number: int, again: bool) -> None:
        order = self.an_order(number)
        if order is None:
            return
        reference = f"pay-{order.pk}" if again else f"pay-{order.pk}-{len(self.reports)}"
        self.reports.append(Report(order.pk, order.total_fen, reference))
        confirm_payment(report=self.reports[-1])

    @precondition(lambda self: self.reports)
    @rule(number=st.integers(0, 50))
    def a_payment_is_reported_again(self, number: int) -> None:
        before = Payment.objects.count()
        confirm_payment(report=self.reports[number % len(self.reports)])
        assert Payment.objects.count() == before

    @rule(number=st.integers(0, 50))
    def a_buyer_cancels(self, number: int) -> None:
        order = self.an_order(number)
        if order is not None:
            with suppress(YuchangError):
                cancel_order(actor=self.world.zhao, order_id=order.pk, version=order.version)

    @rule()
    def time_passes(self) -> None:
        Order.objects.filter(state="held").update(expires_at=timezone.now() - timedelta(seconds=1))
        release_expired()

    @rule(grower=st.integers(0, 2), quantity=st.integers(1, 40))
    def a_grower_changes_the_promise(self, grower: int, quantity: int) -> None:
        row = Commitment.objects.get(household=self.world.growers[grower])
        with suppress(YuchangError):
            commit(
                actor=self.world.wang,
                offer_id=self.world.offer.pk,
                household_id=row.household_id,
                quantity=quantity,
                version=row.version,
            )

    @rule(grower=st.integers(0, 2), harvested=st.integers(1, 30), lost=st.integers(0, 5))
    def goods_come_in(self, grower: int, harvested: int, lost: int) -> None:
        harvest = Harvest(self.world.growers[grower].pk, harvested, min(lost, harvested))
        with suppress(YuchangError):
            lot_set(actor=self.world.wang, offer_id=self.world.offer.pk, harvests=[harvest])

    @rule()
    def sales_end_and_orders_are_filled(self) -> None:
        with suppress(YuchangError):
            self.world.close()
        with suppress(YuchangError):
            self.world.fulfil()

    @rule()
    def parcels_leave(self) -> None:
        with suppress(YuchangError):
            dispatch_rounds(actor=self.world.wang, round_ids=[self.world.round.pk])

    @rule(number=st.integers(0, 50))
    def a_parcel_arrives(self, number: int) -> None:
        order = self.an_order(number)
        if order is not None:
            with suppress(YuchangError):
                deliver_order(actor=self.world.zhao, order_id=order.pk, version=order.version)

    @rule()
    def all_parcels_arrive(self) -> None:
        with suppress(YuchangError):
            deliver_rounds(actor=self.world.wang, round_ids=[self.world.round.pk])

    @rule()
    def the_round_is_settled(self) -> None:
        version = self.world.reload().round.version
        settle_round(actor=self.world.wang, round_id=self.world.round.pk, version=version)

    @invariant()
    def goods_are_conserved(self) -> None:
        offer = self.world.reload().offer
        assert offer.sold == total(OrderLine.objects.filter(order__state__in=LIVE), "quantity")
        assert offer.sold <= offer.cap <= offer.committed == total(Commitment.objects, "quantity")
        assert total(Allocation.objects, "quantity") == total(OrderLine.objects, "fulfilled")
        assert total(Lot.objects, "sold") == total(Allocation.objects, "quantity")

    @invariant()
    def every_fen_is_somewhere(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        kinds = dict(Leg.objects.values_list("account__kind").annotate(Sum("amount_fen")))
        assert sum(kinds.values()) == 0
        settled = Settlement.objects.aggregate(
            households=Sum("households_fen", default=0), residual=Sum("residual_fen", default=0)
        )
        assert kinds.get("household", 0) == settled["households"]
        assert kinds.get("residual", 0) == settled["residual"]
        waiting = Order.objects.filter(state__in=["paid", "dispatched", "delivered"])
        lines = OrderLine.objects.filter(order__in=waiting)
        due = sum(
            line.price_fen * (line.quantity if line.fulfilled is None else line.fulfilled) for line in lines
        )
        assert kinds.get("clearing", 0) == due


@pytest.mark.django_db
def test_no_unit_and_no_fen_is_lost_in_any_season() -> None:
    run_state_machine_as_test(
        Season,
        settings=settings(
            max_examples=4,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
