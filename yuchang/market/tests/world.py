"""A round in 成县 with its people, for the tests of the market. All made up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from tests import people
from yuchang.accounts.rules import Actor
from yuchang.ledger.tests.people_of_the_book import households, organisation
from yuchang.market.actions.goods import Harvest, deliver_rounds, dispatch_rounds, fulfil_round, lot_set
from yuchang.market.actions.orders import place_order
from yuchang.market.actions.payments import Report, confirm_payment
from yuchang.market.actions.rounds import (
    Goods,
    Terms,
    add_offer,
    close_round,
    commit_set,
    open_round,
    start_sales,
)
from yuchang.market.models import Offer, Order, Round
from yuchang.partners.models import Organisation
from yuchang.registry.models import Household


def terms(**changes: object) -> Terms:
    """On sale since yesterday for a week."""
    now = timezone.now()
    values: dict[str, object] = {
        "title": "成县核桃预售",
        "sales_from": now - timedelta(days=1),
        "sales_to": now + timedelta(days=7),
        "deliver_on": (now + timedelta(days=30)).date(),
        "promise": "九月底前发货，坏果包赔。",
    }
    return Terms(**(values | changes))  # type: ignore[arg-type]


@dataclass
class World:
    """Everybody and everything of one round."""

    officer: people.Person
    buyer_person: people.Person
    buyer: Organisation
    coop: Organisation
    carrier: Organisation
    growers: list[Household]
    round: Round
    offer: Offer

    @property
    def wang(self) -> Actor:
        return self.officer.actor

    @property
    def zhao(self) -> Actor:
        return self.buyer_person.actor

    def reload(self) -> World:
        self.round.refresh_from_db()
        self.offer.refresh_from_db()
        return self

    def order(self, quantity: int = 10, key: str = "", offer: Offer | None = None) -> Order:
        key = key or f"order-{Order.objects.count():08d}"
        return place_order(
            actor=self.zhao,
            organisation_id=self.buyer.pk,
            quantities={(offer or self.offer).pk: quantity},
            idempotency_key=key,
        )

    def pay(self, order: Order, reference: str = "") -> Order:
        return confirm_payment(report=Report(order.pk, order.total_fen, reference or f"reference-{order.pk}"))

    def close(self) -> None:
        close_round(actor=self.wang, round_id=self.round.pk, version=self.reload().round.version)

    def harvest(self, *quantities: int, lost: int = 0) -> list[int]:
        harvests = [
            Harvest(household.pk, quantity, lost)
            for household, quantity in zip(self.growers, quantities, strict=False)
            if quantity
        ]
        return lot_set(actor=self.wang, offer_id=self.offer.pk, harvests=harvests)

    def fulfil(self):
        return fulfil_round(actor=self.wang, round_id=self.round.pk, version=self.reload().round.version)

    def deliver(self) -> None:
        dispatch_rounds(actor=self.wang, round_ids=[self.round.pk])
        deliver_rounds(actor=self.wang, round_ids=[self.round.pk])


def goods(world_coop: Organisation, carrier: Organisation, **changes: object) -> Goods:
    """Walnuts at 32.00 yuan: grower 25.60, co-op 1.60, carriage 3.20, platform 1.60."""
    values: dict[str, object] = {
        "title": "核桃",
        "category_code": "goods.walnut",
        "unit": "公斤",
        "price_fen": 3200,
        "grower_fen": 2560,
        "coop_fen": 160,
        "logistics_fen": 320,
        "coop_id": world_coop.pk,
        "logistics_id": carrier.pk,
    }
    return Goods(**(values | changes))  # type: ignore[arg-type]


def build(commitments: tuple[int, ...] = (50, 30, 20), *, on_sale: bool = True, **changes: object) -> World:
    """A round on sale; ``changes`` go to the goods, ``shortfall_rule`` to the terms."""
    officer = people.wang()
    buyer = organisation("采购公司")
    coop, carrier = organisation("合作社", "cooperative"), organisation("物流", "logistics")
    growers = households(len(commitments))
    rule = {k: changes.pop(k) for k in ("shortfall_rule", "way") if k in changes}
    row = open_round(actor=officer.actor, place=people.county(), terms=terms(**rule))
    offer = add_offer(
        actor=officer.actor, round_id=row.pk, version=row.version, goods=goods(coop, carrier, **changes)
    )
    quantities = {h.pk: q for h, q in zip(growers, commitments, strict=True)}
    commit_set(actor=officer.actor, offer_id=offer.pk, quantities=quantities)
    if on_sale:
        start_sales(actor=officer.actor, round_id=row.pk, version=row.version)
    return World(officer, people.zhao(buyer.pk), buyer, coop, carrier, growers, row, offer).reload()
