"""An agreement that holds, made without a clearing: 李四's walnuts for 陇上商会."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from tests import people
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.exchange import actions
from yuchang.exchange.models import Agreement, Delivery, Match
from yuchang.exchange.tests.world import Market
from yuchang.files.tests import hostile


def paper(name: str = "送货单.png") -> SimpleUploadedFile:
    """A small picture as it is uploaded."""
    return SimpleUploadedFile(name, hostile.png(), content_type="image/png")


def proposal(market: Market, quantity: int = 200) -> Match:
    """A proposal between the two, as a clearing would have made it."""
    return Match.objects.create(
        offer=market.offer,
        need=market.need,
        category_id=market.offer.category_id,
        quantity=quantity,
        price_fen=2300,
        offer_gain_fen=300,
        need_gain_fen=300,
        distance_km=60,
        window_from=date(2026, 12, 1),
        window_to=date(2027, 6, 30),
        reason={"offer_partners": 1, "need_partners": 1, "offer_gain_fen": 300, "need_gain_fen": 300},
    )


class Deal:
    """The agreement, its people on both sides, an officer who took no part, and strangers."""

    def __init__(self, quantity: int = 200) -> None:
        self.market = Market()
        self.li, self.zhao = self.market.li, self.market.zhao
        self.second_li, self.second_zhao = people.li(), people.zhao(self.market.firm.pk)
        self.officer, self.outsider = self.market.wang, people.outsider()
        self.match = proposal(self.market, quantity)
        row = actions.propose_agreement(
            actor=self.li.actor,
            match_id=self.match.pk,
            version=1,
            side="offer",
            quantity=quantity,
            price_fen=2300,
            delivery_from=date(2026, 12, 1),
            delivery_to=date(2027, 1, 31),
        )
        self.row = actions.sign_agreement(actor=self.zhao.actor, agreement_id=row.pk, version=1)

    def fresh(self) -> Agreement:
        """The agreement as it is now."""
        return Agreement.objects.get(pk=self.row.pk)

    def deliver(self, quantity: int, **more: Any) -> Delivery:
        """Recorded by the giving side today."""
        given: dict[str, Any] = {"actor": self.li.actor, "delivered_on": clock.today()} | more
        return actions.record_delivery(agreement_id=self.row.pk, quantity=quantity, **given)

    def accept(self, delivery: Delivery, accepted: int | None = None, reason: str = "") -> Delivery:
        """Judged by the receiving side."""
        units = delivery.quantity if accepted is None else accepted
        return self.judge(self.zhao.actor, delivery, units, reason)

    @staticmethod
    def judge(actor: Actor, delivery: Delivery, accepted: int, reason: str = "") -> Delivery:
        """Judged by anybody."""
        return actions.judge_delivery(
            actor=actor, delivery_id=delivery.pk, version=delivery.version, accepted=accepted, reason=reason
        )
